"""Reads a text as Node would load it: its format, its record and its problems, with the types of TypeScript stripped.

Node strips types itself (`ModuleCache.strip_types`), since only that gives the text that it compiles. Each byte of the
code stays at its offset, so spans in the record are spans in the text with types. The record of a text that Node cannot
strip is that of its translation, which the parser behind Node's stripping makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from esmcache.analysis import Analysis, Document, analyse_commonjs
from esmcache.build.graph import UNSUPPORTED_TYPESCRIPT
from esmcache.build.verdicts import refusal_code
from esmcache.diagnostics import Diagnostic, DiagnosticKind
from esmcache.query.stripping import StrippedSource
from esmcache.records import CompileFailure, ModuleFormat, ModuleRecord
from esmcache.spans import ColumnUnit, LineIndex, Position, Span

_BY_SYNTAX = (".js", ".mjs", ".cjs")
_TYPESCRIPT = ".ts"


class TypeScript(Protocol):
    """Asks Node about TypeScript, as `ModuleCache` does."""

    def strip_types(
        self, path: str, source: bytes, module_format: ModuleFormat | None
    ) -> StrippedSource | CompileFailure | None:
        """Return TypeScript without its types, Node's error, or None if there is no Node to strip them."""

    def record_of_refused(self, path: str, source: bytes) -> ModuleRecord | None:
        """Return the record of TypeScript that Node cannot strip, or None if it is not known."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as Node would load it; `record` is empty unless it is an ES module or CommonJS.

    `code` is the document of the text that the engine compiles. It is None for other files, for TypeScript that cannot
    be stripped, and if there is no Node to strip it. The record of a text without `code` is not complete.
    """

    module_format: ModuleFormat | None
    record: ModuleRecord = field(default_factory=ModuleRecord)
    diagnostics: tuple[Diagnostic, ...] = ()
    complete: bool = False
    code: Document | None = None


def read_text(
    path: str,
    document: Document,
    module_format: ModuleFormat | None,
    typescript: TypeScript,
    before: Document | None = None,
) -> Reading:
    """Return a text as Node would load it.

    Args:
        path: The absolute path of the file.
        document: The text.
        module_format: The format by name and package, or None if the syntax decides or Node cannot load the file.
        typescript: Makes TypeScript readable.
        before: The code of an earlier state of the text, of which only what has changed is analysed again.
    """
    if module_format is None and path.endswith(_BY_SYNTAX):
        module_format = _likely_format(document.analysis())
    if module_format is ModuleFormat.MODULE:
        return _reading(module_format, document.analysis(), document)
    if module_format is ModuleFormat.COMMONJS:
        return _reading(module_format, analyse_commonjs(document.source), document)
    if module_format.is_typescript if module_format else path.endswith(_TYPESCRIPT):
        return _read_typescript(path, document, module_format, typescript, before)
    return Reading(module_format)


def _read_typescript(
    path: str,
    document: Document,
    module_format: ModuleFormat | None,
    typescript: TypeScript,
    before: Document | None,
) -> Reading:
    stripped = typescript.strip_types(path, document.source, module_format)
    if stripped is None:
        return Reading(module_format)
    if isinstance(stripped, CompileFailure):
        problems = _problems(stripped, document.lines)
        is_unsupported = any(one.kind is DiagnosticKind.UNSUPPORTED_TYPESCRIPT_SYNTAX for one in problems)
        record = typescript.record_of_refused(path, document.source) if is_unsupported else None
        return Reading(module_format, record or ModuleRecord(), problems)
    code = _changed(before, stripped.text)
    if stripped.module_format is ModuleFormat.MODULE_TYPESCRIPT:
        return _reading(stripped.module_format, code.analysis(), code)
    return _reading(stripped.module_format, analyse_commonjs(stripped.text), code)


def _reading(module_format: ModuleFormat, analysis: Analysis, code: Document) -> Reading:
    return Reading(module_format, analysis.record, analysis.diagnostics, analysis.complete, code)


def _problems(failure: CompileFailure, lines: LineIndex) -> tuple[Diagnostic, ...]:
    """Return Node's error at its place; none if Node did not judge the text."""
    if not failure.is_syntax_error:
        return ()
    is_unsupported = refusal_code(failure.error_code) == UNSUPPORTED_TYPESCRIPT
    kind = DiagnosticKind.UNSUPPORTED_TYPESCRIPT_SYNTAX if is_unsupported else DiagnosticKind.SYNTAX_ERROR
    start = _offset(lines, failure.line, failure.column)
    end = _offset(lines, *failure.end)
    return (Diagnostic(kind, Span(start, max(start, end)), kind.template.format(detail=failure.message)),)


def _offset(lines: LineIndex, line: int, column: int) -> int:
    return 0 if line <= 0 else lines.byte_offset(Position(line - 1, max(column - 1, 0)), ColumnUnit.UTF16)


def _changed(before: Document | None, text: bytes) -> Document:
    """Return the document of a text, made from an earlier one if there is one."""
    if before is None:
        return Document(text)
    old = before.source
    start = _same_bytes(old, text)
    shorter = min(len(old), len(text)) - start
    end = _same_bytes(old[::-1][:shorter], text[::-1][:shorter])
    before.replace(start, len(old) - end, text[start : len(text) - end])
    return before


def _same_bytes(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _likely_format(analysis: Analysis) -> ModuleFormat:
    """Return the format that the engine will probably choose, by the analysis of the text as an ES module."""
    record = analysis.record
    # CommonJS may use `await` as a name. The analysis as an ES module then reports an error.
    awaits = record.has_tla and not analysis.diagnostics
    is_module = record.requested_modules or record.local_export_entries or awaits
    return ModuleFormat.MODULE if is_module else ModuleFormat.COMMONJS
