"""Answers about one module: what the cache holds of it, its BMES bytes, and why a runner is served it or not."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from pathlib import Path

from esmcache.analysis import analyse_module
from esmcache.bmes import (
    BmesFile,
    BmesTrailer,
    Damage,
    Unrepresentable,
    Validation,
    bmes_from_record,
    decode,
    encode,
    validate,
)
from esmcache.bmes.format import MAGIC, VERSION
from esmcache.cache_directory import CacheDirectory
from esmcache.code_cache import NodeMissing
from esmcache.diagnostics import DiagnosticKind
from esmcache.engine.analysing import AnalysisStore
from esmcache.engine.compiling import Compiler
from esmcache.engine.errors import EngineError
from esmcache.engine.graph import GraphModule
from esmcache.engine.reading import read_file
from esmcache.file_source import FileSource, Fingerprint, file_url_from_path, fingerprint, path_from_file_url
from esmcache.records import ModuleFormat, NodeBuild
from esmcache.serving.manifest import FileFact, ServedKind
from esmcache.serving.node_compile_cache import decode_entry
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import CacheKey, code_cache_key, record_key
from esmcache.store.index import (
    CodeCacheRow,
    EntryPointRow,
    Index,
    MissRow,
    ModuleRow,
    PackEntryRow,
    RequestRow,
)


class CacheState(Enum):
    """Whether the cache speaks of the file as it is now."""

    FRESH = "fresh"
    STALE = "stale"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the cache holds of a module; paths are None where there is nothing."""

    url: str
    state: CacheState
    key: str
    blob_path: Path | None
    code_cache_path: Path | None
    engine_tag: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a BMES file consists of; sizes in bytes."""

    name: str
    size: int
    file: BmesFile
    validation: Validation
    magic: int = MAGIC
    version: int = VERSION


@dataclass(slots=True)
class Explanation:
    """Why a module is or is not served: the verdict, the keys' ingredients, and what was found, line by line."""

    url: str
    state: CacheState
    served: bool
    reason: str
    ingredients: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    unresolved: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    missing: bool = False


