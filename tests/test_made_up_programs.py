"""A program behaves the same with the cache as without it: generated programs, edited and warmed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome
from differential.made_up import made_up
from differential.programs import NODES
from differential.starting import Seen, Starter
from esmcache.launch.program import installed_hook

# `make test-all` runs twenty times as many.
_PROGRAMS = 600 if EVERYTHING else 30


@pytest.mark.parametrize(
    ("seed", "any_node"),
    [pytest.param(seed, NODES[seed % len(NODES)], id=str(seed)) for seed in range(_PROGRAMS)],
    indirect=["any_node"],
)
def test_made_up_program(seed: int, any_node: Path, tmp_path: Path, esmcache_home: EsmcacheHome) -> None:
    hook = installed_hook(esmcache_home.environment)
    starter = Starter(made_up(seed), tmp_path / "project", any_node, esmcache_home, hook)
    starter.prepare()
    native = starter.native()
    starter.warm()
    _check(starter.served(), native, f"warm: {starter.reports}")
    if native.exit_code >= 0:
        assert [(report.get("reason"), report["faults"]) for report in starter.reports] == [(None, 0)]
    starter.edit()
    native = starter.native()
    _check(starter.served(), native, f"stale: {starter.reports}")
    starter.warm_with_calls()
    _check(starter.served(), native, f"warmed again: {starter.reports}")


def _check(seen: Seen, native: Seen, said: str) -> None:
    if native.exit_code < 0:
        # Some graphs abort V8, which then prints memory addresses.
        assert seen.exit_code == native.exit_code, said
    else:
        assert seen == native, said
