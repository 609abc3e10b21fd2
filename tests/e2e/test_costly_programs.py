"""Programs that are expensive to analyse: a warm ends, reports what it gave up, and the program behaves the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import costly_programs
from conftest import EsmcacheHome, some
from program import Program


@pytest.mark.parametrize(
    ("write", "said", "is_served"),
    some(
        [
            (partial(costly_programs.many_unresolved_imports, count=31_000), {"too-costly"}, False),
            (costly_programs.long_specifiers, {"ERR_MODULE_NOT_FOUND"}, True),
            (partial(costly_programs.many_functions, count=500_000), {"too-costly", "cache-quarantined"}, True),
            (costly_programs.stars_of_all, set(), True),
            (partial(costly_programs.one_long_line, size=(64 << 20) + 1000), {"unreadable"}, False),
        ],
        2,
    ),
    ids=some(["unresolved", "specifiers", "functions", "stars", "line"], 2),
)
def test_a_costly_program_is_warmed_and_stays_the_same(
    tmp_path: Path,
    node: Path,
    esmcache_home: EsmcacheHome,
    write: Callable[[Path], Path],
    said: set[str],
    is_served: bool,
) -> None:
    program = Program(tmp_path / "project", node, esmcache_home)
    write(program.root)
    report = program.warm()
    assert {problem.code for problem in report.problems} == said
    assert all(problem.path == str(program.root / "app.mjs") for problem in report.problems)
    assert (report.served > 0) == is_served
    plain, served = program.plain(), program.served()
    assert (served.exit_code, served.stdout) == (plain.exit_code, plain.stdout)
