"""Real command-line tools behave the same with the cache as without it: those below differential/tools/."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome
from differential.programs import LATER, DifferentialProgram, all_tools, check_record
from differential.starting import Starter, empty_home
from esmcache.launch.program import installed_hook
from removing import remove_tree

# `make test` runs every tool warm under one Node, and every second one in one of these states. It runs a third of the
# large tools, and those only warm.
_OTHER_STATES = ("missed", "cold and damaged", "stale")
_PAIRS = [
    (tool, node)
    for tool in all_tools()
    for number, node in enumerate(tool.nodes)
    if EVERYTHING or (number == tool.number % len(tool.nodes) and not (tool.is_large and tool.number // 16 % 3))
]
_STARTS = [pytest.param(tool, node) for tool, node in _PAIRS]
_IDS = [f"{tool.case.name}/{node}" for tool, node in _PAIRS]

# This Node reads every source itself (docs/reference/serving.md), so the runner never finds a stale or damaged one.
_READS_ITSELF = "node22"
# A child process must be warmed before its own misses can be known.
_WARMS_WITH_CHILDREN = 2


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EsmcacheHome]:
    """Return the tool's own home, with an empty cache."""
    root = tmp_path / "home"
    root.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patched:
        yield empty_home(root, patched)
    # A home has up to 50 MB, and pytest would keep those of three runs.
    remove_tree(tmp_path)


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
    is_only_warm = tool.is_large or tool.number // 32 % 2
    state = "" if is_only_warm else _OTHER_STATES[tool.number // 4 % len(_OTHER_STATES)]
    is_cold_and_damaged_too = EVERYTHING or state == "cold and damaged"
    is_stale_too = EVERYTHING or state == "stale"
    # A module with a computed name can be stale only after a warm of missed modules has added it.
    needs_missed = is_stale_too and not tool.edits_what_is_copied
    is_missed_too = EVERYTHING or update_golden or state == "missed" or needs_missed
    starter = Starter(tool, tmp_path / "project", any_node, home, installed_hook(home.environment), npm_tools)
    shared = sorted(os.listdir(npm_tools))
    starter.prepare()
    native = starter.native()
    if is_cold_and_damaged_too:
        assert starter.served() == native, "cold"
        assert starter.total("served") == 0
    starter.warm()
    warm = starter.served()
    assert warm == native, f"warm: {starter.reports}"
    record = starter.record(warm)
    if is_missed_too:
        _warm_all_that_can_be_known(starter)
        if tool.by_environment:
            assert starter.served(by_environment=False) == native, f"named by a flag: {starter.reports}"
        assert starter.served() == native, f"with what it missed: {starter.reports}"
        record += LATER + starter.record_once_known()
    assert (starter.total("stale"), starter.total("faults")) == (0, 0)
    # If a tool's own hooks answer, our runner reads nothing either.
    is_looked_at = version != _READS_ITSELF and starter.total("served") > 0
    check_record(tool, version, record, update=update_golden, is_whole=is_missed_too)
    if is_cold_and_damaged_too:
        with starter.damaged("packs"):
            assert starter.served() == native, f"damaged packs: {starter.reports}"
            assert (starter.total("faults") > 0) == is_looked_at
        with starter.damaged("manifests"):
            assert starter.served() == native, f"damaged manifests: {starter.reports}"
            assert starter.total("served") == 0
    if is_stale_too:
        starter.edit()
        native = starter.native()
        assert starter.served() == native, f"stale: {starter.reports}"
        # Node reads the modules that a tool compiles itself (@babel/register).
        assert (starter.total("stale") > 0) == is_looked_at or starter.total("left") > 0
    assert sorted(os.listdir(npm_tools)) == shared, "written into the packages that all tests share"


def _warm_all_that_can_be_known(starter: Starter) -> None:
    for _ in range(_WARMS_WITH_CHILDREN - 1 if starter.program.by_environment else 0):
        starter.warm_missed()
        starter.served()
    starter.warm_missed()
