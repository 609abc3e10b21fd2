"""Measures the cost of the preload for a program of one module, compared with plain Node and an empty preload."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from common import Way, esmcache, interleave, node_version
from startup_programs import DIRECTORY, Program
from startup_report import PreloadMeasurement
from startup_ways import ESMCACHE, NODE, environment_of_starts

EMPTY = "an empty preload"
OFF = f"{ESMCACHE}, switched off"
NOTHING = f"{ESMCACHE}, nothing cached"
FIRST = f"{NOTHING}, and nothing told before"


def measure_preload(program: Program, node: Path, rounds: int, after_round: Callable[[], None]) -> PreloadMeasurement:
    """Return the figures of the program under each preload.

    Raises:
        Failure: If a start differs.
    """
    environment = environment_of_starts(node)
    hook = esmcache("hook", environment=environment, cwd=program.cwd).strip()
    esmcache("warm", str(program.entry), environment=environment, cwd=program.cwd)
    empty = DIRECTORY / "state" / "empty.cjs"
    empty.write_text("'use strict';\n", encoding="utf-8")
    nothing, untold = DIRECTORY / "state" / "nothing-cached", DIRECTORY / "state" / "nothing-told"
    for directory in (nothing, untold):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)

    def way(name: str, preload: str | Path | None, **more: str) -> Way:
        flags = () if preload is None else ("--require", str(preload))
        return Way(name, (str(node), *flags, str(program.entry)), {**environment, **more})

    ways = [
        way(NODE, None),
        way(EMPTY, empty),
        way(OFF, hook, ESMCACHE_DISABLE="1"),
        way(NOTHING, hook, ESMCACHE_DIR=str(nothing)),
        way(FIRST, hook, ESMCACHE_DIR=str(untold)),
        way(ESMCACHE, hook),
    ]

    def forget() -> None:
        shutil.rmtree(untold / "events", ignore_errors=True)
        after_round()

    return PreloadMeasurement(node_version(node), program.name, interleave(ways, rounds, program.cwd, forget))
