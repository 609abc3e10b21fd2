"""Programs over real npm packages: all modules are served, on every Node, with the engine's own request lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome, some
from program import Program

PACKAGES = some(("lodash-es", "date-fns", "rxjs", "effect", "three", "d3", "ramda", "zod"), 3)
IMPORTS = "".join(f"import * as p{number} from '{name}';\n" for number, name in enumerate(PACKAGES))
PRINTS = "".join(f"console.log('{name}', Object.keys(p{number}));\n" for number, name in enumerate(PACKAGES))
LEAST_MODULES = 1_900 if EVERYTHING else 1_000


@pytest.mark.parametrize("any_node", some(["node24", "node22", "node26"], 1), indirect=True)
def test_packages_are_served_through_a_linked_node_modules(
    tmp_path: Path, any_node: Path, npm_packages: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write({"app.mjs": IMPORTS + PRINTS})
    (program.root / "node_modules").symlink_to(npm_packages / "node_modules")
    report = program.warm()
    assert report.modules >= LEAST_MODULES
    assert (report.native, report.problems) == (0, [])
    seen = program.check_same()
    assert (seen["missed"], seen["stale"], seen["faults"]) == ([], [], 0)
    assert (seen["modules"], seen["codeCaches"]) == (report.modules, "enabled")
    assert seen["served"] >= report.modules
    # The entry point was written just now, so its times prove nothing yet and it may be read once more.
    program.warm()
    again = program.warm()
    assert (again.read, again.analysed, again.compiled, again.rows_written) == (0, 0, 0, 0)


@pytest.mark.parametrize("any_node", some(["node22", "node26", "node24"], 2), indirect=True)
def test_the_example_is_served_whole(
    tmp_path: Path, any_node: Path, example: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(example, any_node, esmcache_home, entry="src/main.js")
    report = program.warm()
    assert (report.native, report.problems) == (0, [])
    seen = program.check_same("--view", "table")
    assert (seen["missed"], seen["stale"], seen["faults"]) == ([], [], 0)
    assert seen["served"] > 1_000
    assert program.check_same("--no-such-option")["faults"] == 0
