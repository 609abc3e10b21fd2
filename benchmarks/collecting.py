"""Measures `esmcache gc` with 20,000 modules and 20 entry points: below the limit, over it, and after many saves."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from common import PROJECT

sys.path.append(str(PROJECT / "tests"))

from made_up_cache import MadeUpCache


def main() -> None:
    """Make a cache, collect it in four states and print the CPU and wall time in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=20_000, help="of all programs together")
    parser.add_argument("--shared", type=float, default=0.5, help="which part of them is in every program")
    parser.add_argument("--entry-points", type=int, default=20)
    parser.add_argument("--bytes", type=int, default=2_000, help="of each source, record and code cache")
    parser.add_argument("--directory", help="where the cache is made, else where temporary files are")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as temporary:
        cache = MadeUpCache(Path(temporary) / "cache", size=options.bytes)
        _fill(cache, options.modules, options.entry_points, options.shared)
        print(f"{options.modules:,} modules, {options.entry_points} entry points, {cache.used:,} bytes")
        _collect(cache, 1 << 40, "nothing to remove")
        cache.save({f"{number}.mjs": f"edited {number}" for number in range(options.modules // 2)})
        # A save updates Node's compile-cache directory itself, which the made-up save does not do.
        cache.fill()
        _collect(cache, 1 << 40, "after an edit of every other module")
        _collect(cache, cache.used * 9 // 10, "a tenth over its limit")
        _collect(cache, cache.used // 4, "four times its limit")


def _fill(cache: MadeUpCache, modules: int, entry_points: int, part_shared: float) -> None:
    names = [f"{number}.mjs" for number in range(modules)]
    cache.save({name: name for name in names})
    count = int(modules * part_shared)
    shared, own = names[:count], names[count:]
    each = len(own) // entry_points
    for number in range(entry_points):
        cache.add_entry_point(f"app{number}.mjs", shared + own[number * each :][:each], float(number))


def _collect(cache: MadeUpCache, max_size: int, what: str) -> None:
    cpu, wall = process_time(), perf_counter()
    answer = cache.collect(max_size)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    left = f"{answer.entry_points} entry points and {answer.files:,} files removed, {answer.bytes_after:,} bytes left"
    print(f"{what:>36}: {cpu:.2f} s of CPU, {wall:.2f} s; {left}")


if __name__ == "__main__":
    main()
