"""Measures the directory of links of a trust domain: its share of a first and of an unchanged warm, and its size."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import NODE24
from esmcache.cache import Cache
from esmcache.maintain.domain_directory import DomainDirectory
from startup_programs import ALL, install_packages, write_program

_SECTOR = 512


def main() -> None:
    """Warm the largest program repeatedly and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, default=NODE24)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    install_packages(options.node)
    entry = write_program(ALL)
    spent: list[float] = []
    _measure(spent, "claim")
    _measure(spent, "write")
    first: list[tuple[float, float]] = []
    unchanged: list[tuple[float, float]] = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as home:
            cache_path = Path(home) / "cache"
            for times in (first, unchanged):
                spent.clear()
                with Cache.open(cache_dir=str(cache_path), node=str(options.node)) as cache:
                    report = cache.warm([entry])
                times.append((report.seconds, sum(spent)))
            links = list(cache_path.glob("v8/*/*/*"))
            directories = [path for path in cache_path.glob("v8/**/*") if path.is_dir()]
            size = sum(path.stat().st_blocks * _SECTOR for path in directories)
            copies = sum(path.stat().st_size for path in links if path.stat().st_nlink < 2)
            os.chmod(links[0].parent, 0o700)
    print(f"{len(links):,} links, {size:,} bytes of directories, {copies:,} bytes of copies")
    for name, times in (("first warm", first), ("unchanged warm", unchanged)):
        all_of_it, own = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name}: {all_of_it * 1000:.0f} ms, of which links {own * 1000:.0f} ms ({100 * own / all_of_it:.1f} %)")


def _measure(spent: list[float], name: str) -> None:
    """Make a method of DomainDirectory append its duration in seconds to `spent`."""
    method: Callable[..., Any] = getattr(DomainDirectory, name)

    def measured(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent.append(time.perf_counter() - started)

    setattr(DomainDirectory, name, measured)


if __name__ == "__main__":
    main()
