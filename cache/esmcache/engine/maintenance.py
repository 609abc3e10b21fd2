"""Keeping the cache sound and small: verify, statistics, the size limit, and clearing."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from esmcache.bmes import ValidationLevel, validate
from esmcache.cache_directory import CacheDirectory, read_regular, remove_any
from esmcache.serving.manifest import check_manifest, manifest_packs
from esmcache.serving.names import manifest_name
from esmcache.serving.node_compile_cache import decode_entry
from esmcache.serving.pack import PackFault, is_pack, is_source_of, read_source, scan_pack
from esmcache.store.blobs import BlobStore
from esmcache.store.eviction import Budget
from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheRow,
    EntryPointRow,
    ModuleRow,
    PackEntryRow,
    RequestRow,
    VerdictRow,
)

# Files of a writer that was stopped in the middle; younger ones may still be written.
_ABANDONED_AFTER_S = 3600.0
_COLLECT_EVERY_S = 600.0
# What Node writes its own entries as, until they are whole.
_NODES_TEMPORARY = re.compile(r"[0-9a-f]{8}\.[0-9A-Za-z]{6}")
_KINDS = {"blobs": "blob", "packs": "pack", "manifests": "manifest", "v8": "code cache"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something damaged: where, what is wrong, and whether it was removed."""

    place: str
    kind: str
    fault: str
    removed: bool


@dataclass(slots=True)
class Statistics:
    """Counts and bytes of all that is cached, and what runners reported since the beginning."""

    directory: str
    bytes: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    entry_points: int = 0
    modules: int = 0
    packages: list[tuple[str, int, int]] = field(default_factory=list)
    engines: list[tuple[str, int, int]] = field(default_factory=list)
    rejected: int = 0
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        """Return the bytes of all files together."""
        return sum(self.bytes.values())


@dataclass(slots=True)
class Collected:
    """What was removed, and what is left, in bytes."""

    entry_points: int = 0
    files: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def verify_places(directory: CacheDirectory, *, repair: bool) -> list[Finding]:
    """Return what is no file where one belongs, or no directory: nothing else can be looked at before."""
    findings = []
    for place, fault in list(directory.misplaced()):
        if repair:
            remove_any(directory.path / place)
        top, _, below = place.partition("/")
        kind = _KINDS.get(top, "file") if below else "index" if top.startswith("index.db") else "file"
        findings.append(Finding(place, kind, fault, repair))
    return findings


def used_bytes(directory: CacheDirectory) -> int:
    """Return the bytes that the cache takes, hard links counted once.

    SQLite's shared memory is not, since it is there only as long as somebody looks.
    """
    files = (path for path in _files(directory.path) if path.name != "index.db-shm")
    return sum(_size(path) for path in _distinct(files))


def remove_abandoned(directory: CacheDirectory) -> int:
    """Remove what stopped writers left half-written, and packs of other versions; return how many there were."""
    oldest = time.time() - _ABANDONED_AFTER_S
    removed = 0
    for path in _files(directory.path):
        with contextlib.suppress(FileNotFoundError):
            is_useless = _is_temporary(path) or (path.suffix == ".pack" and path.is_file() and not is_pack(path))
            if is_useless and path.lstat().st_mtime < oldest:
                path.unlink()
                removed += 1
    return removed


def clear_files(directory: CacheDirectory) -> Collected:
    """Remove all that is cached but the index; a program that is running keeps what it has open."""
    answer = Collected(bytes_before=used_bytes(directory))
    for path in directory.content_paths:
        answer.files += sum(1 for _ in _files(path))
        remove_any(path)
    answer.bytes_after = used_bytes(directory)
    return answer


