"""Counts what is cached, and what runners reported."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmcache.cache_directory import CacheDirectory
from esmcache.maintain.files import file_sizes
from esmcache.store.index import Index
from esmcache.store.rows import EntryPointRow, VerdictRow

_COUNTED = ("blobs", "packs", "manifests", "code", "v8", "events")


@dataclass(slots=True)
class Statistics:
    """Counts and bytes of all that is cached, and what runners reported since the index was made.

    `native` are the modules that Node loads itself.

    Links to code caches count as files of 0 bytes.
    """

    directory: str
    bytes: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    entry_points: int = 0
    modules: int = 0
    native: int = 0
    packages: list[tuple[str, int, int]] = field(default_factory=list)
    engines: list[tuple[str, int, int]] = field(default_factory=list)
    rejected: int = 0
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        """Return the bytes of all files together."""
        return sum(self.bytes.values())


def count_all(directory: CacheDirectory, index: Index) -> Statistics:
    """Return the counts of all that is cached and of what runners reported.

    Raises:
        IndexUnusable: If the index cannot be read.
    """
    answer = Statistics(str(directory.path))
    answer.files = dict.fromkeys((*_COUNTED, "index"), 0)
    answer.bytes = dict.fromkeys((*_COUNTED, "index"), 0)
    for place, size in file_sizes(directory).items():
        kind = "index" if place.startswith("index.db") else place.partition("/")[0]
        if kind in answer.files:
            answer.files[kind] += 1
            answer.bytes[kind] += size
    answer.files["index"] = 1
    answer.entry_points = sum(1 for _ in index.all(EntryPointRow))
    answer.packages = index.packages()
    answer.modules = sum(count for _, count, _ in answer.packages)
    answer.native = index.count_native()
    answer.engines = index.summary("code_caches", "engine_tag", "size")
    answer.rejected = sum(row.outcome != "ok" for row in index.all(VerdictRow))
    answer.counters = index.statistics()
    return answer
