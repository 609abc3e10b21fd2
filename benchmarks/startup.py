"""Measures the start-up of programs over real npm packages: Node, Node with its compile cache, esmcache.

Installs the packages below .cache/benchmark, warms everything, then starts each way in turn. Every start must
print the same and exit the same, and the runner must report that it served the program.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from common import (
    NODE24,
    PROJECT,
    Failure,
    Served,
    Timing,
    esmcache,
    interleave,
    node_version,
    served_modules,
    start,
    ways_of_starting,
)

DIRECTORY = PROJECT / ".cache" / "benchmark"
LOCKED = PROJECT / "tests" / "fixtures" / "packages"
PACKAGES = ("lodash-es", "effect", "date-fns", "three", "rxjs", "d3", "ramda", "zod")
COLUMNS = (
    "Node",
    "program",
    "served",
    "node",
    "compile cache",
    "esmcache",
    "node / esmcache",
    "compile cache / esmcache",
)


@dataclass(frozen=True)
class Measurement:
    """The figures of one program on one Node."""

    node: str
    program: str
    served: Served
    timings: list[Timing]

    def ratio(self, way: int) -> float:
        """Return how many times longer `way` takes than the last one, which is esmcache."""
        return self.timings[way].median_s / self.timings[-1].median_s

    def as_json(self) -> dict[str, object]:
        """Return the figures with the ratios that the Markdown table shows."""
        return {
            "node": self.node,
            "program": self.program,
            "served": self.served.from_cache,
            "loaded_natively": self.served.natively,
            "node_ratio": round(self.ratio(0), 2),
            "compile_cache_ratio": round(self.ratio(1), 2),
            "timings": [timing.as_json() for timing in self.timings],
        }


def main() -> int:
    """Return 0 when all was measured, 1 when a start went wrong or was not served."""
    arguments = parse_arguments()
    console = Console(stderr=True)
    try:
        install(arguments.node[0].resolve(), console)
        programs = write_programs(arguments.program or ["all", *PACKAGES])
        measurements = [
            measure(node.resolve(), name, entry, arguments.rounds, console)
            for node in arguments.node
            for name, entry in programs.items()
        ]
    except Failure as failure:
        console.print(f"startup: {failure}", style="red", markup=False, highlight=False)
        return 1
    if arguments.json:
        report = {"machine": machine(), "measurements": [each.as_json() for each in measurements]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(markdown(measurements))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Return the arguments; `node` is never empty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, action="append", help="a Node to measure with; may be repeated")
    parser.add_argument("--program", action="append", choices=["all", *PACKAGES], help="only this; repeatable")
    parser.add_argument("--rounds", type=int, default=15, help="counted starts of each way (default: 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there, too")
    arguments = parser.parse_args()
    arguments.node = arguments.node or [NODE24]
    return arguments


def install(node: Path, console: Console) -> None:
    """Install the packages of the tests' lock file into a directory of the benchmark's own."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    lock = LOCKED / "package-lock.json"
    installed = DIRECTORY / "package-lock.json"
    complete = (DIRECTORY / "node_modules").is_dir() and installed.is_file()
    if complete and installed.read_bytes() == lock.read_bytes():
        return
    for name in ("package.json", ".npmrc"):
        shutil.copyfile(LOCKED / name, DIRECTORY / name)
    shutil.copyfile(lock, installed)
    npm = PROJECT / ".cache" / "node" / "npm" / "bin" / "npm-cli.js"
    command = [str(node), str(npm)] if npm.exists() else [shutil.which("npm") or "npm"]
    console.print(f"Installing {len(PACKAGES)} packages into {DIRECTORY.relative_to(PROJECT)}")
    try:
        subprocess.run(
            [
                *command,
                "ci",
                "--ignore-scripts",
                "--no-bin-links",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ],
            cwd=DIRECTORY,
            env={**os.environ, "npm_config_cache": str(PROJECT / ".cache" / "npm")},
            stdout=sys.stderr,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        installed.unlink()
        raise Failure(f"npm could not install the packages: {error}") from error


def write_programs(names: list[str]) -> dict[str, Path]:
    """Write one module per program that imports its packages as namespaces; return their paths."""
    programs = {}
    for name in names:
        packages = PACKAGES if name == "all" else (name,)
        lines = [f"import * as p{number} from '{package}';" for number, package in enumerate(packages)]
        lines += [f"console.log('{package}', Object.keys(p{n}).length);" for n, package in enumerate(packages)]
        text = "\n".join(lines) + "\n"
        entry = DIRECTORY / f"{name}.mjs"
        if not entry.exists() or entry.read_text(encoding="utf-8") != text:
            entry.write_text(text, encoding="utf-8")
        programs[name] = entry
    return programs


def measure(node: Path, name: str, entry: Path, rounds: int, console: Console) -> Measurement:
    """Return the figures of one program; Failure if a start differs or nothing is served."""
    version = node_version(node)
    ways = ways_of_starting(entry, node, DIRECTORY / "state")
    _, compile_cache, cached = ways
    esmcache("warm", str(entry), environment=cached.environment, cwd=DIRECTORY)
    start(compile_cache, DIRECTORY)
    served = served_modules(cached, DIRECTORY)
    if served.from_cache == 0:
        raise Failure(f"{name} on Node {version}: the runner reports that no module came from the cache")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{name}, Node {version}", total=rounds)
        timings = interleave(ways, rounds, DIRECTORY, after_round=lambda: progress.advance(task))
    return Measurement(version, name, served, timings)


def markdown(measurements: list[Measurement]) -> str:
    """Return one Markdown table: medians (fastest to slowest) in milliseconds, and ratios."""
    lines = [
        f"Wall time in ms, median (fastest to slowest) of interleaved starts; {machine()}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for each in measurements:
        cells = [
            each.node,
            each.program,
            f"{each.served.from_cache} of {each.served.from_cache + each.served.natively}",
            *(milliseconds(timing) for timing in each.timings),
            f"{each.ratio(0):.1f}",
            f"{each.ratio(1):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def milliseconds(timing: Timing) -> str:
    """Return `median (fastest to slowest)`."""
    return f"{timing.median_s * 1000:.0f} ({min(timing.seconds) * 1000:.0f} to {max(timing.seconds) * 1000:.0f})"


def machine() -> str:
    """Return what a reader must know to compare figures, without the machine's name."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
