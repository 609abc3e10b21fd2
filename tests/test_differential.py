"""A program behaves the same with the cache as without it: the programs below differential/, in every state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome
from differential.programs import DifferentialProgram, all_programs, check_record
from differential.starting import Starter, empty_home, open_cache
from esmcache.cache import Cache
from esmcache.launch.program import installed_hook

# `make test` runs every program under one of its Nodes, mostly 24. Programs of TypeScript name node22ts.
_MOSTLY = ("node24", "node24", "node22", "node22ts", "node26")


def _is_run(program: DifferentialProgram, node: str) -> bool:
    mostly = [one for one in _MOSTLY if one in program.nodes]
    return EVERYTHING or node == mostly[program.number // 4 % len(mostly)]


_PAIRS = [(program, node) for program in all_programs() for node in program.nodes if _is_run(program, node)]
_STARTS = [pytest.param(program, node) for program, node in _PAIRS]
_IDS = [f"{program.case.path.stem}/{program.case.name}/{node}" for program, node in _PAIRS]
# `make test` runs every program warm, and every second one in one of these states.
_OTHER_STATES = ("cold", "with calls", "damaged packs", "damaged manifests", "stale")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EsmcacheHome]:
    """Return a home for all programs; each has its own entry points and packs in the cache."""
    with pytest.MonkeyPatch.context() as patched:
        yield empty_home(tmp_path_factory.mktemp("home"), patched)


@pytest.fixture(scope="session")
def caches(home: EsmcacheHome) -> Iterator[Callable[[Path], Cache]]:
    """Return a function that returns the open cache of a Node; each Node's cache stays open for all programs."""
    with ExitStack() as stack:
        yield cache(lambda node: stack.enter_context(open_cache(node, home)))


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
    caches: Callable[[Path], Cache],
    update_golden: bool,
    request: pytest.FixtureRequest,
) -> None:
    version = request.node.callspec.params["any_node"]
    possible = _OTHER_STATES if program.edited else _OTHER_STATES[:-1]
    chosen = () if program.number // 8 % 2 else (possible[program.number % len(possible)],)
    states = possible if EVERYTHING else chosen
    starter = Starter(program, tmp_path / "project", any_node, home, hook, cache=caches(any_node))
    starter.prepare()
    native = starter.native()
    if "cold" in states:
        assert starter.served() == native, "cold"
    starter.warm()
    warm = starter.served()
    assert warm == native, f"warm: {starter.reports}"
    check_record(program, version, starter.record(warm), update=update_golden)
    if "with calls" in states:
        starter.warm_with_calls()
        assert starter.served() == native, f"with what it calls: {starter.reports}"
    for directory in ("packs", "manifests"):
        if f"damaged {directory}" in states:
            with starter.damaged(directory):
                assert starter.served() == native, f"damaged {directory}: {starter.reports}"
    if "stale" in states:
        starter.edit()
        native = starter.native()
        assert starter.served() == native, f"stale: {starter.reports}"
