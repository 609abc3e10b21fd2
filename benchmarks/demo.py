"""Warms the example program, starts it with and without the cache, and prints the difference."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from common import (
    NODE24,
    PROJECT,
    Failure,
    Served,
    Timing,
    Way,
    esmcache,
    interleave,
    node_version,
    served_modules,
    start,
    ways_of_starting,
)

ENTRY = PROJECT / "examples" / "dashboard" / "src" / "main.js"


def main() -> int:
    """Return 0 if the program did the same in all ways of starting it and was served, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, default=NODE24, help="the Node to start (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="counted starts of each way (default: 7)")
    arguments = parser.parse_args()
    console = Console()
    try:
        demonstrate(console, arguments.node.resolve(), arguments.rounds)
    except Failure as failure:
        Console(stderr=True).print(f"demo: {failure}", style="red", markup=False, highlight=False)
        return 1
    return 0


def demonstrate(console: Console, node: Path, rounds: int) -> None:
    """Print the whole demo.

    Raises:
        Failure: If the cache does not work as it should.
    """
    cwd = ENTRY.parent.parent
    name = ENTRY.relative_to(PROJECT)
    cache_dir = PROJECT / ".cache" / "demo"
    cache_dir.mkdir(parents=True, exist_ok=True)
    plain, compile_cache, cached = ways_of_starting(ENTRY, node, cache_dir)

    console.print(f"[bold]1.[/] Warming {name} for Node {node_version(node)}")
    esmcache("warm", str(ENTRY), environment=plain.environment, cwd=cwd, show=True)
    start(compile_cache, cwd)

    console.print("\n[bold]2.[/] Starting it, as `node` does:")
    outcome = start(plain, cwd).outcome
    if outcome.exit_code != 0:
        raise Failure(f"{name} itself failed:\n{outcome.stderr.decode(errors='replace')}")
    console.print(outcome.stdout.decode(), style="dim", markup=False, highlight=False, soft_wrap=True)
    served = served_modules(cached, cwd)
    if served.from_cache == 0:
        raise Failure("the runner reports that no module came from the cache")

    console.print(f"[bold]3.[/] Each way {rounds} times, in turn; every start must do exactly the same")
    run = Way("esmcache run", (sys.executable, "-m", "esmcache", "run", str(ENTRY)), plain.environment)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Starting", total=rounds)
        timings = interleave(
            (plain, compile_cache, cached, run), rounds, cwd, after_round=lambda: progress.advance(task)
        )
    console.print(summary(timings, served))
    console.print("Same output, same exit code in every start. In your own project:\n")
    console.print("    esmcache warm app.mjs", markup=False, highlight=False)
    console.print('    node --require "$(esmcache hook)" app.mjs', markup=False, highlight=False)


def summary(timings: list[Timing], served: Served) -> Table:
    """Return the table of medians; a ratio says how many times faster than plain Node a way is."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("way of starting", "median", "fastest", "ratio", "modules from the cache"):
        table.add_column(heading, justify="left" if heading.startswith("way") else "right")
    total = served.from_cache + served.natively
    for timing in timings:
        uses_cache = "esmcache" in timing.way
        table.add_row(
            timing.way,
            f"{timing.median_s * 1000:.0f} ms",
            f"{min(timing.seconds) * 1000:.0f} ms",
            f"{timings[0].median_s / timing.median_s:.1f} x",
            f"{served.from_cache} of {total}" if uses_cache else f"0 of {total}",
            style="bold green" if uses_cache else None,
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
