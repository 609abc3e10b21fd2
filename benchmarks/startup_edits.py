"""The first start after an edit: one module of a package in .cache/benchmark is changed before each round."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from common import Served, Timing, Way, esmcache, node_version, served_modules, start, time_once
from startup_programs import ALL, DIRECTORY, Program
from startup_report import EditMeasurement
from startup_ways import COMPILE_CACHE, ESMCACHE, NODE, prepare

# A module in the middle of the graph, and the programs that are started after its edit.
EDITED = "lodash-es/_baseGet.js"
EDITED_PROGRAMS = ("lodash-es", ALL)


def measure_edits(program: Program, node: Path, rounds: int) -> EditMeasurement:
    """Return the figures of one program; Failure if a start differs. The module is put back."""
    ways, _ = prepare(program, node, [NODE, COMPILE_CACHE, ESMCACHE])
    plain, compile_cache, served = ways
    columns = [
        plain,
        compile_cache,
        replace(served, name=f"{ESMCACHE}, nothing warmed since"),
        replace(served, name=f"{ESMCACHE}, after `esmcache warm`"),
    ]
    timings = [Timing(way.name) for way in columns]
    module = DIRECTORY / "node_modules" / EDITED
    original = module.read_bytes()
    before = after = Served(0, 0)
    warm_s: list[float] = []
    try:
        for number in range(rounds):
            module.write_bytes(original + b"// An edit, number %d.\n" % number)
            expected = start(plain, program.cwd).outcome
            for way, timing in zip(columns, timings, strict=True):
                if way is columns[-1]:
                    before = served_modules(served, program.cwd)
                    warm_s.append(warm(program, served))
                time_once(way, timing, program.cwd, expected, plain.name, is_counted=True)
            after = served_modules(served, program.cwd)
    finally:
        module.write_bytes(original)
    return EditMeasurement(node_version(node), program.name, EDITED, timings, before, after, warm_s)


def warm(program: Program, way: Way) -> float:
    """Return the seconds that `esmcache warm` takes, Python's own start included."""
    began = time.perf_counter()
    esmcache("warm", str(program.entry), environment=way.environment, cwd=program.cwd)
    return time.perf_counter() - began
