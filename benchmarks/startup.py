"""Measures the start-up of programs over real npm packages and of real tools, with Node, its peers and esmcache.

Everything is warmed, then the ways are started in turn. All starts by Node must have the same output and exit code, and
the runner must report that it served the program. A peer with a different result is left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from common import NODE24, Failure, interleave, node_version, served_modules, start
from startup_changes import CHANGED_PROGRAMS, measure_changes
from startup_chart import draw
from startup_preload import measure_preload
from startup_programs import NAMES, Program, install_packages, programs
from startup_report import Measurement, PreloadMeasurement, machine, markdown, write_into
from startup_ways import ALL_WAYS, ESMCACHE, NODE, REQUIRED, prepare, versions

# Above this load, other work on the machine affects the figures too much.
QUIET_LOAD_PER_CPU = 0.3
# This program always gets all its rounds, since single milliseconds count there.
SMALLEST = "hello"


def main() -> int:
    """Return 0 if everything was measured, or 1 if a start failed or was not served."""
    arguments = parse_arguments()
    console = Console(stderr=True)
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > QUIET_LOAD_PER_CPU:
        console.print(f"startup: the machine is busy (load {load:.1f} per CPU); figures will scatter", style="yellow")
    ways = [way for way in ALL_WAYS if way == NODE or way in (arguments.ways or ALL_WAYS)]
    nodes = [node.resolve() for node in arguments.node or [NODE24]]
    try:
        install_packages(nodes[0])
        chosen = programs(arguments.program or list(NAMES))
        pairs = [(node, program) for node in nodes for program in chosen]
        measurements = [
            measure(node, program, ways_with(node, nodes, ways), arguments, console) for node, program in pairs
        ]
        preloads = [
            preload(node, program, arguments.preload_rounds, console)
            for node, program in pairs
            if program.name == SMALLEST and ESMCACHE in ways and arguments.preload_rounds
        ]
        changes = [
            change
            for node, program in pairs
            if program.name in CHANGED_PROGRAMS and ESMCACHE in ways and arguments.changes
            for change in measure_changes(program, node, min(arguments.rounds, arguments.changes))
        ]
        peers = versions(ways)
        text = markdown(measurements, preloads, changes, ways, peers)
        if arguments.markdown_into:
            write_into(arguments.markdown_into, text)
        if arguments.chart:
            first = [each for each in measurements if each.node == measurements[0].node]
            arguments.chart.write_text(draw(first, ways), encoding="utf-8")
    except Failure as failure:
        console.print(f"startup: {failure}", style="red", markup=False, highlight=False)
        return 1
    if arguments.json:
        report = {
            "machine": machine(),
            "peers": peers,
            "programs": [each.as_json() for each in measurements],
            "preloads": [each.as_json() for each in preloads],
            "changes": [each.as_json() for each in changes],
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(text, end="")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Return the arguments; `rounds` is at least 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--node", type=Path, action="append", help="a Node; repeatable, peers are measured beside the first"
    )
    parser.add_argument("--program", action="append", choices=NAMES, help="only this; repeatable")
    parser.add_argument("--ways", nargs="+", choices=ALL_WAYS, metavar="WAY", help=f"only these of {ALL_WAYS}")
    parser.add_argument("--rounds", type=int, default=41, help="at most this many starts of each way (default: 41)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=6,
        help="after this time and nine rounds a program is done, but for hello (default: 6)",
    )
    parser.add_argument(
        "--preload-rounds", type=int, default=301, help="starts of hello under each preload; 0: none (default: 301)"
    )
    parser.add_argument("--changes", type=int, default=3, help="rounds of starts after a change; 0: none (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there, too")
    parser.add_argument("--markdown-into", type=Path, metavar="FILE", help="replace the tables of that file")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the first Node's figures as SVG")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def ways_with(node: Path, nodes: list[Path], ways: list[str]) -> list[str]:
    """Return the ways to measure with a Node; peers are measured only with the first Node."""
    return ways if node == nodes[0] else [way for way in ways if way in REQUIRED]


def preload(node: Path, program: Program, rounds: int, console: Console) -> PreloadMeasurement:
    """Return the cost of the preload for the smallest program.

    Raises:
        Failure: If a start differs.
    """
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{program.name} under several preloads, {node_version(node)}", total=rounds)
        return measure_preload(program, node, rounds, lambda: progress.advance(task))


def measure(
    node: Path, program: Program, names: list[str], arguments: argparse.Namespace, console: Console
) -> Measurement:
    """Return the figures of one program.

    Args:
        names: The names of the ways to measure.

    Raises:
        Failure: If a start that must agree differs, or nothing is served.
    """
    version = node_version(node)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{program.name}, Node {version}", total=arguments.rounds)
        ways, missing = prepare(program, node, names)
        outcome = start(ways[0], program.cwd).outcome
        if outcome.exit_code != program.exit_code:
            last = outcome.stderr.decode(errors="replace").strip()[-600:]
            raise Failure(f"{program.name} fails by itself: exit code {outcome.exit_code}\n{last}")
        served = None
        if ways[-1].name == ESMCACHE:
            served = served_modules(ways[-1], program.cwd)
            if served.from_cache == 0:
                raise Failure(
                    f"{program.name} on Node {version}: the runner reports that no module came from the cache"
                )
        enough_s = math.inf if program.name == SMALLEST else arguments.seconds
        timings = interleave(ways, arguments.rounds, program.cwd, lambda: progress.advance(task), enough_s)
    return Measurement(version, program.name, program.is_tool, served, timings, missing)


if __name__ == "__main__":
    sys.exit(main())
