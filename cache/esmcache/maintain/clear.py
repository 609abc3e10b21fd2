"""Removes cached data: all of it, that of single modules, and that of files that no longer exist."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import remove_any
from esmcache.maintain.collect import Collected
from esmcache.maintain.domain_directory import is_place, seal_path
from esmcache.maintain.files import file_sizes
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheLinkRow,
    CodeCacheRow,
    EntryPointRow,
    ModuleRow,
    PackEntryRow,
    RequestRow,
    VerdictRow,
)


def clear_files(directory: CacheDirectory) -> Collected:
    """Remove all that is cached except the index; a running program keeps the files that it has open."""
    before = file_sizes(directory)
    for path in directory.content_paths:
        remove_any(path)
    after = file_sizes(directory)
    return Collected(0, len(before.keys() - after.keys()), sum(before.values()), sum(after.values()))


def forget_modules(directory: CacheDirectory, index: Index, urls: Iterable[str]) -> None:
    """Remove modules with their records and code caches, also those of other modules with the same sources."""
    known = list(urls)
    hashes = {row.source_sha256 for row in index.where(ModuleRow, "url", known)}
    analyses = list(index.where(AnalysisRow, "source_sha256", hashes))
    caches = list(index.where(CodeCacheRow, "source_sha256", hashes))
    places = {row.directory for row in index.where(CodeCacheLinkRow, "url", known)}
    blob_keys = [row.blob_key for row in analyses if row.blob_key]
    with index.transaction():
        for row_type in (AnalysisRow, VerdictRow, CodeCacheRow, PackEntryRow):
            index.remove(row_type, "source_sha256", hashes)
        index.remove(BlobRow, "key", blob_keys)
        index.remove(ModuleRow, "url", known)
    code = CodeCacheStore(directory.code_path)
    for key in blob_keys:
        directory.remove("blobs", key[:2], key)
    for row in caches:
        code.remove(row)
    # Node's directories still have links to the code caches until a warm fills the directories again.
    for place in filter(is_place, places):
        remove_any(seal_path(directory, place))


def forget_gone(directory: CacheDirectory, index: Index, paths: Iterable[str]) -> None:
    """Remove the data of files and entry points, at or below `paths`, that no longer exist."""
    places = [(path, os.path.join(path, "")) for path in paths]

    def is_gone(path: str) -> bool:
        named = any(path == place or path.startswith(below) for place, below in places)
        return named and not os.path.lexists(path)

    urls = [row.url for row in index.all(ModuleRow) if is_gone(row.path)]
    entries = [row.manifest for row in index.all(EntryPointRow) if is_gone(row.path)]
    if not urls and not entries:
        return
    with index.transaction():
        for row_type in (ModuleRow, RequestRow, CodeCacheLinkRow):
            index.remove(row_type, "url", urls)
    forget_entry_points(index, entries)
    for name in entries:
        directory.remove("manifests", name)
        directory.remove("starts", Path(name).stem)


def forget_entry_points(index: Index, names: Iterable[str]) -> None:
    """Remove the data of manifests from the index; the caller removes their files."""
    manifests = list(names)
    with index.transaction():
        index.remove(EntryPointRow, "manifest", manifests)
        for name in manifests:
            index.remove_entry_modules(name)
