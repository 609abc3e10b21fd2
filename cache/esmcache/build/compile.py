"""Makes code caches: has Node's workers compile what the store lacks, and writes the entries that Node will read.

A code cache is stored under the SHA-256 of its source and, except for TypeScript, does not depend on the file's path;
`domain_directory` links to it from the directory where Node looks. The text of TypeScript without its types is stored
like a code cache, since Node looks for it in the same way. By itself, V8 compiles only a module's top level. The
functions that earlier runs called are precompiled with it, so that a start finds them in the code cache, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from esmcache.build.called_functions import CalledFunctions
from esmcache.build.context import BuildContext
from esmcache.build.graph import GraphModule
from esmcache.build.verdicts import Verdict, row_from_verdict, verdict_from_answer, verdict_from_row
from esmcache.cache_files import read_regular
from esmcache.engines.node import CompileKind, CompileTask
from esmcache.engines.node.compile_cache_layout import (
    NodeEntry,
    compiled_text,
    encode_entry,
    is_top_level_only,
    module_entries,
    stripping,
)
from esmcache.file_source import file_url_from_path
from esmcache.maintain.domain_directory import is_of_build
from esmcache.records import CompiledSource, CompileFailure, ModuleFormat, Stripping
from esmcache.serving.pack import BYTE_ORDER_MARK
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.rows import CodeCacheLinkRow, CodeCacheRow, VerdictRow

_COMPILE_KINDS = {ModuleFormat.MODULE: CompileKind.MODULE, ModuleFormat.COMMONJS: CompileKind.COMMONJS}


class Compiler:
    """Collects the code caches for one Node build during one warm; it compiles sources and never runs them."""

    def __init__(self, context: BuildContext) -> None:
        self._index = context.index
        self._node = context.node
        self.store = CodeCacheStore(context.directory.code_path)
        self._pool = context.pool
        self._verdicts: dict[tuple[bytes, str], Verdict] = {}
        self._kept: dict[tuple[bytes, str], CodeCacheRow] = {}
        self._pending: dict[tuple[bytes, str, str], tuple[Future[CompiledSource | CompileFailure], bytes]] = {}
        self._kept_back: set[bytes] = set()
        self._stripped: dict[bytes, bytes | None] = {}
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
                self._verdicts[row.source_sha256, row.kind] = verdict_from_row(row)
        for cache in self._index.where(CodeCacheRow, "source_sha256", wanted):
            if cache.engine_tag == self._node.engine_tag:
                self._kept[cache.source_sha256, cache.kind] = cache
        self.called.prefetch(wanted)

    def has_to_compile(self, module: GraphModule, *, either_way: bool = False) -> bool:
        """Return whether the engine's verdict on a module is unknown, or its code cache is missing or outdated.

        Args:
            module: A module that has been read.
            either_way: Whether TypeScript may be compiled as it is imported or as it is required.
        """
        if module.fact is None:
            return False
        key = (module.fact.sha256, _verdict_kind(module, _kind_to_ask_for(module)))
        verdict = self._verdicts.get(key)
        if _task_key(module) in self._pending or (verdict is not None and verdict.outcome != "ok"):
            return False
        if verdict is None:
            return True
        found = module.module_format or verdict.detected_kind
        if found is None or not self._node.compile_cache_layout:
            return False
        ways = [self.entries(module, found)]
        if either_way and found.is_typescript:
            ways.append(self.entries(replace(module, is_imported=not module.is_imported), found))
        return not any(self._is_current(entries, module.fact.sha256) for entries in ways)

    def start(self, module: GraphModule, source: bytes) -> None:
        """Start compiling a module whose file has this content."""
        assert module.fact is not None
        kind, digest = _kind_to_ask_for(module), module.fact.sha256
        task = CompileTask(kind, module.url, source, self.called.offsets(digest), self._stripping(module))
        self._pending[_task_key(module)] = (self._pool.submit(task), source)

    def verdict(self, module: GraphModule) -> Verdict:
        """Return the engine's verdict on a module, waiting for it if it is being compiled.

        Raises:
            OSError: If the module's code cache cannot be written.
        """
        fact = module.fact
        if fact is None:
            return Verdict("died", "not compiled")
        kind = _kind_to_ask_for(module)
        key = (fact.sha256, _verdict_kind(module, kind))
        pending = self._pending.pop((*key, _url_of_entries(module)), None)
        if pending is None:
            return self._verdicts.get(key) or Verdict("died", "not compiled")
        future, source = pending
        answer = future.result()
        if isinstance(answer, CompileFailure) and answer.ended_engine and self.called.offsets(fact.sha256):
            # The functions to precompile, and not the source itself, may have ended the engine: try without them.
            task = CompileTask(kind, module.url, source, stripping=self._stripping(module))
            answer = self._pool.submit(task).result()
        self.compiled += 1
        self.compiled_sources.add(fact.sha256)
        verdict = verdict_from_answer(answer, module, source)
        self._verdicts[key] = verdict
        if verdict.outcome != "died":
            self.verdict_rows.append(row_from_verdict(verdict, self._node.engine_tag, key[1], fact.sha256))
        how = self._stripping(module)
        if isinstance(answer, CompiledSource) and how is not None:
            self._stripped[fact.sha256] = text_without_types(source, answer.stripped[0], how.source_url)
        if isinstance(answer, CompiledSource) and not answer.code_cache:
            self._kept_back.add(fact.sha256)
        elif isinstance(answer, CompiledSource) and self._node.compile_cache_layout:
            found = module.module_format or verdict.detected_kind
            if found is not None:
                self._keep_all(module, found, source, answer)
        return verdict

    def stripped(self, module: GraphModule, source: bytes) -> bytes | None:
        """Return the text of TypeScript without its types, or None if Node cannot strip them; raises OSError.

        The text has the same lines and the same number of bytes as the source.
        """
        assert module.fact is not None
        digest = module.fact.sha256
        if digest not in self._stripped and not self.refuses(module):
            if _task_key(module) not in self._pending:
                self.start(module, source)
            self.verdict(module)
        return self._stripped.get(digest)

    def refuses(self, module: GraphModule) -> bool:
        """Return whether it is known that Node refuses a module's text, or that its process ends over it."""
        key = (module.fact.sha256 if module.fact else b"", _verdict_kind(module, _kind_to_ask_for(module)))
        verdict = self._verdicts.get(key)
        return verdict is not None and verdict.outcome != "ok"

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
            if not self._is_current([NodeEntry("", ModuleFormat.COMMONJS.value)], digest):
                url, source = file_url_from_path(str(path)), sources[path]
                answer = self._pool.submit(CompileTask(CompileKind.COMMONJS, url, source)).result()
                if isinstance(answer, CompiledSource) and answer.code_cache:
                    text = compiled_text(ModuleFormat.COMMONJS, source)
                    self._keep(ModuleFormat.COMMONJS.value, digest, encode_entry(text, answer.code_cache))
        return {path: digest for path, digest in hashes.items() if (digest, "commonjs") in self._kept}

    def entries(
        self, module: GraphModule, found: ModuleFormat, *, top_level_only: bool = False
    ) -> tuple[NodeEntry, ...]:
        """Return the entries that Node looks for when it loads a module of this format, its code cache first."""
        return module_entries(
            found,
            module.url,
            module.path,
            is_imported=module.is_imported,
            keeps_stripped=self._node.keeps_stripped_text,
            top_level_only=top_level_only,
        )

    def was_imported(self, module: GraphModule) -> bool:
        """Return whether the last warm has found that the loader of ES modules strips a module's types.

        If no program has been warmed with the module, the answer is `module.is_imported`.
        """
        links = self._index.where(CodeCacheLinkRow, "url", [module.url]) if module.is_typescript else []
        claimed = {(link.name, link.kind) for link in links if is_of_build(link.directory, self._node)}
        as_imported = replace(module, is_imported=True)
        formats = (ModuleFormat.MODULE_TYPESCRIPT, ModuleFormat.COMMONJS_TYPESCRIPT)
        entries = [{(one.name, one.kind) for one in self.entries(as_imported, found)} for found in formats]
        return any(one <= claimed for one in entries) if claimed else module.is_imported

    def _stripping(self, module: GraphModule) -> Stripping | None:
        """Return how Node strips the types of a module, or None if it is JavaScript."""
        if not module.is_typescript:
            return None
        return stripping(
            module.module_format,
            module.url,
            module.path,
            is_imported=module.is_imported,
            keeps_stripped=self._node.keeps_stripped_text,
        )

    def kept(self, module: GraphModule, *, top_level_only: bool = False) -> dict[str, CodeCacheRow] | None:
        """Return what is stored for the entries of a module's current text, by their names, or None if one is missing.

        The names are those of the files in Node's compile cache.
        """
        found = module.module_format
        if found is None or found.without_types not in _COMPILE_KINDS or module.fact is None or self.keeps_back(module):
            return None
        rows = {}
        for entry in self.entries(module, found, top_level_only=top_level_only):
            row = self._kept.get((module.fact.sha256, entry.kind))
            proven = None if row is None else self.store.proven(row)
            if proven is None:
                return None
            rows[entry.name] = proven
        return rows

    def may_count_calls(self, module: GraphModule) -> bool:
        """Return whether the module names a method by which V8 counts calls."""
        found = module.module_format
        return found is not None and found.without_types in _COMPILE_KINDS and self.verdict(module).may_count_calls

    def keep_top_levels(self, modules: Iterable[GraphModule], read: Callable[[GraphModule], bytes | None]) -> None:
        """Store further code caches, of the modules' top levels alone, for programs that may count their calls.

        V8 counts branches only in functions that it compiles after the program has asked for that.

        Args:
            modules: Modules that have been compiled.
            read: Returns the source of a module, or None if its file has changed.

        Raises:
            OSError: If a code cache cannot be written.
        """
        pending: dict[tuple[bytes, str], tuple[Future[CompiledSource | CompileFailure], bytes, ModuleFormat]] = {}
        for module in modules:
            kept, found = self.kept(module), module.module_format
            if kept is None or found is None or module.fact is None:
                continue
            entry, digest = self.entries(module, found, top_level_only=True)[0], module.fact.sha256
            if (digest, entry.kind) in pending or self._is_current([entry], digest):
                continue
            row = kept[entry.name]
            content = None if row.functions else read_regular(Path(self.store.path_of(row)))
            if content is not None and sha256(content).digest() == row.content_sha256:
                self._keep(entry.kind, digest, content)
            elif (source := read(module)) is not None:
                kind = _kind_to_ask_for(module)
                task = CompileTask(kind, module.url, source, stripping=self._stripping(module))
                pending[digest, entry.kind] = self._pool.submit(task), source, found.without_types
        for (digest, kind_of_entry), (future, source, plain) in pending.items():
            answer = future.result()
            if isinstance(answer, CompiledSource) and answer.code_cache:
                text = [compiled_text(plain, source), *answer.stripped][-1]
                self._keep(kind_of_entry, digest, encode_entry(text, answer.code_cache))

    def keeps_back(self, module: GraphModule) -> bool:
        """Return whether the module was compiled but must have no code cache, because a program could notice one."""
        return module.fact is not None and module.fact.sha256 in self._kept_back

    def _is_current(self, entries: Iterable[NodeEntry], source_sha256: bytes) -> bool:
        """Return whether all entries are stored, with the functions that earlier runs called."""
        rows = [self._kept.get((source_sha256, entry.kind)) for entry in entries]
        return all(
            row and row.functions == self._functions(row.kind, source_sha256) and self.store.proven(row) for row in rows
        )

    def _functions(self, kind: str, source_sha256: bytes) -> int:
        """Return the checksum of the functions that a code cache of this kind must have, 0 if there are none."""
        return 0 if is_top_level_only(kind) else self.called.checksum(source_sha256)

    def _keep_all(self, module: GraphModule, found: ModuleFormat, source: bytes, answer: CompiledSource) -> None:
        texts = [compiled_text(found.without_types, source), *answer.stripped]
        contents = [encode_entry(texts[-1], answer.code_cache)]
        contents += [encode_entry(text, stripped) for text, stripped in pairwise(texts)]
        assert module.fact is not None
        for entry, content in zip(self.entries(module, found), contents, strict=False):
            # A text that was compiled only for its analysis replaces nothing: directories of Node link to what is kept.
            if not self._is_current([entry], module.fact.sha256):
                self._keep(entry.kind, module.fact.sha256, content)

    def _keep(self, kind: str, source_sha256: bytes, content: bytes) -> None:
        functions = self._functions(kind, source_sha256)
        row = self.store.write(self._node.engine_tag, kind, source_sha256, content, functions)
        self.cache_rows.append(row)
        self._kept[source_sha256, kind] = row