class Maintenance:
    """Looks after one cache directory and its index."""

    def __init__(self, directory: CacheDirectory, index: Index) -> None:
        self._directory = directory
        self._index = index
        self._blobs = BlobStore(directory.blobs_path)

    def verify(self, *, repair: bool) -> list[Finding]:
        """Return everything that is damaged; what `repair` removes is made again by the next warm.

        Only regular files are looked at: `verify_places` comes first.
        """
        findings = list(self._verify_blobs(repair))
        findings += self._verify_packs(repair)
        findings += self._verify_manifests(repair)
        findings += self._verify_code_caches(repair)
        findings += self._verify_rows(repair)
        return findings

    def _verify_blobs(self, repair: bool) -> Iterator[Finding]:
        stored = {row.key: row for row in self._index.all(BlobRow)}
        for key in list(self._blobs.keys()):
            content = self._blobs.read(key) or b""
            row = stored.get(key)
            result = validate(content)
            fault = ""
            if result.level < ValidationLevel.INTEGRITY:
                fault = result.reason
            elif row is not None and sha256(content).digest() != row.content_sha256:
                fault = "differs from what was stored"
            if fault:
                if repair:
                    self._blobs.remove(key)
                    self._forget_blobs([key])
                yield Finding(f"blobs/{key[:2]}/{key}", "blob", fault, repair)

    def _forget_blobs(self, keys: list[str]) -> None:
        with self._index.transaction():
            self._index.remove(BlobRow, "key", keys)
            self._index.remove(AnalysisRow, "blob_key", keys)

    def _verify_packs(self, repair: bool) -> Iterator[Finding]:
        rows: dict[str, list[PackEntryRow]] = {}
        for row in self._index.all(PackEntryRow):
            rows.setdefault(row.pack, []).append(row)
        for path in sorted(self._directory.packs_path.glob("*.pack")):
            sound = set()
            fault = ""
            for found in scan_pack(path) if path.is_file() else ():
                if isinstance(found, PackFault):
                    fault = fault or found.value
                elif is_source_of(found[0], read_source(path.parent, found[1]) or b""):
                    sound.add((found[0], found[1].offset))
                else:
                    fault = fault or "an entry differs from its SHA-256"
            lost = [row for row in rows.pop(path.name, []) if (row.source_sha256, row.offset) not in sound]
            if lost and not fault:
                fault = f"{len(lost)} entries that the index names are not in it"
            if fault:
                if repair:
                    # A pack is one file with one checksum an entry: making it anew costs reading the sources again.
                    remove_any(path)
                    with self._index.transaction():
                        self._index.remove(PackEntryRow, "pack", [path.name])
                yield Finding(f"packs/{path.name}", "pack", fault, repair)
        for name in sorted(rows):
            if repair:
                with self._index.transaction():
                    self._index.remove(PackEntryRow, "pack", [name])
            yield Finding(f"packs/{name}", "pack", "is gone", repair)

    def _verify_manifests(self, repair: bool) -> Iterator[Finding]:
        stored = {row.manifest for row in self._index.all(EntryPointRow)}
        for path in sorted(self._directory.manifests_path.glob("*.manifest")):
            content = read_regular(path) or b""
            identity = check_manifest(content)
            fault = ""
            if identity is None or manifest_name(identity) != path.name:
                fault = "is damaged or of another version"
            elif any(not (self._directory.packs_path / pack).exists() for pack in manifest_packs(content)):
                fault = "points into a pack that is gone"
            stored.discard(path.name)
            if fault:
                if repair:
                    remove_any(path)
                    self._forget_entry_points([path.name])
                yield Finding(f"manifests/{path.name}", "manifest", fault, repair)
        for name in sorted(stored):
            if repair:
                self._forget_entry_points([name])
            yield Finding(f"manifests/{name}", "manifest", "is gone", repair)

    def _forget_entry_points(self, names: list[str]) -> None:
        with self._index.transaction():
            self._index.remove(EntryPointRow, "manifest", names)
            for name in names:
                self._index.remove_entry_modules(name)

    def _verify_code_caches(self, repair: bool) -> Iterator[Finding]:
        stored: dict[str, list[CodeCacheRow]] = {}
        for row in self._index.all(CodeCacheRow):
            stored.setdefault(row.entry, []).append(row)
        for path in sorted(self._directory.v8_path.glob("*/*")):
            entry = str(path.relative_to(self._directory.v8_path))
            if _is_temporary(path):
                continue
            content = read_regular(path) or b""
            rows = stored.pop(entry, [])
            if decode_entry(content) is None:
                if repair:
                    remove_any(path)
                    self._forget_code_caches([entry])
                yield Finding(f"v8/{entry}", "code cache", "differs from its checksum", repair)
            elif rows and all(row.content_sha256 != sha256(content).digest() for row in rows):
                # Node wrote it at the end of a start, in place of one that no longer fitted its source.
                self._forget_code_caches([entry])
        for entry in sorted(stored):
            if repair:
                self._forget_code_caches([entry])
            yield Finding(f"v8/{entry}", "code cache", "is gone", repair)

    def _forget_code_caches(self, entries: list[str]) -> None:
        with self._index.transaction():
            self._index.remove(CodeCacheRow, "entry", entries)

    def _verify_rows(self, repair: bool) -> Iterator[Finding]:
        there = set(self._blobs.keys())
        gone = [row.key for row in self._index.all(BlobRow) if row.key not in there]
        if gone and repair:
            self._forget_blobs(gone)
        for key in gone:
            yield Finding(f"blobs/{key[:2]}/{key}", "blob", "is gone", repair)

    def statistics(self) -> Statistics:
        """Return what is there and what runners reported."""
        answer = Statistics(str(self._directory.path))
        for name in ("blobs", "packs", "manifests", "v8", "events"):
            paths = list(_files(self._directory.path / name))
            answer.files[name] = len(paths)
            answer.bytes[name] = sum(_size(path) for path in _distinct(paths))
        answer.files["index"] = 1
        answer.bytes["index"] = sum(_size(path) for path in self._directory.path.glob("index.db*"))
        answer.entry_points = sum(1 for _ in self._index.all(EntryPointRow))
        answer.packages = self._index.packages()
        answer.modules = sum(count for _, count, _ in answer.packages)
        answer.engines = self._index.summary("code_caches", "engine_tag", "size")
        answer.rejected = sum(row.outcome != "ok" for row in self._index.all(VerdictRow))
        answer.counters = self._index.statistics()
        return answer

    def collect_if_large(self, max_size: int) -> None:
        """Collect if the last time was a while ago: listing a large cache costs more than a small warm."""
        stamp = self._directory.path / ".collected"
        try:
            if time.time() - stamp.stat().st_mtime < _COLLECT_EVERY_S:
                return
        except OSError:
            pass
        if not stamp.is_file():
            remove_any(stamp)
        stamp.touch(mode=0o600)
        self.collect(max_size)

    def collect(self, max_size: int) -> Collected:
        """Remove abandoned files, then entry points, least recently used first, until the rest fits `max_size`.

        What no remaining entry point needs goes with the last one that did.
        """
        answer = Collected(bytes_before=used_bytes(self._directory))
        answer.files += remove_abandoned(self._directory)
        budget = Budget(self._index, max_size)
        plan = budget.plan(used_bytes(self._directory))
        if plan is not None:
            for name in plan.manifests:
                self._remove_manifest(name)
            for entry in plan.code_cache_entries:
                remove_any(self._directory.v8_path / entry)
            for key in plan.blob_keys:
                self._blobs.remove(key)
            for pack in plan.packs:
                remove_any(self._directory.packs_path / pack)
            with self._index.transaction():
                budget.forget(plan)
            self._index.vacuum()
            answer.entry_points = len(plan.manifests)
            answer.files += len(plan.code_cache_entries) + len(plan.blob_keys) + len(plan.packs)
            answer.files += len(plan.manifests)
        answer.bytes_after = used_bytes(self._directory)
        return answer

    def forget(self, urls: Iterable[str]) -> None:
        """Remove what is known of modules, and their records and code caches, those of equal sources included."""
        known = list(urls)
        hashes = {row.source_sha256 for row in self._index.where(ModuleRow, "url", known)}
        analyses = [row for row in self._index.where(AnalysisRow, "source_sha256", hashes)]
        code_caches = list(self._index.where(CodeCacheRow, "source_sha256", hashes))
        with self._index.transaction():
            for row_type in (AnalysisRow, VerdictRow, CodeCacheRow, PackEntryRow):
                self._index.remove(row_type, "source_sha256", hashes)
            self._index.remove(BlobRow, "key", [row.blob_key for row in analyses if row.blob_key])
            self._index.remove(ModuleRow, "url", known)
        for row in analyses:
            if row.blob_key:
                self._blobs.remove(row.blob_key)
        for cache in code_caches:
            remove_any(self._directory.v8_path / cache.entry)

    def forget_gone(self, paths: Iterable[str]) -> None:
        """Remove what is known of files and entry points, at some paths or below them, that are there no more."""
        places = [(path, os.path.join(path, "")) for path in paths]

        def is_gone(path: str) -> bool:
            named = any(path == place or path.startswith(below) for place, below in places)
            return named and not os.path.lexists(path)

        rows = [row for row in self._index.all(ModuleRow) if is_gone(row.path)]
        entries = [row.manifest for row in self._index.all(EntryPointRow) if is_gone(row.path)]
        if not rows and not entries:
            return
        urls = [row.url for row in rows]
        with self._index.transaction():
            for row_type in (ModuleRow, RequestRow, CodeCacheRow):
                self._index.remove(row_type, "url", urls)
        self._forget_entry_points(entries)
        for name in entries:
            self._remove_manifest(name)

    def _remove_manifest(self, name: str) -> None:
        remove_any(self._directory.manifests_path / name)
        remove_any(self._directory.starts_path / Path(name).stem)


def _files(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        for name in names:
            yield Path(folder, name)


def _is_temporary(path: Path) -> bool:
    name = path.name
    return name.startswith((".tmp-", ".folding-")) or name.endswith(".tmp") or bool(_NODES_TEMPORARY.fullmatch(name))


def _distinct(paths: Iterator[Path] | list[Path]) -> Iterator[Path]:
    """Yield each file once, however many hard links it has."""
    seen: set[tuple[int, int]] = set()
    for path in paths:
        try:
            status = path.lstat()
        except OSError:
            continue
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            yield path


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
