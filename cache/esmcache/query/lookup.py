"""Answers questions about one module: what the cache holds of it, and why a runner is served it or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from esmcache.build.freshness import UnreadableFile, read_file
from esmcache.build.graph import NOT_UTF8, REFUSALS, SYNTAX_ERROR, is_utf8
from esmcache.cache_directory import CacheDirectory
from esmcache.engines.node import NodeMissing
from esmcache.engines.node.compile_cache_layout import stored_kinds
from esmcache.file_source import FileSource, Fingerprint, fingerprint, path_from_file_url
from esmcache.launch.quick_start import why_not_loaded
from esmcache.query.start_answers import StartAnswers
from esmcache.records import NodeBuild
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import CacheKey, code_cache_key, record_key
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import (
    CodeCacheRow,
    EntryPointRow,
    MissRow,
    ModuleRow,
    RequestRow,
    VerdictRow,
)

_CHANGED = "changed since it was warmed: "


class CacheState(Enum):
    """The state of a module's cache: up to date with the file, outdated, or absent.

    NATIVE is up to date, too, but Node loads the module itself, for example because it refuses its syntax.
    """

    FRESH = "fresh"
    STALE = "stale"
    COLD = "cold"
    NATIVE = "native"


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
    """The reasons why a module is or is not served: verdict, ingredients of the keys, and findings, line by line.

    `served` says that every start gets all that this Node can be served; `partly` that some starts get something.
    `starts` says it for each entry point, if their starts differ.
    """

    url: str
    state: CacheState
    served: bool
    reason: str
    ingredients: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    unresolved: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    partly: bool = False
    starts: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Return in words whether the module is served."""
        return "served" if self.served else "partly served" if self.partly else "not served"


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
        state = _state(row, is_same=not self._changes(row))
        return self.stored(url, state, row.kind, row.source_sha256, tag)

    def stored(self, url: str, state: CacheState, kind: str, source_sha256: bytes, engine_tag: str) -> Lookup:
        """Return key and paths of what is stored for a source text under `url`."""
        key = record_key(kind, source_sha256).digest
        blob = self._blobs.path(key)
        row = self._code_cache(url, kind, source_sha256, engine_tag)
        code_cache = None if row is None else Path(self._code_caches.path_of(row))
        return Lookup(url, state, key, blob if blob.exists() else None, code_cache, engine_tag)

    def _code_cache(self, url: str, kind: str, source_sha256: bytes, engine_tag: str) -> CodeCacheRow | None:
        """Return the row of a module's code cache."""
        rows = self._index.where(CodeCacheRow, "source_sha256", [source_sha256])
        kinds = stored_kinds(kind, url)
        return next((row for row in rows if row.engine_tag == engine_tag and row.kind in kinds), None)

    def explain(self, url: str, build: NodeBuild | NodeMissing) -> Explanation:
        """Return all that decides whether a runner is served this module, or a module of its file with a query."""
        if self._module_row(url) is None:
            path = path_from_file_url(url) or url
            of_file = self._index.where(ModuleRow, "path", [path] if is_utf8(path) else [])
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
        answer = Explanation(url, found.state, False, "")
        answer.changed = self._changes(row)
        answer.entry_points = list(dict.fromkeys(map(_described, entries)))
        answer.ingredients["record"] = list(record_key(row.kind, row.source_sha256).ingredients)
        if isinstance(build, NodeBuild):
            stored = self._code_cache(url, row.kind, row.source_sha256, build.engine_tag)
            kind = row.kind if stored is None else stored.kind
            key: CacheKey = code_cache_key(build.engine_tag, kind, row.source_sha256)
            answer.ingredients["code cache"] = list(key.ingredients)
        requests = [request for request in self._index.where(RequestRow, "url", [url]) if request.error_code]
        answer.unresolved = list(dict.fromkeys((one.specifier, one.error_code, one.error_message) for one in requests))
        answer.missed = list(dict.fromkeys(miss.reason for miss in self._index.where(MissRow, "url", [url])))
        answer.reason = self._why_not_served(row, entries, answer.changed, build)
        if not answer.reason and isinstance(build, NodeBuild):
            self._answer_of_starts(answer, entries, build)
        return answer

    def _why_not_served(
        self, row: ModuleRow, entries: list[EntryPointRow], changed: list[str], build: NodeBuild | NodeMissing
    ) -> str:
        """Return why no start is served the module, or '' if starts have to be asked one by one."""
        if row.problem and not changed:
            return self._why_it_cannot_run(row) if row.problem == SYNTAX_ERROR else row.problem
        if not_served := _why_nothing_is_served(build):
            return not_served
        if not entries:
            return _CHANGED + ", ".join(changed) if changed else "no warmed entry point reaches it"
        if isinstance(build, NodeBuild) and all(entry.engine_tag != build.engine_tag for entry in entries):
            return f"warmed for {', '.join(sorted({entry.node_version for entry in entries}))}, not {build.version}"
        return ""

    def _answer_of_starts(self, answer: Explanation, entries: list[EntryPointRow], build: NodeBuild) -> None:
        """Add what the starts of all entry points do with the module."""
        starts = StartAnswers(self._directory, self._index, self._files, build)
        asked = [entry for entry in entries if entry.engine_tag == build.engine_tag]
        said = [starts.answer(entry, answer.url) for entry in asked]
        answer.served = all(one.has_all for one in said)
        answer.partly = not answer.served and any(one.has_part for one in said)
        answer.reason = said[0].reason
        if len(set(said)) > 1:
            count = sum(one.has_all for one in said)
            answer.reason = f"completely at starts of {count} of {len(said)} entry points"
            answer.starts = [f"{_described(entry)}: {one}" for entry, one in zip(asked, said, strict=True)]

    def _why_it_cannot_run(self, row: ModuleRow) -> str:
        """Return the error of a module that Node refuses, with its place."""
        verdicts = self._index.where(VerdictRow, "source_sha256", [row.source_sha256])
        refusal = next((one for one in verdicts if one.outcome in REFUSALS), None)
        what = SYNTAX_ERROR if refusal is None else refusal.detail
        if refusal is not None and refusal.line:
            what = f"{refusal.line}:{refusal.column}: {what}"
        return f"it cannot run: {what}; Node reports the error when a program loads it"

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
    return _state(row, is_same=seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode))


def _state(row: ModuleRow, *, is_same: bool) -> CacheState:
    if not is_same:
        return CacheState.STALE
    return CacheState.NATIVE if row.problem else CacheState.FRESH


def _described(entry: EntryPointRow) -> str:
    conditions = f", conditions {' '.join(entry.conditions.split(chr(0)))}" if entry.conditions else ""
    return f"{entry.path} (Node {entry.node_version} {entry.arch}{conditions})"


def _why_nothing_is_served(build: NodeBuild | NodeMissing) -> str:
    """Return why this Node runs programs natively, or '' if they are served."""
    if isinstance(build, NodeMissing):
        return f"no Node: {build.reason}"
    return why_not_loaded() if build.supported else build.reason
