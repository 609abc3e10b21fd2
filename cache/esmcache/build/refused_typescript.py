"""Finds what TypeScript requests that Node refuses to strip, so that checks and editors do not stop at such a file.

The parser behind Node's stripping can translate most of what it cannot strip, such as `enum`. The record of the
translation is that of the file, without what is of types alone. From text that it cannot translate either, the
JavaScript grammar reads as much as it understands. Nothing here is exact enough to be cached.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from esmcache.analysis import analyse_commonjs, analyse_module
from esmcache.build.analysis_rows import requests_of
from esmcache.build.graph import GraphRequest
from esmcache.engines.node import CompileKind, CompilePool, CompileTask
from esmcache.engines.node.source_map import SourceMap
from esmcache.records import (
    CallKind,
    CompiledSource,
    ExportEntry,
    ImportEntry,
    ModuleCall,
    ModuleRecord,
    ModuleRequest,
)
from esmcache.serving.pack import BYTE_ORDER_MARK
from esmcache.spans import LineIndex, Position, Span

# The start of a declaration that imports or exports types alone, up to its specifier. `type` may also be a name.
_OF_TYPES = re.compile(rb"\b(?:import|export)\s+type\s+(?:[{*]|(?!from\b)\w)[^;'\"]*\Z")
_LONGEST_CLAUSE = 10_000
# Larger files are not looked into: nobody writes them, and a translation of some MB takes a minute.
_LARGEST = 1 << 20
_QUOTES = (b"'", b'"')
_Entry = TypeVar("_Entry", ImportEntry, ExportEntry)
_Spanned = TypeVar("_Spanned", ImportEntry, ExportEntry, ModuleRequest, ModuleCall)


def requests_of_refused(pool: CompilePool, url: str, source: bytes) -> tuple[GraphRequest, ...]:
    """Return what a TypeScript file requests, as far as that can be found out, with spans of its own text.

    Args:
        pool: The workers of a Node that strips types.
        url: The URL of the file.
        source: The file's content; nothing is found in more than 1 MiB.
    """
    record = record_of_refused(pool, url, source)
    if record is not None:
        return _requests_of(record)
    if len(source) > _LARGEST:
        return ()
    return tuple(
        one for one in _requests_of(_record_of_any(source)) if one.span is None or not _is_of_types(source, one.span)
    )


def record_of_refused(pool: CompilePool, url: str, source: bytes) -> ModuleRecord | None:
    """Return the record of the translation of a TypeScript file, with spans of the file's own text.

    None means that there is no translation: the text is no TypeScript, or it has more than 1 MiB. The arguments are
    those of `requests_of_refused`.
    """
    if len(source) > _LARGEST:
        return None
    answer = pool.submit(CompileTask(CompileKind.TRANSLATE, url, source)).result()
    if not isinstance(answer, CompiledSource):
        return None
    translation, source_map = answer.stripped
    return _Original(translation, SourceMap(source_map), source).record(_record_of_any(translation))


def _requests_of(record: ModuleRecord) -> tuple[GraphRequest, ...]:
    return requests_of(replace(record, requested_modules=record.declared_requests))


def _record_of_any(text: bytes) -> ModuleRecord:
    """Return the record of a text that may be an ES module, CommonJS, or a mixture that only TypeScript knows."""
    record = analyse_module(text).record
    known = {one.span for one in record.calls}
    required = (one for one in analyse_commonjs(text).record.calls if one.kind is CallKind.REQUIRE)
    return replace(record, calls=(*record.calls, *(one for one in required if one.span not in known)))


class _Original:
    """Moves spans of a translation to the text that was translated."""

    def __init__(self, translation: bytes, source_map: SourceMap, source: bytes) -> None:
        # Node drops a byte order mark before it translates.
        self._mark = len(BYTE_ORDER_MARK) if source.startswith(BYTE_ORDER_MARK) else 0
        self._source_map = source_map
        self._translation, self._source = translation, source
        self._translated, self._original = LineIndex(translation), LineIndex(source[self._mark :])

    def record(self, record: ModuleRecord) -> ModuleRecord:
        """Return a record of the translation with spans of the original; those that are not known are None."""
        return replace(
            record,
            requested_modules=tuple(self._moved(one) for one in record.requested_modules),
            import_entries=tuple(self._moved_entry(one) for one in record.import_entries),
            local_export_entries=tuple(self._moved(one) for one in record.local_export_entries),
            indirect_export_entries=tuple(self._moved_entry(one) for one in record.indirect_export_entries),
            star_export_entries=tuple(self._moved_entry(one) for one in record.star_export_entries),
            calls=tuple(self._moved(one) for one in record.calls),
        )

    def _moved_entry(self, entry: _Entry) -> _Entry:
        request = entry.module_request
        moved: _Entry = self._moved(entry)
        return moved if request is None else replace(moved, module_request=self._moved(request))

    def _moved(self, one: _Spanned) -> _Spanned:
        return one if one.span is None else replace(one, span=self._span(one.span))

    def _span(self, span: Span) -> Span | None:
        place: Position | None = self._source_map.original(self._translated.position(span.start))
        if place is None:
            return None
        start = self._mark + self._original.byte_offset(place)
        found = Span(start, start + span.end - span.start)
        written, original = self._translation[span.start : span.end], self._source[found.start : found.end]
        # A translation may have other quotes, and another spelling of the same string.
        is_same = written == original or (written[:1] in _QUOTES and written[1:-1] == original[1:-1])
        return found if is_same else None


def _is_of_types(source: bytes, span: Span) -> bool:
    return _OF_TYPES.search(source, max(0, span.start - _LONGEST_CLAUSE), span.start) is not None
