"""ModuleRecord to BmesFile and back: ECMA-262's record in the fields of JavaScriptCore's record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from esmcache.bmes.format import (
    STAR_NAMESPACE,
    BmesExport,
    BmesFile,
    BmesImport,
    BmesRequest,
    ExportType,
    ImportType,
)
from esmcache.records import (
    ExportEntry,
    ImportEntry,
    ImportName,
    ModuleRecord,
    ModuleRequest,
    Phase,
)

_Entry = TypeVar("_Entry", ImportEntry, ExportEntry)

_SURROGATE = re.compile("[\ud800-\udfff]")
# The values of `type` that JavaScriptCore distinguishes; every other one counts as "host-defined".
_KNOWN_TYPES = frozenset({"json", "webassembly"})


@dataclass(frozen=True, slots=True)
class Unrepresentable:
    """The part of a record that BMES version 1 cannot express: such a module is served without a BMES file."""

    reason: str


def bmes_from_record(record: ModuleRecord, *, leave_out_phases: bool = False) -> BmesFile | Unrepresentable:
    """Return the record as JavaScriptCore would write it, without bytecode and trailer.

    JavaScriptCore has one request per phase, specifier and type; ECMA-262 compares all attributes. BMES has no
    fields for has_tla and calls. A file that leaves out phases may be shown but not stored.
    """
    for request in record.requested_modules:
        if request.phase is not Phase.EVALUATION and not leave_out_phases:
            return Unrepresentable(f"BMES has no word for the phase {request.phase.value!r}")
    requests: dict[object, BmesRequest] = {}
    for request in record.requested_modules:
        requests.setdefault((request.phase, _type_key(request)), BmesRequest(request.specifier, request.attributes))
    stars = {
        _type_key(entry.module_request): entry.module_request.specifier
        for entry in record.star_export_entries
        if entry.module_request is not None
    }
    file = BmesFile(
        requests=tuple(requests.values()),
        imports=tuple(_bmes_import(entry) for entry in _in_source_order(record.import_entries)),
        exports=_bmes_exports(record),
        stars=tuple(stars.values()),
    )
    if not _is_well_formed(file):
        return Unrepresentable("BMES is UTF-8, which has no lone surrogates")
    return file


def record_from_bmes(file: BmesFile) -> ModuleRecord:
    """Return the record that the file holds, without spans, has_tla and calls, which BMES lacks.

    Entries name only specifiers: if several requests share one, the first is used. A Namespace export becomes an
    indirect entry, even if the source imported the namespace first.
    """
    requests = [ModuleRequest(request.specifier, request.attributes) for request in file.requests]
    by_specifier = {request.specifier: request for request in reversed(requests)}

    def request_of(specifier: str) -> ModuleRequest:
        return by_specifier.get(specifier) or ModuleRequest(specifier)

    local: list[ExportEntry] = []
    indirect: list[ExportEntry] = []
    for entry in file.exports:
        if entry.type is ExportType.LOCAL:
            local.append(ExportEntry(entry.export_name, None, None, entry.local_name))
        else:
            name = entry.import_name if entry.type is ExportType.INDIRECT else ImportName.ALL
            indirect.append(ExportEntry(entry.export_name, request_of(entry.module_name), name, None))
    return ModuleRecord(
        requested_modules=tuple(requests),
        import_entries=tuple(
            ImportEntry(
                request_of(entry.module_request),
                ImportName.NAMESPACE_OBJECT if entry.type is ImportType.NAMESPACE else entry.import_name,
                entry.local_name,
            )
            for entry in file.imports
        ),
        local_export_entries=tuple(local),
        indirect_export_entries=tuple(indirect),
        star_export_entries=tuple(
            ExportEntry(None, request_of(star), ImportName.ALL_BUT_DEFAULT, None) for star in file.stars
        ),
    )


def _type_key(request: ModuleRequest) -> tuple[str, str]:
    for attribute in request.attributes:
        if attribute.key == "type":
            return request.specifier, attribute.value if attribute.value in _KNOWN_TYPES else "host-defined"
    return request.specifier, "javascript"


def _bmes_import(entry: ImportEntry) -> BmesImport:
    specifier = entry.module_request.specifier
    if isinstance(entry.import_name, ImportName):
        return BmesImport(ImportType.NAMESPACE, specifier, STAR_NAMESPACE, entry.local_name)
    return BmesImport(ImportType.SINGLE, specifier, entry.import_name, entry.local_name)


def _bmes_exports(record: ModuleRecord) -> tuple[BmesExport, ...]:
    namespaces = {
        entry.local_name: entry.module_request.specifier
        for entry in record.import_entries
        if entry.import_name is ImportName.NAMESPACE_OBJECT and entry.module_request.phase is Phase.EVALUATION
    }
    entries = _in_source_order(record.local_export_entries + record.indirect_export_entries)
    return tuple(_bmes_export(entry, namespaces) for entry in entries)


def _bmes_export(entry: ExportEntry, namespaces: dict[str, str]) -> BmesExport:
    export_name, local_name = entry.export_name or "", entry.local_name or ""
    if entry.module_request is not None:
        specifier = entry.module_request.specifier
        if isinstance(entry.import_name, str):
            return BmesExport(ExportType.INDIRECT, export_name, specifier, entry.import_name, "")
        return BmesExport(ExportType.NAMESPACE, export_name, specifier, "", "")
    if local_name in namespaces:
        return BmesExport(ExportType.NAMESPACE, export_name, namespaces[local_name], "", "")
    return BmesExport(ExportType.LOCAL, export_name, "", "", local_name)


def _in_source_order(entries: Sequence[_Entry]) -> Sequence[_Entry]:
    """Return the entries ordered by their spans; entries without spans come first, in the given order."""
    return sorted(entries, key=lambda entry: -1 if entry.span is None else entry.span.start)


def _is_well_formed(file: BmesFile) -> bool:
    texts = chain(
        file.stars,
        (request.specifier for request in file.requests),
        (text for request in file.requests for item in request.attributes for text in (item.key, item.value)),
        (text for item in file.imports for text in (item.module_request, item.import_name, item.local_name)),
        (item.export_name + item.module_name + item.import_name + item.local_name for item in file.exports),
    )
    return _SURROGATE.search("".join(texts)) is None
