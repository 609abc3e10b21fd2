"""Measures starts of frameworks and tools in small projects, natively and served, in turn.

Each row is warmed as a user would: `esmcache warm` of the file that is started, then starts and `esmcache warm
--missed` until a start misses nothing. The preload is named in NODE_OPTIONS, so it serves workers and child processes,
too. CPU time is that of all processes of a start.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from common import NODE24, Failure, Way, esmcache, interleave, node_version, reports_of
from framework_programs import FRAMEWORKS, MODULES, NAMES, ROWS, Framework, served
from framework_report import BEGIN, END, FrameworkMeasurement, Reported, markdown
from startup_programs import DIRECTORY
from startup_report import machine, write_into
from startup_ways import environment_of_starts

WORK = FRAMEWORKS / "work"
MOST_WARMS = 3


def main() -> int:
    """Return 0 if all rows were measured, or 1 if a row failed or a served start differed."""
    arguments = parse_arguments()
    console = Console(stderr=True)
    rows = [row for row in ROWS if row.name in (arguments.rows or NAMES)]
    measurements: list[FrameworkMeasurement] = []
    failures = 0
    for node in [node.resolve() for node in arguments.node or [NODE24]]:
        for row in rows:
            try:
                measurements.append(measure(row, node, arguments.starts, console))
                print(measurements[-1].line(), flush=True)
            except Failure as failure:
                failures += 1
                console.print(f"{row.name}: {failure}", style="red", markup=False, highlight=False)
    if not measurements:
        return 1
    text = markdown(measurements)
    if arguments.json:
        report = {"machine": machine(), "rows": [each.as_json() for each in measurements]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if arguments.markdown_into:
        write_into(arguments.markdown_into, text, BEGIN, END)
    print(text, end="")
    return 1 if failures else 0


def parse_arguments() -> argparse.Namespace:
    """Return the arguments; `starts` is at least 2."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(NAMES):
            raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)} (there are {', '.join(NAMES)})")
        return chosen

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, action="append", help="a Node; repeatable")
    parser.add_argument("--rows", type=names, metavar="ROW,…", help=f"only these of: {', '.join(NAMES)}")
    parser.add_argument("--starts", type=int, default=25, help="starts of each way (default: 25)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there, too")
    parser.add_argument("--markdown-into", type=Path, metavar="FILE", help="replace the table of that file")
    arguments = parser.parse_args()
    if arguments.starts < 2:
        parser.error("--starts must be at least 2")
    return arguments


def measure(row: Framework, node: Path, starts: int, console: Console) -> FrameworkMeasurement:
    """Return the figures of one row.

    Raises:
        Failure: If the row is not installed, a start fails, or a served start differs from a native one.
    """
    if not MODULES.is_dir():
        raise Failure("the packages are not installed: `make bench-frameworks` installs them")
    version = node_version(node)
    state = DIRECTORY / "frameworks" / row.directory_name
    shutil.rmtree(state, ignore_errors=True)
    temporary = state / "tmp"
    temporary.mkdir(parents=True)
    environment = {**environment_of_starts(node, state), "TMPDIR": str(temporary)}
    project = row.place(WORK, MODULES, node, environment)
    native = row.native(node, MODULES, environment)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{row.name}, Node {version}", total=starts)
        way, warms = warmed(row, native, project)
        plain, cached = interleave([native, way], starts, project, lambda: progress.advance(task))
    # The measured starts may have left the cache in a state in which later starts use less of it.
    reported = report_of(way, project)
    return FrameworkMeasurement(version, row.name, plain, cached, warms, reported)


def report_of(way: Way, project: Path) -> Reported:
    """Return the report of one start.

    Raises:
        Failure: If the program cannot be started.
    """
    # A process that is killed reports nothing.
    return Reported.of(reports_of(replace(way, stop=signal.SIGTERM), project))


def warmed(row: Framework, native: Way, project: Path) -> tuple[Way, int]:
    """Return the served way, and the number of warms of missed modules.

    Raises:
        Failure: If something cannot be warmed or started.
    """
    environment = native.environment
    hook = esmcache("hook", environment=environment, cwd=project).strip()
    way = served(native, hook)
    esmcache("warm", *map(str, row.entries(project, MODULES)), environment=environment, cwd=project)
    reported = report_of(way, project)
    warms = 0
    while warms < MOST_WARMS:
        esmcache("warm", "--missed", environment=environment, cwd=project)
        warms += 1
        before, reported = reported, report_of(way, project)
        if reported == before:
            break
    return way, warms


if __name__ == "__main__":
    sys.exit(main())
