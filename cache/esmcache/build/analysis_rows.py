"""Converts analyses to rows of the index and BMES blobs, and back; each source content has one analysis."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from esmcache.analysis import Analysis
from esmcache.bmes import BmesTrailer, Unrepresentable, bmes_from_record, encode
from esmcache.build.binding_rows import bindings_to_json, record_from_json
from esmcache.build.graph import Asked, GraphRequest
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan
from esmcache.records import (
    CallKind,
    ExportEntry,
    ImportAttribute,
    ModuleFormat,
    ModuleRecord,
    ModuleRequest,
    Phase,
)
from esmcache.spans import Span
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import ANALYSIS_VERSION, record_key
from esmcache.store.row_values import as_stored
from esmcache.store.rows import AnalysisRow, BlobRow, ExportRow

_KINDS = {kind.code: kind for kind in DiagnosticKind}
_ASKED = {
    CallKind.IMPORT: Asked.IMPORT | Asked.WHILE_RUNNING,
    CallKind.REQUIRE: Asked.REQUIRE | Asked.WHILE_RUNNING,
    CallKind.WORKER: Asked.IMPORT | Asked.WHILE_RUNNING | Asked.WORKER,
}


def requests_of(record: ModuleRecord) -> tuple[GraphRequest, ...]:
    """Return all requests of a record: static requests first, then calls with a literal specifier."""
    static = [GraphRequest(r.specifier, Asked.IMPORT, r.attributes, r.span, r.phase) for r in record.requested_modules]
    calls = [
        GraphRequest(call.specifier, _ASKED[call.kind], call.attributes, call.span)
        for call in record.calls
        if call.specifier is not None
    ]
    return tuple(static + calls)


def requests_of_engine(requests: tuple[ModuleRequest, ...]) -> tuple[GraphRequest, ...]:
    """Return the engine's own list, for a module that tree-sitter could not read."""
    return tuple(GraphRequest(r.specifier, Asked.IMPORT, r.attributes, None, r.phase) for r in requests)


def request_differences(ours: tuple[GraphRequest, ...], theirs: tuple[ModuleRequest, ...]) -> str:
    """Return how the static requests of a module differ from those that the engine found, or '' if they are equal.

    The order of attributes does not count.
    """

    def plain(requests: Iterable[GraphRequest | ModuleRequest]) -> list[tuple[str, frozenset[ImportAttribute]]]:
        return [(request.specifier, frozenset(request.attributes)) for request in requests]

    mine, engines = plain(one for one in ours if Asked.WHILE_RUNNING not in one.asked), plain(theirs)
    if mine == engines:
        return ""
    only_mine = [specifier for specifier, _ in mine if specifier not in {name for name, _ in engines}]
    only_engines = [specifier for specifier, _ in engines if specifier not in {name for name, _ in mine}]
    return f"analysis alone: {only_mine[:5]}, engine alone: {only_engines[:5]}"


