"""Real command-line tools out of npm never behave differently served than native: those below differential/tools/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from differential.programs import DifferentialProgram, all_tools, check_record
from differential.starting import Starter, empty_home
from esmcache.engine.program import installed_hook

_EVERYTHING = bool(os.environ.get("ESMCACHE_TEST_EVERYTHING"))

_PAIRS = [(tool, node) for tool in all_tools() for node in tool.nodes]
_STARTS = [pytest.param(tool, node) for tool, node in _PAIRS]
_IDS = [f"{tool.case.name}/{node}" for tool, node in _PAIRS]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EsmcacheHome]:
    """Return a home of the tool's own, so that its first start finds nothing in the cache."""
    with pytest.MonkeyPatch.context() as patched:
        (tmp_path / "home").mkdir(mode=0o700)
        yield empty_home(tmp_path / "home", patched)
    # Some 20 MB each, and pytest keeps the directories of three runs.
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(("tool", "any_node"), _STARTS, ids=_IDS, indirect=["any_node"])
def test_tool(
    tool: DifferentialProgram,
    any_node: Path,
    tmp_path: Path,
    npm_tools: Path,
    home: EsmcacheHome,
    update_golden: bool,
    request: pytest.FixtureRequest,
) -> None:
    version = request.node.callspec.params["any_node"]
    starter = Starter(tool, tmp_path / "project", any_node, home, installed_hook(home.environment), npm_tools)
    starter.prepare()
    native = starter.native()
    assert starter.served() == native, "cold"
    starter.warm()
    warm = starter.served()
    assert warm == native, f"warm: {starter.reports}"
    first = starter.record(warm)
    starter.warm_missed()
    assert starter.served() == native, f"with what it missed: {starter.reports}"
    faulty = [report for report in starter.reports if report["missed"] or report["stale"] or report["faults"]]
    print(version, first, starter.record(warm), faulty, native)
    assert not faulty
    for directory in ("packs", "manifests"):
        with starter.damaged(directory):
            assert starter.served() == native, f"damaged {directory}: {starter.reports}"
    starter.edit()
    native = starter.native()
    assert starter.served() == native, f"stale: {starter.reports}"
    assert [report["stale"] for report in starter.reports if report["stale"]], starter.reports
