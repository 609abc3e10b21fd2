"""Answers questions about one module: what the cache holds of it, and why a runner is served it or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from esmcache.build.freshness import UnreadableFile, read_file
from esmcache.build.graph import NOT_UTF8, is_utf8
from esmcache.cache_directory import CacheDirectory
from esmcache.engines.node import NodeMissing
from esmcache.engines.node.node_builds import UNKNOWN_LAYOUT
from esmcache.file_source import FileSource, Fingerprint, fingerprint, path_from_file_url
from esmcache.maintain.domain_directory import NO_SOURCE, is_of_build, is_sealed, owners_of_names
from esmcache.records import ModuleFormat, NodeBuild
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import CacheKey, code_cache_key, record_key
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import (
    CodeCacheLinkRow,
    CodeCacheRow,
    EntryPointRow,
    MissRow,
    ModuleRow,
    PackEntryRow,
    RequestRow,
)


class CacheState(Enum):
    """The state of a module's cache: up to date with the file, outdated, or absent."""

    FRESH = "fresh"
    STALE = "stale"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The cached data of a module; a path is None if there is nothing."""

    url: str
    state: CacheState
    key: str
    blob_path: Path | None
    code_cache_path: Path | None
    engine_tag: str


@dataclass(slots=True)
class Explanation:
    """The reasons why a module is or is not served: verdict, ingredients of the keys, and findings, line by line."""

    url: str
    state: CacheState
    served: bool
    reason: str
    ingredients: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    unresolved: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


class Lookups:
    """Reads the store for one module at a time."""

    def __init__(self, directory: CacheDirectory, index: Index, files: FileSource) -> None:
        self._directory = directory
        self._index = index
        self._files = files
        self._blobs = BlobStore(directory.blobs_path)
        self._code_caches = CodeCacheStore(directory.code_path)

    def lookup(self, url: str, build: NodeBuild | NodeMissing) -> Lookup:
        """Return the module's state, key and paths."""
        tag = build.engine_tag if isinstance(build, NodeBuild) else ""
        row = self._module_row(url)
        if row is None:
            return Lookup(url, CacheState.COLD, "", None, None, tag)
        state = CacheState.FRESH if not self._changes(row) else CacheState.STALE
        return self.stored(url, state, row.kind, row.source_sha256, tag)

    def stored(self, url: str, state: CacheState, kind: str, source_sha256: bytes, engine_tag: str) -> Lookup:
        """Return key and paths of what is stored for a source text under `url`."""
        key = record_key(kind, source_sha256).digest
        blob = self._blobs.path(key)
        code_cache = self._code_caches.path(engine_tag, kind, source_sha256)
        known = any(
            row.engine_tag == engine_tag and row.kind == kind
            for row in self._index.where(CodeCacheRow, "source_sha256", [source_sha256])
        )
        return Lookup(url, state, key, blob if blob.exists() else None, code_cache if known else None, engine_tag)

    def explain(self, url: str, build: NodeBuild | NodeMissing) -> Explanation:
        """Return all that decides whether a runner is served this module, or a module of its file with a query."""
        if self._module_row(url) is None:
            of_file = self._index.where(ModuleRow, "path", [path_from_file_url(url) or url])
            url = next((row.url for row in of_file if row.url.startswith((f"{url}?", f"{url}#"))), url)
        found = self.lookup(url, build)
        row = self._module_row(url)
        if row is None:
            path = path_from_file_url(url) or url
            if self._files.lstat(path) is None:
                reason = "no such file"
            elif Path(path).is_dir():
                reason = "this is a directory; name a file"
            elif not_served := _why_nothing_is_served(build):
                reason = not_served
            else:
                reason = "never warmed" if is_utf8(path) else NOT_UTF8
            return Explanation(url, CacheState.COLD, False, reason)
        entries = list(self._index.where(EntryPointRow, "manifest", self._index.entries_with(url)))
        changed = self._changes(row)
        packed = any(self._index.where(PackEntryRow, "source_sha256", [row.source_sha256]))
        answer = Explanation(url, found.state, False, "")
        answer.changed = changed
        answer.entry_points = list(dict.fromkeys(map(_described, entries)))
        answer.ingredients["record"] = list(record_key(row.kind, row.source_sha256).ingredients)
        if isinstance(build, NodeBuild):
            key: CacheKey = code_cache_key(build.engine_tag, row.kind, row.source_sha256)
            answer.ingredients["code cache"] = list(key.ingredients)
        requests = [request for request in self._index.where(RequestRow, "url", [url]) if request.error_code]
        answer.unresolved = list(dict.fromkeys((one.specifier, one.error_code, one.error_message) for one in requests))
        answer.missed = list(dict.fromkeys(miss.reason for miss in self._index.where(MissRow, "url", [url])))
        answer.reason = self._verdict(row, entries, changed, packed, build)
        answer.served = not answer.reason
        answer.reason = answer.reason or self._how_served(row, packed, build)
        return answer

    def _how_served(self, row: ModuleRow, packed: bool, build: NodeBuild | NodeMissing) -> str:
        has_source = packed and isinstance(build, NodeBuild) and build.answers_load
        what = "resolution and source" if has_source else "resolution"
        if not isinstance(build, NodeBuild) or row.kind not in (ModuleFormat.MODULE.value, ModuleFormat.COMMONJS.value):
            return what
        why_none = self._why_no_code_cache(row, build)
        return f"{what}, without a code cache: {why_none}" if why_none else f"{what}, with a code cache"

    def _why_no_code_cache(self, row: ModuleRow, build: NodeBuild) -> str:
        """Return why no start finds a code cache of a module, or '' if one does."""
        if not build.compile_cache_layout:
            return f"{build.version} has {UNKNOWN_LAYOUT}"
        claims = [
            one for one in self._index.where(CodeCacheLinkRow, "url", [row.url]) if is_of_build(one.directory, build)
        ]
        current = [one for one in claims if one.source_sha256 == row.source_sha256]
        if not current:
            outside = any(one.source_sha256 == NO_SOURCE for one in claims)
            return "it is outside of the program's workspace, or Node cannot make one" if outside else "none was made"
        for claim in current:
            links = self._index.where(CodeCacheLinkRow, "directory", [claim.directory])
            if owners_of_names(links).get(claim.name) == claim:
                if is_sealed(self._directory, claim.directory):
                    return ""
                return "its directory was written to, or copied, since it was warmed; `esmcache warm` repairs it"
        return "Node gives its code cache the same name as another module's"

    def _verdict(
        self,
        row: ModuleRow,
        entries: list[EntryPointRow],
        changed: list[str],
        packed: bool,
        build: NodeBuild | NodeMissing,
    ) -> str:
        """Return why the module is not served, or '' if it is."""
        if row.problem:
            return row.problem
        if not_served := _why_nothing_is_served(build):
            return not_served
        if changed:
            return "changed since it was warmed: " + ", ".join(changed)
        if not entries:
            return "no warmed entry point reaches it"
        if isinstance(build, NodeBuild) and all(entry.engine_tag != build.engine_tag for entry in entries):
            return f"warmed for {', '.join(sorted({entry.node_version for entry in entries}))}, not {build.version}"
        if row.kind in ("module", "json") and not packed:
            return "its source is missing from the cache; `esmcache warm` adds it"
        return ""

    def _changes(self, row: ModuleRow) -> list[str]:
        status = self._files.lstat(row.path)
        seen = None if status is None else fingerprint(status)
        if seen is None:
            return ["the file is gone"]
        if seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode) and row.proven:
            return []
        answer = read_file(self._files, row.path)
        if isinstance(answer, UnreadableFile):
            return [answer.reason]
        return [] if answer.fact.sha256 == row.source_sha256 else ["its content"]

    def _module_row(self, url: str) -> ModuleRow | None:
        return next(iter(self._index.where(ModuleRow, "url", [url])), None)


def quick_state(files: FileSource, row: ModuleRow) -> CacheState:
    """Return the state of a warmed module by its file's fingerprint alone."""
    status = files.lstat(row.path)
    seen = None if status is None else fingerprint(status)
    same = seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode)
    return CacheState.FRESH if same else CacheState.STALE


def _described(entry: EntryPointRow) -> str:
    conditions = f", conditions {' '.join(entry.conditions.split(chr(0)))}" if entry.conditions else ""
    return f"{entry.path} (Node {entry.node_version} {entry.arch}{conditions})"


def _why_nothing_is_served(build: NodeBuild | NodeMissing) -> str:
    """Return why this Node runs programs natively, or '' if they are served."""
    if isinstance(build, NodeMissing):
        return f"no Node: {build.reason}"
    return "" if build.supported else build.reason
