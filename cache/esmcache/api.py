"""The public functions that open the user's cache for one call; `Cache` serves several calls on one open cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from esmcache.build.single_module import Inspection
from esmcache.build.warm import WarmReport
from esmcache.cache import Cache
from esmcache.query.lookup import Lookup


def warm(
    paths: Sequence[str | os.PathLike[str]],
    *,
    cache_dir: str | None = None,
    node: str | None = None,
    jobs: int | None = None,
) -> WarmReport:
    """Analyse, compile and store the modules at `paths` and all that they reach, and return a report.

    A file is an entry point; a directory stands for its package's entry points and all modules in it. `jobs` is the
    number of Node processes. Problems of single modules are in the report; raises CacheError if nothing can be done at
    all (no Node, cache directory refused).
    """
    if isinstance(paths, (str, os.PathLike)):
        raise TypeError("paths must be a list of paths, not one path")
    with Cache.open(cache_dir=cache_dir, node=node, jobs=jobs) as cache:
        return cache.warm([Path(path) for path in paths])


def generate(url: str, source: bytes | None = None, *, cache_dir: str | None = None, node: str | None = None) -> Lookup:
    """Store the cache of one ES module and return its key and paths.

    `url` is a path or a file: URL and means the same module either way; `source` is its text in UTF-8, else the file is
    read. Raises CacheError if it cannot be read, the engine rejects it as a module, or there is no Node.
    """
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.generate(url, source)


def lookup(url: str, *, cache_dir: str | None = None, node: str | None = None) -> Lookup:
    """Return what the cache holds of a module, by path or file: URL: fresh, stale or cold; raises CacheError."""
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.lookup(url)


def inspect(path: str | os.PathLike[str], *, cache_dir: str | None = None, node: str | None = None) -> Inspection:
    """Return the sections, sizes and trailer of a BMES file, or of a source file's cache; raises CacheError."""
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.inspect(Path(path))
