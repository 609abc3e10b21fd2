"""Makes code caches: has Node's workers compile what the store lacks, and writes the entries that Node will read.

A code cache is stored under the SHA-256 of its source and does not depend on the file's path; `domain_directory` links
to it from the directory where Node looks. By itself, V8 compiles only a module's top level. The functions that earlier
runs called are precompiled with it, so that a start finds them in the code cache, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from esmcache.build.called_functions import CalledFunctions
from esmcache.build.context import BuildContext
from esmcache.build.graph import GraphModule
from esmcache.engines.node import CompileKind, CompileTask
from esmcache.engines.node.compile_cache_layout import compiled_text, encode_entry
from esmcache.file_source import file_url_from_path
from esmcache.records import (
    CompiledSource,
    CompileFailure,
    ImportAttribute,
    ModuleFormat,
    ModuleRequest,
    Phase,
)
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.row_values import as_stored
from esmcache.store.rows import CodeCacheRow, VerdictRow

_COMPILE_KINDS = {ModuleFormat.MODULE: CompileKind.MODULE, ModuleFormat.COMMONJS: CompileKind.COMMONJS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The engine's verdict on a source: "ok", "syntax-error", "quarantined" or "died".

    `requested_modules` is None if the engine returned no list. A source that ended the engine's process is quarantined:
    it is not compiled again until it changes or is rebuilt.
    """

    outcome: str
    detail: str = ""
    line: int = 0
    column: int = 0
    requested_modules: tuple[ModuleRequest, ...] | None = None
    detected_kind: ModuleFormat | None = None


class Compiler:
    """Collects the code caches for one Node build during one warm; it compiles sources and never runs them."""

    def __init__(self, context: BuildContext) -> None:
        self._index = context.index
        self._node = context.node
        self.store = CodeCacheStore(context.directory.code_path)
        self._pool = context.pool
        self._verdicts: dict[tuple[bytes, str], Verdict] = {}
        self._kept: dict[tuple[bytes, str], CodeCacheRow] = {}
        self._pending: dict[tuple[bytes, str], tuple[Future[CompiledSource | CompileFailure], bytes]] = {}
        self._kept_back: set[bytes] = set()
        self.called = CalledFunctions(context.index, context.directory)
        self.verdict_rows: list[VerdictRow] = []
        self.cache_rows: list[CodeCacheRow] = []
        self.compiled = 0
        self.compiled_sources: set[bytes] = set()

    @property
    def jobs(self) -> int:
        """Return the number of processes that may work at once."""
        return self._pool.jobs

    def prefetch(self, hashes: Iterable[bytes]) -> None:
        """Read the verdicts, code caches and called functions of these sources from the index."""
        wanted = list(hashes)
        for row in self._index.where(VerdictRow, "source_sha256", wanted):
            if row.engine_tag == self._node.engine_tag:
                self._verdicts[row.source_sha256, row.kind] = _verdict_from_row(row)
        for cache in self._index.where(CodeCacheRow, "source_sha256", wanted):
            if cache.engine_tag == self._node.engine_tag:
                self._kept[cache.source_sha256, cache.kind] = cache
        self.called.prefetch(wanted)

    def has_to_compile(self, module: GraphModule) -> bool:
        """Return whether the engine's verdict on a module is unknown, or its code cache is missing or outdated."""
        if module.fact is None:
            return False
        key = (module.fact.sha256, _kind_to_ask_for(module).value)
        verdict = self._verdicts.get(key)
        if key in self._pending or (verdict is not None and verdict.outcome != "ok"):
            return False
        if verdict is None:
            return True
        found = module.module_format or verdict.detected_kind
        return found is not None and self._node.compile_cache_layout and not self._is_current(found, module.fact.sha256)

    def start(self, module: GraphModule, source: bytes) -> None:
        """Start compiling a module whose file has this content."""
        assert module.fact is not None
        kind, digest = _kind_to_ask_for(module), module.fact.sha256
        task = CompileTask(kind, module.url, source, self.called.offsets(digest))
        self._pending[digest, kind.value] = (self._pool.submit(task), source)

    def verdict(self, module: GraphModule) -> Verdict:
        """Return the engine's verdict on a module, waiting for it if it is being compiled.

        Raises:
            OSError: If the module's code cache cannot be written.
        """
        fact = module.fact
        if fact is None:
            return Verdict("died", "not compiled")
        detected = module.format_is_detected or module.module_format is None
        kind = CompileKind.DETECT if detected else _COMPILE_KINDS[module.module_format or ModuleFormat.MODULE]
        key = (fact.sha256, kind.value)
        pending = self._pending.pop(key, None)
        if pending is None:
            return self._verdicts.get(key) or Verdict("died", "not compiled")
        future, source = pending
        answer = future.result()
        if isinstance(answer, CompileFailure) and answer.ended_engine and self.called.offsets(fact.sha256):
            # The functions to precompile, and not the source itself, may have ended the engine: try without them.
            answer = self._pool.submit(CompileTask(CompileKind(key[1]), module.url, source)).result()
        self.compiled += 1
        self.compiled_sources.add(fact.sha256)
        verdict = _verdict_from_answer(answer)
        self._verdicts[key] = verdict
        if verdict.outcome != "died":
            self.verdict_rows.append(_row_from_verdict(verdict, self._node.engine_tag, kind.value, fact.sha256))
        if isinstance(answer, CompiledSource) and not _may_be_kept(answer, source):
            self._kept_back.add(fact.sha256)
        elif isinstance(answer, CompiledSource) and self._node.compile_cache_layout:
            found = module.module_format or answer.detected_kind
            if found is not None:
                content = encode_entry(compiled_text(found, source), answer.code_cache)
                self._keep(found, fact.sha256, content)
        return verdict

    def rows_to_put(self) -> list[CodeCacheRow]:
        """Return the rows whose code caches have not been replaced or removed since; the caller holds a transaction.

        Compiling a source twice gives code caches with different bytes. The index keeps the row of the warm that wrote
        last.
        """
        return [row for row in self.cache_rows if self.store.is_there(row)]

    def keep_preload(self, paths: Sequence[Path]) -> dict[Path, bytes]:
        """Precompile files of the preload, and return the SHA-256 of each file that was compiled.

        Args:
            paths: The files that Node compiles while its compile cache is open. Node 26 would never write their code
                caches.

        Raises:
            OSError: If a file cannot be read, or its code cache cannot be written.
            IndexUnusable: If the index cannot be read.
        """
        if not self._node.compile_cache_layout:
            return {}
        sources = {path: path.read_bytes() for path in paths}
        hashes = {path: sha256(source).digest() for path, source in sources.items()}
        self.prefetch(hashes.values())
        for path, digest in hashes.items():
            if not self._is_current(ModuleFormat.COMMONJS, digest):
                url, source = file_url_from_path(str(path)), sources[path]
                answer = self._pool.submit(CompileTask(CompileKind.COMMONJS, url, source)).result()
                if isinstance(answer, CompiledSource) and answer.code_cache:
                    text = compiled_text(ModuleFormat.COMMONJS, source)
                    self._keep(ModuleFormat.COMMONJS, digest, encode_entry(text, answer.code_cache))
        return {path: digest for path, digest in hashes.items() if (digest, "commonjs") in self._kept}

    def kept(self, module: GraphModule) -> CodeCacheRow | None:
        """Return the code cache of a module's current text, or None if it has none."""
        found = module.module_format
        if found not in _COMPILE_KINDS or module.fact is None or self.keeps_back(module):
            return None
        row = self._kept.get((module.fact.sha256, found.value))
        return None if row is None else self.store.proven(row)

    def keeps_back(self, module: GraphModule) -> bool:
        """Return whether the module was compiled but must have no code cache, because a program could notice one."""
        return module.fact is not None and module.fact.sha256 in self._kept_back

    def _is_current(self, found: ModuleFormat, source_sha256: bytes) -> bool:
        """Return whether the source has a code cache with the functions that earlier runs called."""
        row = self._kept.get((source_sha256, found.value))
        return (
            row is not None
            and row.functions == self.called.checksum(source_sha256)
            and self.store.proven(row) is not None
        )

    def _keep(self, found: ModuleFormat, source_sha256: bytes, content: bytes) -> None:
        functions = self.called.checksum(source_sha256)
        row = self.store.write(self._node.engine_tag, found.value, source_sha256, content, functions)
        self.cache_rows.append(row)
        self._kept[source_sha256, found.value] = row


