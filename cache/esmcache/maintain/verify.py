"""Finds damage in a cache: compares every file with what the index, or the file itself, says of it.

Files without a row are no damage, because nothing leads to them; `gc` removes them. Entries that Node itself has
written into a directory of code caches, as it can if root runs it, are no damage either: no start uses that directory
before the next warm, which removes them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from esmcache.bmes import ValidationLevel, validate
from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import exclusive_lock, read_regular, remove_any
from esmcache.engines.node.compile_cache_layout import decode_entry
from esmcache.maintain.clear import forget_entry_points
from esmcache.maintain.domain_directory import (
    DomainDirectory,
    engine_tag_of,
    is_place,
    is_sealed,
    owners_of_names,
    seal_path,
)
from esmcache.maintain.files import is_temporary
from esmcache.serving.manifest import check_manifest, manifest_packs
from esmcache.serving.names import manifest_name
from esmcache.serving.pack import PackFault, is_source_of, read_source, scan_pack
from esmcache.store.blobs import BlobStore
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheLinkRow,
    CodeCacheRow,
    EntryPointRow,
    PackEntryRow,
    PackRow,
)

_KINDS = {
    "blobs": "blob",
    "packs": "pack",
    "manifests": "manifest",
    "code": "code cache",
    "v8": "code cache",
    "seals": "seal",
}
_SEAL = re.compile(rb"\d+-\d+(?:\.\d+)?(?:e[+-]?\d+)?\n[0-9a-f]{64}\n")


@dataclass(frozen=True, slots=True)
class Finding:
    """A damaged place in the cache: what is wrong there, and whether it was removed."""

    place: str
    kind: str
    fault: str
    removed: bool


def verify_places(directory: CacheDirectory, *, repair: bool) -> list[Finding]:
    """Return the places that hold no file, or no directory, where one belongs; nothing else can be checked before."""
    findings = []
    for place, fault in list(directory.misplaced()):
        if repair:
            remove_any(directory.path / place)
        top, _, below = place.partition("/")
        kind = _KINDS.get(top, "file") if below else "index" if top.startswith("index.db") else "file"
        findings.append(Finding(place, kind, fault, repair))
    return findings


def verify_files(directory: CacheDirectory, index: Index, *, repair: bool) -> list[Finding]:
    """Return everything that is damaged.

    It looks only at regular files, so `verify_places` must run first.

    Args:
        repair: Whether to remove what is damaged; the next warm makes it again.

    Raises:
        OSError: If a file of the cache cannot be removed or written.
        IndexUnusable: If the index cannot be read or written.
    """
    verification = _Verification(directory, index, repair)
    findings = list(verification.blobs())
    findings += verification.packs()
    findings += verification.manifests()
    findings += verification.code_caches()
    findings += verification.linked_code_caches()
    return findings


class _Verification:
    def __init__(self, directory: CacheDirectory, index: Index, repair: bool) -> None:
        self._directory = directory
        self._index = index
        self._repair = repair

    def blobs(self) -> Iterator[Finding]:
        """Yield records that are damaged or gone."""
        blobs = BlobStore(self._directory.blobs_path)
        stored = {row.key: row for row in self._index.all(BlobRow)}
        damaged: dict[str, str] = {}
        there = list(blobs.keys())
        for key in there:
            content = blobs.read(key) or b""
            result = validate(content)
            if result.level < ValidationLevel.INTEGRITY:
                damaged[key] = f"is damaged: {result.reason}"
            elif key in stored and sha256(content).digest() != stored[key].content_sha256:
                damaged[key] = "differs from what was stored"
        damaged |= dict.fromkeys(sorted(stored.keys() - set(there)), "is gone")
        if self._repair:
            with self._index.transaction():
                self._index.remove(BlobRow, "key", damaged)
                self._index.remove(AnalysisRow, "blob_key", damaged)
        for key, fault in damaged.items():
            if self._repair:
                self._directory.remove("blobs", key[:2], key)
            yield Finding(f"blobs/{key[:2]}/{key}", "blob", fault, self._repair)

    def packs(self) -> Iterator[Finding]:
        """Yield packs that are damaged or gone."""
        rows: dict[str, list[PackEntryRow]] = {}
        for row in self._index.all(PackEntryRow):
            rows.setdefault(row.pack, []).append(row)
        for path in sorted(self._directory.packs_path.glob("*.pack")):
            fault = _pack_fault(path, rows.pop(path.name, []))
            if fault:
                yield self._of_pack(path.name, fault)
        for name in sorted(rows):
            yield self._of_pack(name, "is gone")

    def _of_pack(self, name: str, fault: str) -> Finding:
        if self._repair:
            # A single entry cannot be removed from a pack. To make the whole pack again costs only reading its sources
            # again.
            with self._index.transaction():
                self._index.remove(PackEntryRow, "pack", [name])
                self._index.remove(PackRow, "pack", [name])
            self._directory.remove("packs", name)
        return Finding(f"packs/{name}", "pack", fault, self._repair)

    def manifests(self) -> Iterator[Finding]:
        """Yield manifests that are damaged or gone."""
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
                yield self._of_manifest(path.name, fault)
        for name in sorted(stored):
            yield self._of_manifest(name, "is gone")

    def _of_manifest(self, name: str, fault: str) -> Finding:
        if self._repair:
            forget_entry_points(self._index, [name])
            self._directory.remove("manifests", name)
        return Finding(f"manifests/{name}", "manifest", fault, self._repair)

    def code_caches(self) -> Iterator[Finding]:
        """Yield stored code caches that are damaged or gone."""
        store = CodeCacheStore(self._directory.code_path)
        damaged: list[tuple[str, CodeCacheRow, str]] = []
        for path, row in sorted((store.path_of(row), row) for row in self._index.all(CodeCacheRow)):
            content = read_regular(Path(path)) or b""
            if not os.path.lexists(path):
                damaged.append((path, row, "is gone"))
            elif decode_entry(content) is None:
                damaged.append((path, row, "differs from its checksum"))
            elif sha256(content).digest() != row.content_sha256:
                damaged.append((path, row, "differs from what was stored"))
        if self._repair:
            with self._index.transaction():
                self._index.remove_code_caches(row for _, row, _ in damaged)
        for path, _, fault in damaged:
            holder, name = path.split("/")[-2:]
            if self._repair:
                self._directory.remove("code", holder, name)
            yield Finding(f"code/{holder}/{name}", "code cache", fault, self._repair)

    def linked_code_caches(self) -> Iterator[Finding]:
        """Yield the damage in the directories that Node is pointed at."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(exclusive_lock(self._directory.seals_path / ".lock"))
            links: dict[str, list[CodeCacheLinkRow]] = {}
            for link in self._index.all(CodeCacheLinkRow):
                if is_place(link.directory):
                    links.setdefault(link.directory, []).append(link)
            kept = {(row.engine_tag, row.kind, row.source_sha256): row for row in self._index.all(CodeCacheRow)}
            findings = {place: list(self._of_place(place, some, kept)) for place, some in sorted(links.items())}
        for place, some in findings.items():
            if self._repair:
                if some:
                    # The seal may still match, and `write` would then repair nothing.
                    remove_any(seal_path(self._directory, place))
                store = CodeCacheStore(self._directory.code_path)
                DomainDirectory(self._directory, self._index, place, store).write()
            yield from some

    def _of_place(
        self, place: str, links: list[CodeCacheLinkRow], kept: Mapping[tuple[str, str, bytes], CodeCacheRow]
    ) -> Iterator[Finding]:
        seal = seal_path(self._directory, place)
        content = read_regular(seal)
        if content is not None and not _SEAL.fullmatch(content):
            yield Finding(f"seals/{seal.name}", "seal", "is damaged", self._repair)
        is_trusted = is_sealed(self._directory, place)
        expected = owners_of_names(links)
        faults: dict[str, str] = {}
        for path in sorted((self._directory.v8_path / place).glob("*")):
            if is_temporary(path.name):
                continue
            link = expected.pop(path.name, None)
            row = None if link is None else kept.get((engine_tag_of(place), link.kind, link.source_sha256))
            fault = _entry_fault(read_regular(path) or b"", row, is_trusted=is_trusted)
            if fault:
                faults[path.name] = fault
        for name, link in expected.items():
            if (engine_tag_of(place), link.kind, link.source_sha256) in kept:
                faults[name] = "is gone"
        for name, fault in faults.items():
            yield Finding(f"v8/{place}/{name}", "code cache", fault, self._repair)


def _pack_fault(path: Path, rows: list[PackEntryRow]) -> str:
    """Return what is wrong with a pack, or '' if nothing is."""
    sound = set()
    fault = ""
    for found in scan_pack(path) if path.is_file() else ():
        if isinstance(found, PackFault):
            fault = fault or f"is damaged: {found.value}"
        elif is_source_of(found[0], read_source(path.parent, found[1]) or b""):
            sound.add((found[0], found[1].offset))
        else:
            fault = fault or "is damaged: an entry differs from its SHA-256"
    lost = sum((row.source_sha256, row.offset) not in sound for row in rows)
    return fault or (f"lacks {lost} entries that the index names" if lost else "")


def _entry_fault(content: bytes, row: CodeCacheRow | None, *, is_trusted: bool) -> str:
    """Return what is wrong with an entry, or '' if nothing is or if no start would have Node read it."""
    if row is not None and sha256(content).digest() == row.content_sha256:
        return ""
    if not is_trusted and decode_entry(content) is not None:
        # Node wrote it at the end of a start.
        return ""
    return "differs from what was stored" if row is not None else "belongs to no module"
