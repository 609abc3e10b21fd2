"""The suite's own runner: a new base directory each time, its removal if all tests pass, and other conditions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import PROJECT
from processes import descendants_of

RUNNER = PROJECT / "tests" / "run_suite.py"


def run_suite(directory: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one test with the runner, with base directories below `directory`."""
    file = directory / "test_one.py"
    file.write_text(f"import os, time\ndef test_one(tmp_path):\n    {test}\n")
    return subprocess.run(
        [sys.executable, RUNNER, *options, "-p", "no:cacheprovider", file],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(directory)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_the_base_directory_is_removed_if_all_tests_passed(tmp_path: Path) -> None:
    # Directories of code caches have this mode, too.
    makes = "(tmp_path / 'a').mkdir(); (tmp_path / 'a/b').touch(); (tmp_path / 'a').chmod(0o500)"
    ended = run_suite(tmp_path, makes)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.startswith(f"pytest's base directory: {tmp_path}/")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_failed_test_is_reported_and_conditions_are_applied(tmp_path: Path) -> None:
    before = set(descendants_of(os.getpid()))
    ended = run_suite(tmp_path, "assert os.umask(0) == 0o777", "--umask", "027", "--beside", "1")
    assert ended.returncode == 1
    assert "assert 23 == 511" in ended.stdout
    (base,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert f"kept: {base};" in ended.stdout
    assert set(descendants_of(os.getpid())) <= before