class Lookups:
    """Reads the store for one module at a time."""

    def __init__(self, directory: CacheDirectory, index: Index, files: FileSource) -> None:
        self._directory = directory
        self._index = index
        self._files = files
        self._blobs = BlobStore(directory.blobs_path)

    def lookup(self, url: str, build: NodeBuild | NodeMissing) -> Lookup:
        """Return the module's state, key and places."""
        tag = build.engine_tag if isinstance(build, NodeBuild) else ""
        row = self._module_row(url)
        if row is None:
            return Lookup(url, CacheState.COLD, "", None, None, tag)
        state = CacheState.FRESH if not self._changes(row) else CacheState.STALE
        blob = self._blobs.path(record_key(row.kind, row.source_sha256).digest)
        cache = self._code_cache_row(url, tag, row.source_sha256)
        return Lookup(
            url,
            state,
            record_key(row.kind, row.source_sha256).digest,
            blob if blob.exists() else None,
            None if cache is None else self._directory.v8_path / cache.entry,
            tag,
        )

    def generate(self, url: str, source: bytes | None, build: NodeBuild, jobs: int) -> Lookup:
        """Store a module's record and code cache; `source` None: the file's; raises EngineError."""
        module = self._module(url, source)
        content = module.source or b""
        compiler = Compiler(self._index, build, self._directory.v8_path, jobs)
        try:
            digest = sha256(content).digest()
            compiler.prefetch([digest])
            compiler.ask(module, lambda one: one.source)
            verdict = compiler.verdict(module)
        finally:
            compiler.close()
        if verdict.outcome == "syntax-error":
            raise EngineError(f"{module.path}:{verdict.line}:{verdict.column}: {verdict.detail}")
        analyses = AnalysisStore(self._blobs)
        row, blob, exports = analyses.store(analyse_module(content), ModuleFormat.MODULE, digest)
        with self._index.transaction():
            self._index.put([row])
            self._index.put([] if blob is None else [blob])
            self._index.put(exports)
            self._index.put(compiler.verdict_rows)
            self._index.put(compiler.cache_rows)
        key = record_key(ModuleFormat.MODULE.value, digest).digest
        cache = self._code_cache_row(url, build.engine_tag, digest)
        path = None if cache is None else self._directory.v8_path / cache.entry
        blob_path = None if blob is None else self._blobs.path(key)
        return Lookup(url, CacheState.FRESH, key, blob_path, path, build.engine_tag)

    def bmes(self, url: str, build: NodeBuild, jobs: int, with_bytecode: bool) -> bytes:
        """Return a module's BMES bytes, with its code cache unless told otherwise; raises EngineError."""
        module = self._module(url, None)
        digest = sha256(module.source or b"").digest()
        self.generate(url, module.source, build, jobs)
        stored = self._blobs.read(record_key(ModuleFormat.MODULE.value, digest).digest)
        file = Damage(validate(b"").level, "absent") if stored is None else decode(stored)
        if isinstance(file, Damage):
            reason = self._why_no_record(module.source or b"")
            raise EngineError(f"{module.path}: {reason}")
        if not with_bytecode:
            return stored or b""
        code_cache = self._code_cache(url, build.engine_tag, digest)
        trailer = BmesTrailer(ModuleFormat.MODULE.value, build.engine_tag, digest)
        return encode(replace(file, trailer=trailer, bytecode=code_cache))

    def inspect(self, path: Path, build: NodeBuild | NodeMissing) -> Inspection:
        """Return what a BMES file, or the cache of a source file, consists of; raises EngineError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineError(f"{path}: {error.strerror}") from error
        if not content.startswith(b"SEMB") and path.suffix in (".js", ".mjs", ".cjs"):
            if isinstance(build, NodeMissing):
                raise EngineError(f"no Node to compile {path} with: {build.reason}")
            content = self.bmes(file_url_from_path(os.path.abspath(path)), build, 1, with_bytecode=True)
        file = decode(content)
        if isinstance(file, Damage):
            raise EngineError(f"{path} is no BMES file: {file.reason}")
        return Inspection(str(path), len(content), file, validate(content))

    def explain(self, url: str, build: NodeBuild | NodeMissing) -> Explanation:
        """Return all that decides on whether a runner is served this module."""
        found = self.lookup(url, build)
        row = self._module_row(url)
        if row is None:
            path = path_from_file_url(url) or url
            there = self._files.lstat(path) is not None
            reason = "never warmed" if there else "no such file"
            return Explanation(url, CacheState.COLD, False, reason, missing=not there)
        entries = list(self._index.where(EntryPointRow, "manifest", self._index.entries_with(url)))
        changed = self._changes(row)
        packed = any(self._index.where(PackEntryRow, "source_sha256", [row.source_sha256]))
        answer = Explanation(url, found.state, False, "")
        answer.changed = changed
        answer.entry_points = [f"{entry.path} (Node {entry.node_version} {entry.arch})" for entry in entries]
        answer.ingredients["record"] = list(record_key(row.kind, row.source_sha256).ingredients)
        if isinstance(build, NodeBuild):
            key: CacheKey = code_cache_key(build.engine_tag, row.kind, row.source_sha256)
            answer.ingredients["code cache"] = list(key.ingredients)
        answer.unresolved = [
            (request.specifier, request.error_code, request.error_message)
            for request in self._index.where(RequestRow, "url", [url])
            if request.error_code
        ]
        answer.missed = [miss.reason for miss in self._index.where(MissRow, "url", [url])]
        answer.reason = self._verdict(row, entries, changed, packed, build)
        answer.served = not answer.reason
        answer.reason = answer.reason or _how_served(row, found)
        return answer

    def _verdict(
        self,
        row: ModuleRow,
        entries: list[EntryPointRow],
        changed: list[str],
        packed: bool,
        build: NodeBuild | NodeMissing,
    ) -> str:
        """Return why the module is not served, '' where it is."""
        if row.problem:
            return row.problem
        if changed:
            return "changed since it was warmed: " + ", ".join(changed)
        if not entries:
            return "no entry point that was warmed reaches it"
        if isinstance(build, NodeMissing):
            return f"no Node: {build.reason}"
        if all(entry.engine_tag != build.engine_tag for entry in entries):
            return f"warmed for {', '.join(sorted({entry.node_version for entry in entries}))}, not {build.version}"
        if row.kind in ("module", "json") and not packed:
            return "its source is in no pack"
        return ""

    def _changes(self, row: ModuleRow) -> list[str]:
        status = self._files.lstat(row.path)
        seen = None if status is None else fingerprint(status)
        if seen is None:
            return ["the file is gone"]
        if seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode) and row.proven:
            return []
        answer = read_file(self._files, row.path)
        if isinstance(answer, str):
            return [answer]
        return [] if answer[1].sha256 == row.source_sha256 else ["its content"]

    def _module_row(self, url: str) -> ModuleRow | None:
        return next(iter(self._index.where(ModuleRow, "url", [url])), None)

    def _code_cache_row(self, url: str, engine_tag: str, source_sha256: bytes) -> CodeCacheRow | None:
        for row in self._index.where(CodeCacheRow, "url", [url]):
            if row.engine_tag == engine_tag and row.source_sha256 == source_sha256:
                return row
        return None

    def _code_cache(self, url: str, engine_tag: str, source_sha256: bytes) -> bytes:
        row = self._code_cache_row(url, engine_tag, source_sha256)
        if row is None:
            return b""
        try:
            entry = decode_entry((self._directory.v8_path / row.entry).read_bytes())
        except OSError:
            return b""
        return b"" if entry is None else entry.code_cache

    def _module(self, url: str, source: bytes | None) -> GraphModule:
        path = path_from_file_url(url)
        if path is None:
            raise EngineError(f"{url} is no file: URL")
        fact = FileFact(Fingerprint(0, 0.0, 0.0, 0), b"", False)
        if source is None:
            answer = read_file(self._files, path)
            if isinstance(answer, str):
                raise EngineError(f"{path}: {answer}")
            source, fact = answer
        fact = FileFact(fact.fingerprint, sha256(source).digest(), fact.proven)
        module = GraphModule(url, path, ModuleFormat.MODULE, kind=ServedKind.MODULE)
        module.source, module.fact = source, fact
        return module

    def _why_no_record(self, source: bytes) -> str:
        analysis = analyse_module(source)
        for one in analysis.diagnostics:
            if one.kind in (DiagnosticKind.SYNTAX_ERROR, DiagnosticKind.INVALID_UTF8):
                return f"cannot be written as BMES: {one.message}"
        answer = bmes_from_record(analysis.record)
        return f"cannot be written as BMES: {answer.reason if isinstance(answer, Unrepresentable) else 'unknown'}"


def _how_served(row: ModuleRow, found: Lookup) -> str:
    what = {"module": "resolution and source", "json": "resolution and source"}.get(row.kind, "resolution")
    return f"{what}, with a code cache" if found.code_cache_path is not None else what