def _kind_to_ask_for(module: GraphModule) -> CompileKind:
    return CompileKind.DETECT if module.module_format is None else _COMPILE_KINDS[module.module_format]


def _may_be_kept(answer: CompiledSource, source: bytes) -> bool:
    """Return whether no program can notice that this source has a code cache.

    V8 counts a program's branches only in code that it compiles while it counts.
    """
    counts_calls = b"startPreciseCoverage" in source and b"inspector" in source
    return bool(answer.code_cache) and not counts_calls


def _verdict_from_answer(answer: CompiledSource | CompileFailure) -> Verdict:
    if isinstance(answer, CompileFailure):
        outcome = "syntax-error" if answer.is_syntax_error else "quarantined" if answer.ended_engine else "died"
        return Verdict(outcome, answer.message, answer.line, answer.column, None, answer.detected_kind)
    return Verdict("ok", requested_modules=answer.requested_modules, detected_kind=answer.detected_kind)


def _verdict_from_row(row: VerdictRow) -> Verdict:
    with as_stored("verdicts"):
        stored = json.loads(row.requests)
        requests = tuple(
            ModuleRequest(specifier, tuple(ImportAttribute(*pair) for pair in attributes), Phase(phase))
            for specifier, attributes, phase in stored["requests"]
        )
        detected = stored["detected"]
        return Verdict(
            row.outcome,
            row.detail,
            row.line,
            row.column,
            requests,
            None if detected is None else ModuleFormat(detected),
        )


def _row_from_verdict(verdict: Verdict, engine_tag: str, kind: str, source_sha256: bytes) -> VerdictRow:
    requests = [
        [request.specifier, [[a.key, a.value] for a in request.attributes], request.phase.value]
        for request in verdict.requested_modules or ()
    ]
    detected = None if verdict.detected_kind is None else verdict.detected_kind.value
    stored = json.dumps({"requests": requests, "detected": detected}, separators=(",", ":"))
    return VerdictRow(
        engine_tag, kind, source_sha256, verdict.outcome, verdict.detail, verdict.line, verdict.column, stored
    )
