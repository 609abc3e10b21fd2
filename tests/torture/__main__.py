"""Runs the campaign and prints its table: `python -m torture --part damages --count 10000 --seed 7`.

Exits with 1 if there was any harm. Seed and number reproduce a case: --seed N --first CASE --count 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from removing import remove_tree
from torture import crowd, damages, full_disk, kills
from torture.settings import Settings
from torture.tally import Tally, table

# The function of each part, and its number of cases in the whole campaign (for the crowd: of processes).
_PARTS: dict[str, tuple[Callable[[Settings], Tally], int]] = {
    "damages": (damages.run, 10_000),
    "kills": (kills.run, 300),
    "crowd": (crowd.run, 8),
    "full-disk": (full_disk.run, 200),
}
_CROWD_MINUTES = 10.0
_BEGIN, _END = "<!-- torture: begin -->", "<!-- torture: end -->"


def main() -> int:
    """Return 0 if there was no harm."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--part", action="append", choices=_PARTS, help="only this part; may be repeated")
    parser.add_argument("--count", type=int, help="so many cases, or processes in the crowd")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--minutes", type=float, default=_CROWD_MINUTES, help="how long the crowd works")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cases at once")
    parser.add_argument("--markdown-into", type=Path, metavar="FILE", help="replace the table of that file")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    tallies = []
    # A cache's file names depend on paths, and the cases depend on the file names.
    root = Path(tempfile.gettempdir(), f"esmcache-torture-{options.seed}")
    remove_tree(root)
    root.mkdir(mode=0o700)
    for name in options.part or _PARTS:
        part, count = _PARTS[name]
        begun = time.monotonic()
        settings = Settings(
            root / name, options.seed, options.count or count, options.minutes, options.jobs, options.first
        )
        tally = part(settings)
        tallies.append(tally)
        print(f"{name}: {time.monotonic() - begun:.0f} s", *tally.remarks, *tally.notes, sep="\n", flush=True)
    print(table(tallies))
    if options.markdown_into:
        given = "".join(f" --{name} {getattr(options, name)}" for name in ("count", "first") if getattr(options, name))
        _write_into(options.markdown_into, f"`--seed {options.seed}{given}`:\n\n{table(tallies)}")
    if not all(tally.is_clean for tally in tallies):
        return 1
    remove_tree(root)
    return 0


def _write_into(path: Path, text: str) -> None:
    before, _, rest = path.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