class AnalysisStore:
    """Turns analyses into rows and blobs; `blobs_written` counts the blobs that it wrote."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.blobs_written = 0

    def proven(self, blobs: Iterable[BlobRow]) -> tuple[set[str], list[BlobRow]]:
        """Return the keys of the sound blobs, and new rows of those whose file has other times or another inode."""
        keys, changed = set(), []
        for row in blobs:
            proven = self._blobs.proven(row)
            if proven is not None:
                keys.add(row.key)
                changed += [proven] if proven != row else []
        return keys, changed

    def store(
        self, analysis: Analysis, module_format: ModuleFormat, source_sha256: bytes
    ) -> tuple[AnalysisRow, BlobRow | None, list[ExportRow]]:
        """Write the blob if the record can be written as BMES, and return the rows to store.

        Args:
            source_sha256: The SHA-256 of the analysed file.

        Returns:
            The analysis, its blob (None if there is none), and its exports.

        Raises:
            OSError: If the blob cannot be written.
        """
        blob = self._blob(analysis, module_format, source_sha256)
        row = AnalysisRow(
            source_sha256=source_sha256,
            kind=module_format.value,
            version=ANALYSIS_VERSION,
            complete=int(analysis.complete),
            requests=_requests_to_json(requests_of(analysis.record)),
            bindings=bindings_to_json(analysis.record),
            diagnostics=_diagnostics_to_json(analysis.diagnostics),
            blob_key="" if blob is None else blob.key,
        )
        return row, blob, _export_rows(analysis.record, source_sha256)

    def _blob(self, analysis: Analysis, module_format: ModuleFormat, source_sha256: bytes) -> BlobRow | None:
        if not analysis.complete or module_format.without_types is not ModuleFormat.MODULE:
            return None
        file = bmes_from_record(analysis.record)
        if isinstance(file, Unrepresentable):
            return None
        content = encode(replace(file, trailer=BmesTrailer(module_format.value, "", source_sha256)))
        key = record_key(module_format.value, source_sha256).digest
        self.blobs_written += 1
        return self._blobs.write(key, content)


def requests_from_row(row: AnalysisRow) -> tuple[GraphRequest, ...]:
    """Return the requests that a row holds.

    Raises:
        IndexDamaged: If the row's text is not what `store` writes.
    """
    with as_stored("analyses"):
        return tuple(
            GraphRequest(
                _text(specifier),
                Asked(asked),
                tuple(ImportAttribute(_text(key), _text(value)) for key, value in attributes),
                None if start < 0 else Span(start, end),
                Phase(phase),
            )
            for specifier, asked, attributes, start, end, phase in json.loads(row.requests)
        )


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise TypeError(f"{stored!r} is no text")
    return stored


def record_from_row(row: AnalysisRow) -> ModuleRecord:
    """Return the record that a row holds, without calls that have no literal specifier.

    Raises:
        IndexDamaged: If the row's text is not what `store` writes.
    """
    with as_stored("analyses"):
        return record_from_json(requests_from_row(row), row.bindings)


def diagnostics_from_row(row: AnalysisRow) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that a row holds.

    Raises:
        IndexDamaged: If the row's text is not what `store` writes.
    """
    with as_stored("analyses"):
        return tuple(
            Diagnostic(
                _KINDS[code],
                Span(start, end),
                _text(message),
                tuple(RelatedSpan(Span(first, last), _text(text)) for first, last, text in related),
            )
            for code, start, end, message, related in json.loads(row.diagnostics)
            if code in _KINDS
        )


def _requests_to_json(requests: tuple[GraphRequest, ...]) -> str:
    return json.dumps(
        [
            [
                request.specifier,
                int(request.asked),
                [[attribute.key, attribute.value] for attribute in request.attributes],
                -1 if request.span is None else request.span.start,
                -1 if request.span is None else request.span.end,
                request.phase.value,
            ]
            for request in requests
        ],
        separators=(",", ":"),
    )


def _diagnostics_to_json(diagnostics: tuple[Diagnostic, ...]) -> str:
    stored = [
        [
            one.kind.code,
            one.span.start,
            one.span.end,
            one.message,
            [[other.span.start, other.span.end, other.message] for other in one.related],
        ]
        for one in diagnostics
    ]
    return json.dumps(stored, separators=(",", ":"))


def _export_rows(record: ModuleRecord, source_sha256: bytes) -> list[ExportRow]:
    entries = record.local_export_entries + record.indirect_export_entries + record.star_export_entries

    def row(ordinal: int, entry: ExportEntry) -> ExportRow:
        request = entry.module_request
        imported = entry.import_name
        return ExportRow(
            source_sha256,
            ordinal,
            _storable(entry.export_name or ""),
            _storable("" if request is None else request.specifier),
            _storable(imported if isinstance(imported, str) else "" if imported is None else imported.value),
        )

    return [row(ordinal, entry) for ordinal, entry in enumerate(entries)]


def _storable(text: str) -> str:
    # SQLite stores UTF-8 only. No request can use a name that is ill-formed Unicode, so replacing it loses nothing.
    return text.encode("utf-8", "replace").decode()
