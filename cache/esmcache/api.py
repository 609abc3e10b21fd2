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

    Problems of single modules are in the report.

    Args:
        paths: Files and directories. A file is an entry point; a directory stands for its package's entry points and
            all modules in it.
        cache_dir: The path of the cache directory, or None for the user's choice.
        node: The name or path of the Node to serve, or None for the user's choice.
        jobs: The number of Node processes, or None for the user's choice.

    Raises:
        CacheError: If nothing can be done at all: no Node can be served, or the cache cannot be used.
        TypeError: If `paths` is a single path.
    """
    if isinstance(paths, (str, os.PathLike)):
        raise TypeError("paths must be a list of paths, not one path")
    with Cache.open(cache_dir=cache_dir, node=node, jobs=jobs) as cache:
        return cache.warm([Path(path) for path in paths])


def generate(url: str, source: bytes | None = None, *, cache_dir: str | None = None, node: str | None = None) -> Lookup:
    """Store the cache of one ES module and return its key and paths.

    Args:
        url: A path or a file: URL; both mean the same module.
        source: The module's text in UTF-8, or None to read the file.
        cache_dir: The path of the cache directory, or None for the user's choice.
        node: The name or path of the Node to serve, or None for the user's choice.

    Raises:
        CacheError: If `url` is of another kind, the file cannot be read, the engine rejects the text as a module, no
            Node can be served, or the cache cannot be used.
    """
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.generate(url, source)


def lookup(url: str, *, cache_dir: str | None = None, node: str | None = None) -> Lookup:
    """Return what the cache holds of a module: fresh, stale or cold.

    Args:
        url: A path or a file: URL; both mean the same module.
        cache_dir: The path of the cache directory, or None for the user's choice.
        node: The name or path of the Node to serve, or None for the user's choice.

    Raises:
        CacheError: If `url` is of another kind, or the cache cannot be used.
    """
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.lookup(url)


def inspect(path: str | os.PathLike[str], *, cache_dir: str | None = None, node: str | None = None) -> Inspection:
    """Return the sections, sizes and trailer of a BMES file, or of a source file's cache.

    Args:
        path: A BMES file or a source file.
        cache_dir: The path of the cache directory, or None for the user's choice.
        node: The name or path of the Node to serve, or None for the user's choice.

    Raises:
        CacheError: If the file cannot be read, is no BMES, or is a source file that cannot be cached.
    """
    with Cache.open(cache_dir=cache_dir, node=node) as cache:
        return cache.inspect(Path(path))
