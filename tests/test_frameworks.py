"""Frameworks and tools of the benchmark behave the same with the cache as without it.

A native start is made twice. Lines and files in which the two differ are unsteady by themselves, and are left out.
"""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from common import Outcome, Way, start
from conftest import node_of
from differential.starting import Kept, empty_home, open_cache, restore, tree
from esmcache.launch.program import installed_hook
from framework_programs import MODULES, ROWS, Framework, served
from removing import remove_tree

# `make test-frameworks` sets the variable and installs the packages of all rows. The packages of `make test` are enough
# for these.
_ALL = bool(os.environ.get("ESMCACHE_TEST_FRAMEWORKS"))
_SAMPLE = ("mocha", "node --test")
_PAIRS = [
    (row, node) for row in ROWS for node in ("node24", "node26") if _ALL or (row.name in _SAMPLE and node == "node24")
]
_TEST_FILES = 3
# Names of files contain random letters and the numbers of processes.
_UNSTEADY_IN_NAMES = re.compile(r"[\da-f]{8,}|\d+")
# A child process must be warmed before its own misses can be known.
_WARMS_OF_MISSED = 2


@pytest.fixture
def directory() -> Iterator[Path]:
    """Return a directory with a short path, since a socket's path may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)
        remove_tree(Path(name) / "home")


@dataclass
class Project:
    """A row's project, whose files are in their original state at every start."""

    root: Path
    # Every start finds this directory empty.
    temporary: Path
    reports: list[dict[str, Any]] = field(default_factory=list)
    kept: Mapping[str, Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = dict(tree(self.root))

    def facts(self, way: Way) -> dict[str, object]:
        """Return all that a start shows: its exit code, the lines that it prints and the files that it changes."""
        log = self.root.parent / "reports"
        outcome = start(replace(way, environment={**way.environment, "ESMCACHE_LOG": str(log)}), self.root).outcome
        self.reports = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        after = dict(tree(self.root))
        changed = {name for name in after.keys() | self.kept.keys() if after.get(name) != self.kept.get(name)}
        if changed:
            restore(self.root, self.kept)
        remove_tree(self.temporary)
        self.temporary.mkdir()
        return {
            **_printed(outcome),
            **{f"file {_UNSTEADY_IN_NAMES.sub('*', name)}": after.get(name) for name in changed},
        }


def _printed(outcome: Outcome) -> dict[str, object]:
    facts: dict[str, object] = {"exit code": outcome.exit_code}
    for stream in ("stdout", "stderr"):
        lines = getattr(outcome, stream).splitlines()
        facts[f"{stream}, number of lines"] = len(lines)
        facts.update({f"{stream}, line {number}": line for number, line in enumerate(lines)})
    return facts


@pytest.mark.parametrize(("row", "version"), _PAIRS, ids=[f"{row.name}/{node}" for row, node in _PAIRS])
def test_framework(
    row: Framework, version: str, directory: Path, npm_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_of(version)
    for name in ("home", "work", "tmp"):
        (directory / name).mkdir(mode=0o700)
    modules = MODULES if _ALL else npm_tools
    # Tools look for packages in the directories above the project.
    (directory / "work" / "node_modules").symlink_to(modules)
    home = empty_home(directory / "home", monkeypatch)
    (directory / "bin").mkdir()
    (directory / "bin" / "node").symlink_to(node)
    environment = {
        **home.environment,
        "PATH": f"{directory / 'bin'}:{home.environment['PATH']}",
        "TMPDIR": str(directory / "tmp"),
        "CI": "1",
        "NO_COLOR": "1",
    }
    project = Project(row.place(directory / "work", modules, node, environment, _TEST_FILES), directory / "tmp")
    # A process that is killed may leave files half written, and reports nothing.
    native = replace(row.native(node, modules, environment), stop=signal.SIGTERM)
    expected, again = project.facts(native), project.facts(native)
    unsteady = {name for name in expected.keys() | again.keys() if expected.get(name) != again.get(name)}
    assert row.until or expected["exit code"] == row.exit_code, expected
    assert [name for name in expected.keys() - unsteady if ", line " in name], f"too little is steady: {expected}"

    def check(state: str, way: Way) -> None:
        seen = project.facts(way)
        names = (expected.keys() | seen.keys()) - unsteady
        differing = {
            name: (expected.get(name), seen.get(name)) for name in names if expected.get(name) != seen.get(name)
        }
        assert differing == {}, state
        assert [report for report in project.reports if report.get("faults")] == [], state

    way = served(native, str(installed_hook(environment)))
    check("cold", way)
    assert not any(report["served"] for report in project.reports)
    with open_cache(node, home) as cache:
        cache.warm(row.entries(project.root, modules))
    check("warm", way)
    for number in range(_WARMS_OF_MISSED):
        with open_cache(node, home) as cache:
            cache.warm_missed()
        check(f"with what it missed, {number}", way)
    # A process that ends by a signal reports nothing.
    if not row.until:
        assert any(report["served"] for report in project.reports)
