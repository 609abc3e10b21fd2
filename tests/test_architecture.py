"""Rules about the whole tree: the imports between layers, and what files must and must not contain."""

from __future__ import annotations

import ast
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmcache_lsp.features import FEATURES

PROJECT = Path(__file__).resolve().parent.parent
PYTHON_ROOTS = ("benchmarks", "cache", "docs", "server", "tests")
NOT_OURS = {
    ".cache",
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "dist",
    "node_modules",
}


def python_modules() -> list[Path]:
    return [
        path
        for root in PYTHON_ROOTS
        for path in sorted((PROJECT / root).rglob("*.py"))
        if not NOT_OURS.intersection(path.relative_to(PROJECT).parts)
    ]


def project_files() -> Iterator[Path]:
    """Yield the files that are or could be committed; without git, all files that are not installed or built."""
    git = shutil.which("git")
    if git and (PROJECT / ".git").exists():
        # The checkout may belong to somebody else.
        options = ["-c", f"safe.directory={PROJECT}"]
        listed = subprocess.run(
            [git, *options, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT,
            capture_output=True,
            check=True,
        )
        candidates = [PROJECT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        yield from (path for path in candidates if path.is_file() and not path.is_symlink())
        return
    for directory, subdirectories, names in os.walk(PROJECT):
        subdirectories[:] = [name for name in subdirectories if name not in NOT_OURS]
        yield from (Path(directory, name) for name in names)


def test_imports_keep_the_contract() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [sys.executable, str(lint_imports), "--config", "pyproject.toml", "--no-cache", "--no-logo"],
        cwd=PROJECT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(path.relative_to(PROJECT))
        for path in python_modules()
        if not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert silent == []


def test_every_feature_is_listed() -> None:
    features = PROJECT / "server" / "esmcache_lsp" / "features"
    files = {path.stem for path in features.glob("*.py")} - {"__init__"}
    assert {register.__module__.rpartition(".")[2] for register in FEATURES} == files


def machine_paths() -> list[str]:
    """Return absolute paths that exist on this machine only: the checkout and the homes."""
    homes = {Path.home()}
    # Not every user has a line in /etc/passwd.
    homes |= {Path(user.pw_dir) for user in pwd.getpwall() if user.pw_uid == os.getuid()}
    return sorted(str(path) for path in {PROJECT, *homes} if len(path.parts) > 1)


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a registry's host", r"\bregistry\.[a-z]+\.(?:com|org)|\bpy(?:pi|thonhosted)\.org"),
        ("a path of this machine", "|".join(rf"{re.escape(path)}(?![\w.-])" for path in machine_paths())),
    ],
)
def test_no_file_contains(what: str, pattern: str) -> None:
    guilty = [
        f"{path.relative_to(PROJECT)}: {found[0].decode(errors='replace')}"
        for path in project_files()
        if (found := re.search(pattern.encode(), path.read_bytes()))
    ]
    assert guilty == [], f"these files name {what}"


def test_lock_files_leave_the_registry_open() -> None:
    locks = [path for path in project_files() if path.name == "package-lock.json"]
    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        assert [name for name, package in packages.items() if "resolved" in package] == [], lock
        assert (lock.parent / ".npmrc").read_text(encoding="utf-8").split() == ["omit-lockfile-registry-resolved=true"]


def test_pages_name_tests_that_exist() -> None:
    pages = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    there = {path.name for path in (PROJECT / "tests").rglob("test_*.py") if "node_modules" not in path.parts}
    missing = []
    for page in pages:
        for named in re.findall(r"`((?:tests/)?[\w/]*(?:test_\w+\.py)?)`", page.read_text("utf-8")):
            is_directory = named.startswith("tests/") and (PROJECT / named).exists()
            if ("test_" in named or named.startswith("tests/")) and not is_directory and Path(named).name not in there:
                missing.append(f"{page.name}: {named}")
    assert missing == []
