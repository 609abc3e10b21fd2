"""Compares served starts with those of another checkout of this project, in turn: a change's cost in one run.

git worktree add ../before COMMIT
.venv/bin/python benchmarks/before_after.py --before ../before
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from common import NODE24, PROJECT, Failure, Way, environment_of, esmcache, interleave, node_version, served_modules
from startup_programs import ALL, NAMES, Program, install_packages, programs

BEFORE, NOW = "before", "now"


def main() -> int:
    """Print, for each program, the times of both checkouts and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, metavar="CHECKOUT", help="the other checkout")
    parser.add_argument("--program", action="append", choices=NAMES, help="only this program; may be repeated")
    parser.add_argument("--node", type=Path, default=NODE24)
    parser.add_argument("--rounds", type=int, default=60, help="starts of each checkout")
    options = parser.parse_args()
    try:
        install_packages(options.node)
        print(f"Node {node_version(options.node)}, {options.rounds} starts each; CPU time, user and system")
        for program in programs(options.program or ["hello", ALL]):
            compare(program, options.node, options.before.resolve(), options.rounds)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def compare(program: Program, node: Path, before: Path, rounds: int) -> None:
    """Warm a program by both checkouts, start it in turn and print a line for each.

    Args:
        before: The checkout to compare with this one.

    Raises:
        Failure: If a checkout cannot warm or serve the program, or the starts differ.
    """
    with tempfile.TemporaryDirectory() as directory:
        ways = [
            way_of(program, node, checkout, Path(directory, name), name)
            for name, checkout in ((BEFORE, before), (NOW, PROJECT))
        ]
        old, new = interleave(ways, rounds, program.cwd)
    for name, values in (
        ("median", [old.median_cpu_s, new.median_cpu_s]),
        ("fastest", [min(old.cpu_s), min(new.cpu_s)]),
    ):
        print(
            f"{program.name:>16} {name:>8}: {BEFORE} {values[0] * 1000:7.1f} ms, {NOW} {values[1] * 1000:7.1f} ms,"
            f" {(values[1] / values[0] - 1) * 100:+.1f} %"
        )


def way_of(program: Program, node: Path, checkout: Path, home: Path, name: str) -> Way:
    """Return how a checkout starts a program that it has warmed, with the functions that it calls.

    Args:
        home: The directory to be made for the cache.

    Raises:
        Failure: If the checkout cannot warm or serve the program.
    """
    home.mkdir(mode=0o700)
    environment = {**environment_of(node, home), "PYTHONPATH": f"{checkout / 'cache'}:{checkout / 'server'}"}
    hook = esmcache("hook", environment=environment, cwd=program.cwd).strip()
    way = Way(name, (str(node), "--require", hook, str(program.entry), *program.arguments), environment)
    for _ in range(3):
        esmcache("warm", str(program.entry), environment=environment, cwd=program.cwd)
        esmcache("warm", "--missed", environment=environment, cwd=program.cwd)
        served_modules(way, program.cwd)
    return way


if __name__ == "__main__":
    sys.exit(main())
