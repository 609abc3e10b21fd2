"""Converts the imports and exports of a module record to the JSON in a row's `bindings`, and back.

The row's `requests` hold the rest of the record. The JSON names a static request by its position in `requests`, and
stores an import name that is not a string as a number.
"""

from __future__ import annotations

import json
from typing import Any

from esmcache.build.graph import Asked, GraphRequest
from esmcache.records import (
    CallKind,
    ExportEntry,
    ImportEntry,
    ImportName,
    ModuleCall,
    ModuleRecord,
    ModuleRequest,
)
from esmcache.spans import Span

_NAMES = (ImportName.NAMESPACE_OBJECT, ImportName.ALL, ImportName.ALL_BUT_DEFAULT)
_NUMBERS = {name: number for number, name in enumerate(_NAMES)}


def bindings_to_json(record: ModuleRecord) -> str:
    """Return a record's import and export entries and its top-level await as JSON, or '' if it has none of them."""
    if not (
        record.import_entries
        or record.local_export_entries
        or record.indirect_export_entries
        or record.star_export_entries
        or record.has_tla
    ):
        return ""
    places = {_identity(request): place for place, request in enumerate(record.requested_modules)}

    def asked(request: ModuleRequest) -> list[int]:
        # The request of an entry has the span of that entry's own statement.
        return [places[_identity(request)], *_ends(request.span)]

    stored = {
        "tla": int(record.has_tla),
        "imports": [
            [*asked(entry.module_request), _name_to_json(entry.import_name), entry.local_name, *_ends(entry.span)]
            for entry in record.import_entries
        ],
        "local": [[entry.export_name, entry.local_name, *_ends(entry.span)] for entry in record.local_export_entries],
        "indirect": [
            [*asked(entry.module_request), entry.export_name, _name_to_json(entry.import_name), *_ends(entry.span)]
            for entry in record.indirect_export_entries
            if entry.module_request is not None and entry.import_name is not None
        ],
        "stars": [
            [*asked(entry.module_request), *_ends(entry.span)]
            for entry in record.star_export_entries
            if entry.module_request is not None
        ],
    }
    return json.dumps(stored, separators=(",", ":"))


def record_from_json(requests: tuple[GraphRequest, ...], bindings: str) -> ModuleRecord:
    """Return the record that a row describes, without calls that have no literal specifier."""
    static = [one for one in requests if Asked.WHILE_RUNNING not in one.asked]
    requested = [ModuleRequest(one.specifier, one.attributes, one.phase, one.span) for one in static]
    calls = tuple(
        ModuleCall(_call_kind(one.asked), one.specifier, one.attributes, one.span)
        for one in requests
        if Asked.WHILE_RUNNING in one.asked
    )
    if not bindings:
        return ModuleRecord(requested_modules=tuple(requested), calls=calls)
    stored: dict[str, Any] = json.loads(bindings)
    of_statements: dict[tuple[int, int], ModuleRequest] = {}

    def request(place: int, start: int, end: int) -> ModuleRequest:
        known = of_statements.get((place, start))
        if known is None:
            same = requested[place]
            known = ModuleRequest(same.specifier, same.attributes, same.phase, _span(start, end))
            of_statements[place, start] = known
        return known

    return ModuleRecord(
        requested_modules=tuple(requested),
        import_entries=tuple(
            ImportEntry(request(place, at, to), _name_from_json(name), local_name, _span(start, end))
            for place, at, to, name, local_name, start, end in stored["imports"]
        ),
        local_export_entries=tuple(
            ExportEntry(export_name, None, None, local_name, _span(start, end))
            for export_name, local_name, start, end in stored["local"]
        ),
        indirect_export_entries=tuple(
            ExportEntry(export_name, request(place, at, to), _name_from_json(name), None, _span(start, end))
            for place, at, to, export_name, name, start, end in stored["indirect"]
        ),
        star_export_entries=tuple(
            ExportEntry(None, request(place, at, to), ImportName.ALL_BUT_DEFAULT, None, _span(start, end))
            for place, at, to, start, end in stored["stars"]
        ),
        has_tla=bool(stored["tla"]),
        calls=calls,
    )


def _identity(request: ModuleRequest) -> object:
    # Spec: ModuleRequestsEqual (sec-modulerequestsequal); the order of attributes does not count.
    return request.specifier, frozenset(request.attributes), request.phase


def _call_kind(asked: Asked) -> CallKind:
    if Asked.WORKER in asked:
        return CallKind.WORKER
    return CallKind.REQUIRE if Asked.REQUIRE in asked else CallKind.IMPORT


def _name_to_json(name: str | ImportName | None) -> str | int:
    return name if isinstance(name, str) else _NUMBERS[name or ImportName.ALL]


def _name_from_json(name: str | int) -> str | ImportName:
    return name if isinstance(name, str) else _NAMES[name]


def _ends(span: Span | None) -> tuple[int, int]:
    return (-1, -1) if span is None else (span.start, span.end)


def _span(start: int, end: int) -> Span | None:
    return None if start < 0 else Span(start, end)
