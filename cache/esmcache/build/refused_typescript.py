"""Finds what TypeScript requests that Node refuses to strip, so that a check does not stop at such a file.

The parser behind Node's stripping can translate most of what it cannot strip, such as `enum`. The requests of the
translation are those of the file, without those of types alone. From text that it cannot translate either, the
JavaScript grammar reads as much as it understands. Nothing here is exact enough to be cached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from esmcache.analysis import analyse_commonjs, analyse_module
from esmcache.build.analysis_rows import requests_of
from esmcache.build.graph import Asked, GraphRequest
from esmcache.engines.node import CompileKind, CompilePool, CompileTask
from esmcache.engines.node.source_map import SourceMap
from esmcache.records import CompiledSource
from esmcache.serving.pack import BYTE_ORDER_MARK
from esmcache.spans import LineIndex, Position, Span

# The start of a declaration that imports or exports types alone, up to its specifier. `type` may also be a name.
_OF_TYPES = re.compile(rb"\b(?:import|export)\s+type\s+(?:[{*]|(?!from\b)\w)[^;'\"]*\Z")
_LONGEST_CLAUSE = 10_000
# Larger files are not looked into: nobody writes them, and a translation of some MB takes a minute.
_LARGEST = 1 << 20


def requests_of_refused(pool: CompilePool, url: str, source: bytes) -> tuple[GraphRequest, ...]:
    """Return what a TypeScript file requests, as far as that can be found out, with spans of its own text.

    Args:
        pool: The workers of a Node that strips types.
        url: The URL of the file.
        source: The file's content; nothing is found in more than 1 MiB.
    """
    if len(source) > _LARGEST:
        return ()
    answer = pool.submit(CompileTask(CompileKind.TRANSLATE, url, source)).result()
    if isinstance(answer, CompiledSource):
        translation, source_map = answer.stripped
        requests = _requests_of_any(translation)
        return tuple(_with_original_spans(requests, translation, SourceMap(source_map), source))
    return tuple(one for one in _requests_of_any(source) if one.span is None or not _is_of_types(source, one.span))


def _requests_of_any(text: bytes) -> list[GraphRequest]:
    """Return the requests of a text that may be an ES module, CommonJS, or a mixture that only TypeScript knows."""
    record = analyse_module(text).record
    of_module = requests_of(replace(record, requested_modules=record.declared_requests))
    of_commonjs = requests_of(analyse_commonjs(text).record)
    known = {one.span for one in of_module}
    return [*of_module, *(one for one in of_commonjs if Asked.REQUIRE in one.asked and one.span not in known)]


def _with_original_spans(
    requests: Iterable[GraphRequest], translation: bytes, source_map: SourceMap, source: bytes
) -> Iterable[GraphRequest]:
    # Node drops a byte order mark before it translates.
    mark = len(BYTE_ORDER_MARK) if source.startswith(BYTE_ORDER_MARK) else 0
    translated, original = LineIndex(translation), LineIndex(source[mark:])

    def moved(span: Span) -> Span | None:
        place: Position | None = source_map.original(translated.position(span.start))
        if place is None:
            return None
        start = mark + original.byte_offset(place)
        return Span(start, start + span.end - span.start)

    for one in requests:
        yield replace(one, span=None if one.span is None else moved(one.span))


def _is_of_types(source: bytes, span: Span) -> bool:
    return _OF_TYPES.search(source, max(0, span.start - _LONGEST_CLAUSE), span.start) is not None
