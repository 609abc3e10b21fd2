"""The wheel contains every file of both packages, and declares every distribution that they import."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = (PROJECT / "cache" / "esmcache", PROJECT / "server" / "esmcache_lsp")
# The Python modules, the JavaScript that Node loads, and the marker file for type checkers.
NEEDED = ("*.py", "*.cjs", "*.mjs", "py.typed")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the files in a new wheel, without its metadata."""
    directory = tmp_path_factory.mktemp("wheel")
    # The installed hatchling builds the wheel, so no network is needed.
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    (wheel,) = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
@pytest.mark.parametrize("pattern", NEEDED)
def test_the_wheel_contains_every_code_file(packed: set[str], package: Path, pattern: str) -> None:
    wanted = {path.relative_to(package.parent).as_posix() for path in package.rglob(pattern)}
    # The server has no JavaScript.
    assert wanted or (package.name, pattern) in {("esmcache_lsp", "*.cjs"), ("esmcache_lsp", "*.mjs")}
    assert wanted - packed == set()


def test_the_wheel_contains_only_the_packages_and_the_diagnostics_page(packed: set[str]) -> None:
    sources = {
        path.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == {*sources, "esmcache_lsp/diagnostics.md"}


def test_declared_dependencies_match_the_imports() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    own = {package.name for package in PACKAGES}
    distributions = packages_distributions()
    imported = {
        canonicalize_name(distribution)
        for name in {*_imported_names()} - own - sys.stdlib_module_names
        for distribution in distributions.get(name, [name])
    }
    assert imported == declared


def _imported_names() -> Iterator[str]:
    """Yield the top-level name of each absolute import, including those in functions and for type checkers."""
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]