def text_without_types(source: bytes, stripped: bytes, source_url: str) -> bytes | None:
    """Return TypeScript without its types, with blanks in their place, or None for a source that is not UTF-8.

    Each byte of the code is at the same offset as in the source.

    Args:
        source: The bytes of the file.
        stripped: The text that Node compiles. It ends with a comment that names the URL or the path of the file.
        source_url: That name.
    """
    text = stripped.removesuffix(b"\n\n//# sourceURL=" + source_url.encode())
    if source.startswith(BYTE_ORDER_MARK) and not text.startswith(BYTE_ORDER_MARK):
        text = BYTE_ORDER_MARK + text
    return text if len(text) == len(source) else None


def _kind_to_ask_for(module: GraphModule) -> CompileKind:
    if module.module_format is None or module.format_is_detected:
        return CompileKind.DETECT
    return _COMPILE_KINDS[module.module_format.without_types]


def _task_key(module: GraphModule) -> tuple[bytes, str, str]:
    assert module.fact is not None
    return module.fact.sha256, _verdict_kind(module, _kind_to_ask_for(module)), _url_of_entries(module)


def _url_of_entries(module: GraphModule) -> str:
    """Return the URL on which the entries of TypeScript depend, or '' for JavaScript."""
    return module.url if module.is_typescript else ""


def _verdict_kind(module: GraphModule, asked: CompileKind) -> str:
    """Return the kind under which the verdict on a module's source is stored."""
    return f"{asked.value}-typescript" if module.is_typescript else asked.value
