"""Makes and stores the cache of a single module, and joins its parts as BMES; its imports do not matter."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from esmcache.analysis import Analysis, analyse_module
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
from esmcache.build.analysis_rows import AnalysisStore
from esmcache.build.commit import commit_module
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.freshness import FileContent, UnreadableFile, read_file
from esmcache.build.graph import NOT_UTF8, GraphModule, is_typescript_name, is_utf8, why_no_module
from esmcache.build.verdicts import Verdict
from esmcache.cache_files import read_regular
from esmcache.diagnostics import DiagnosticKind
from esmcache.engines.node.compile_cache_layout import decode_entry, stored_kinds
from esmcache.errors import CacheError
from esmcache.file_source import Fingerprint, path_from_file_url
from esmcache.records import ModuleFormat
from esmcache.serving.layout import ServedKind
from esmcache.serving.manifest import FileFact
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import record_key
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.rows import CodeCacheRow, ModuleRow

_NOT_ON_DISK = Fingerprint(-1, 0.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Generated:
    """The analysis of a source text, its SHA-256 and the module's format."""

    analysis: Analysis
    source_sha256: bytes
    module_format: ModuleFormat


@dataclass(frozen=True, slots=True)
class Inspection:
    """The parts of a BMES file; `size` is in bytes."""

    name: str
    size: int
    file: BmesFile
    validation: Validation


def inspect_bmes(name: str, content: bytes) -> Inspection:
    """Return the parts of a BMES file's content.

    Args:
        name: The file's name, for the message and for display.

    Raises:
        CacheError: If the content is no BMES.
    """
    file = decode(content)
    if isinstance(file, Damage):
        raise CacheError(f"{name} is not a BMES file: {file.reason}")
    return Inspection(name, len(content), file, validate(content))


class ModuleBuilder:
    """Builds the cache of single modules for one Node build."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._index = context.index
        self._blobs = BlobStore(context.directory.blobs_path)

    def generate(self, url: str, source: bytes | None) -> Generated:
        """Store a module's record and code cache.

        Args:
            url: The file: URL of the module.
            source: The module's text in UTF-8, or None to read the file.

        Raises:
            CacheError: If `url` names no file, the file cannot be read, or the engine rejects the text as a module.
            OSError: If a file of the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        module = self._module(url, source)
        content, fact = module.source, module.fact
        assert content is not None and fact is not None
        compiler, verdict = self._compile(module, fact, content)
        text = compiler.stripped(module, content) if module.is_typescript else content
        if verdict.is_refused:
            raise CacheError(f"{module.path}:{verdict.line}:{verdict.column}: {verdict.detail}")
        if text is None:
            raise CacheError(f"{module.path}: its types could not be stripped: {verdict.detail}")
        assert module.module_format is not None
        analysis = analyse_module(text)
        row, blob, exports = AnalysisStore(self._blobs).store(analysis, module.module_format, fact.sha256)
        of_file = None if fact.fingerprint == _NOT_ON_DISK else self._module_row(module, fact)
        commit_module(self._index, compiler, row, blob, exports, of_file)
        return Generated(analysis, fact.sha256, module.module_format)

    def bmes(self, url: str, *, with_bytecode: bool) -> bytes:
        """Return the BMES bytes of a file.

        Args:
            url: The file: URL of the module.
            with_bytecode: Whether the bytes contain the module's code cache.

        Raises:
            CacheError: If the file cannot be read or is no module, the engine rejects it as a module, or BMES cannot
                express its record.
            OSError: If a file of the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        path = path_from_file_url(url) or url
        if os.path.isfile(path) and (because := why_no_module(path)):
            raise CacheError(f"{path}: {because}")
        made = self.generate(url, None)
        kind = made.module_format.value
        stored = self._blobs.read(record_key(kind, made.source_sha256).digest)
        file = None if stored is None else decode(stored)
        if stored is None or file is None or isinstance(file, Damage):
            raise CacheError(f"{path}: cannot be written as BMES: {_why_no_record(made.analysis)}")
        if not with_bytecode:
            return stored
        trailer = BmesTrailer(kind, self._context.node.engine_tag, made.source_sha256)
        return encode(replace(file, trailer=trailer, bytecode=self._code_cache(made, url)))

    def _compile(self, module: GraphModule, fact: FileFact, content: bytes) -> tuple[Compiler, Verdict]:
        compiler = Compiler(self._context)
        compiler.prefetch([fact.sha256])
        if compiler.has_to_compile(module):
            compiler.start(module, content)
        return compiler, compiler.verdict(module)

    def _module(self, url: str, source: bytes | None) -> GraphModule:
        path = path_from_file_url(url)
        if path is None:
            raise CacheError(f"{url} is not a file: URL")
        if not is_utf8(path):
            raise CacheError(f"{path}: {NOT_UTF8}")
        module = GraphModule(url, path, ModuleFormat.MODULE, kind=ServedKind.MODULE, is_imported=True)
        if is_typescript_name(path):
            module.module_format, module.kind = ModuleFormat.MODULE_TYPESCRIPT, ServedKind.MODULE_TYPESCRIPT
        answer = read_file(self._context.files, path)
        if isinstance(answer, FileContent) and source in (None, answer.source):
            module.source, module.fact = answer.source, answer.fact
        elif source is not None:
            module.source, module.fact = source, FileFact(_NOT_ON_DISK, sha256(source).digest(), False)
        elif isinstance(answer, UnreadableFile):
            raise CacheError(f"{path}: {answer.reason}")
        return module

    def _module_row(self, module: GraphModule, fact: FileFact) -> ModuleRow:
        known = next(iter(self._index.where(ModuleRow, "url", [module.url])), None)
        seen = fact.fingerprint
        return ModuleRow(
            module.url,
            module.path,
            (module.module_format or ModuleFormat.MODULE).value,
            seen.size,
            seen.mtime_ms,
            seen.ctime_ms,
            seen.inode,
            int(fact.proven),
            fact.sha256,
            "" if known is None else known.package,
            "",
            time.time(),
        )

    def _code_cache(self, made: Generated, url: str) -> bytes:
        # It was compiled as an ES module that is imported.
        kind = stored_kinds(made.module_format.value, url)[0]
        store, engine_tag = CodeCacheStore(self._context.directory.code_path), self._context.node.engine_tag
        rows = self._index.where(CodeCacheRow, "source_sha256", [made.source_sha256])
        row = next((row for row in rows if (row.engine_tag, row.kind) == (engine_tag, kind)), None)
        if row is None or store.proven(row) is None:
            return b""
        entry = decode_entry(read_regular(Path(store.path_of(row))) or b"")
        return b"" if entry is None else entry.code_cache


def _why_no_record(analysis: Analysis) -> str:
    for one in analysis.diagnostics:
        if one.kind in (DiagnosticKind.SYNTAX_ERROR, DiagnosticKind.INVALID_UTF8, DiagnosticKind.TOO_COSTLY):
            return one.message
    answer = bmes_from_record(analysis.record)
    return answer.reason if isinstance(answer, Unrepresentable) else "its blob cannot be read"
