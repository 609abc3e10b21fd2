"""A program behaves the same with the cache as without it: the programs below differential/, in every state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from differential.programs import NODES, DifferentialProgram, all_programs, check_record
from differential.starting import Starter, empty_home
from esmcache.launch.program import installed_hook

# With any value, every Node runs every program in every state; that takes a quarter of an hour.
_EVERYTHING = bool(os.environ.get("ESMCACHE_TEST_EVERYTHING"))

# Node 24 runs every program warm and stale. Each half of the programs also runs in one of the other states, and under
# one of the other Nodes, which runs it with its called functions, too.
_PAIRS = [
    (program, node)
    for program in all_programs()
    for node in program.nodes
    if _EVERYTHING
    or node == "node24"
    or len(program.nodes) < len(NODES)
    or node == ("node22" if program.is_of_first_half else "node26")
]
_STARTS = [pytest.param(program, node) for program, node in _PAIRS]
_IDS = [f"{program.case.path.stem}/{program.case.name}/{node}" for program, node in _PAIRS]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EsmcacheHome]:
    """Return a home for all programs; each has its own entry points and packs in the cache."""
    with pytest.MonkeyPatch.context() as patched:
        yield empty_home(tmp_path_factory.mktemp("home"), patched)


@pytest.fixture(scope="session")
def hook(home: EsmcacheHome) -> Path:
    return installed_hook(home.environment)


@pytest.mark.parametrize(("program", "any_node"), _STARTS, ids=_IDS, indirect=["any_node"])
def test_program(
    program: DifferentialProgram,
    any_node: Path,
    tmp_path: Path,
    home: EsmcacheHome,
    hook: Path,
    update_golden: bool,
    request: pytest.FixtureRequest,
) -> None:
    version = request.node.callspec.params["any_node"]
    is_cold_too = _EVERYTHING or (version == "node24" and program.is_of_first_half)
    is_damaged_too = _EVERYTHING or (version == "node24" and not program.is_of_first_half)
    is_with_calls_too = _EVERYTHING or not (is_cold_too or is_damaged_too)
    starter = Starter(program, tmp_path / "project", any_node, home, hook)
    starter.prepare()
    native = starter.native()
    if is_cold_too:
        assert starter.served() == native, "cold"
    starter.warm()
    warm = starter.served()
    assert warm == native, f"warm: {starter.reports}"
    check_record(program, version, starter.record(warm), update=update_golden)
    if is_with_calls_too:
        starter.warm_with_calls()
        assert starter.served() == native, f"with what it calls: {starter.reports}"
    if is_damaged_too:
        for directory in ("packs", "manifests"):
            with starter.damaged(directory):
                assert starter.served() == native, f"damaged {directory}: {starter.reports}"
    if program.edited:
        starter.edit()
        native = starter.native()
        assert starter.served() == native, f"stale: {starter.reports}"
