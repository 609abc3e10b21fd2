"""Describes a file as an ES module, in the terms of BMES, for people and tools to read."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace

from esmcache.analysis import analyse_module
from esmcache.bmes import BmesFile, Unrepresentable, bmes_from_record
from esmcache.bmes.format import MAGIC, VERSION
from esmcache.build.graph import Problem, first_error, why_no_module
from esmcache.file_source import FileSource
from esmcache.records import (
    ExportEntry,
    ImportAttribute,
    ImportEntry,
    ImportName,
    ModuleCall,
    ModuleRecord,
    ModuleRequest,
)

BMES_MAGIC, BMES_VERSION = MAGIC, VERSION


@dataclass(frozen=True, slots=True)
class Description:
    """A module's record in the fields of BMES, its `import(…)` calls, and the first error in it."""

    path: str
    error: Problem | None
    record: BmesFile = field(default_factory=BmesFile)
    import_calls: tuple[ModuleCall, ...] = ()
    has_tla: bool = False


def describe(files: FileSource, path: str) -> Description:
    """Return the description of a file.

    If it cannot be read, `error` has the system's code; if it is no JavaScript by its name, `not-a-module`.
    """
    try:
        source = files.read(path)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else errno.EINVAL
        code = errno.errorcode.get(number or 0, "EIO")
        reason = error.strerror if isinstance(error, OSError) else None
        return Description(path, Problem(path, code, reason or str(error)))
    if because := why_no_module(path):
        return Description(path, Problem(path, "not-a-module", because))
    analysis = analyse_module(source)
    problem = first_error(path, analysis.diagnostics, source)
    record = analysis.record
    return Description(path, problem, _as_bmes(record), record.import_calls, record.has_tla)


def _as_bmes(record: ModuleRecord) -> BmesFile:
    """Return the record in the fields of BMES, even if it can never be written as BMES.

    In that case phases are left out, and ill-formed Unicode becomes U+FFFD.
    """
    file = bmes_from_record(record)
    if isinstance(file, Unrepresentable):
        file = bmes_from_record(_sayable(record), leave_out_phases=True)
    return BmesFile() if isinstance(file, Unrepresentable) else file


def _sayable(record: ModuleRecord) -> ModuleRecord:
    return replace(
        record,
        requested_modules=tuple(_sayable_request(one) for one in record.requested_modules),
        import_entries=tuple(
            ImportEntry(_sayable_request(one.module_request), _import_name(one.import_name), one.local_name, one.span)
            for one in record.import_entries
        ),
        local_export_entries=tuple(_sayable_export(one) for one in record.local_export_entries),
        indirect_export_entries=tuple(_sayable_export(one) for one in record.indirect_export_entries),
        star_export_entries=tuple(_sayable_export(one) for one in record.star_export_entries),
    )


def _sayable_export(entry: ExportEntry) -> ExportEntry:
    return replace(
        entry,
        export_name=None if entry.export_name is None else _well_formed(entry.export_name),
        module_request=None if entry.module_request is None else _sayable_request(entry.module_request),
        import_name=None if entry.import_name is None else _import_name(entry.import_name),
    )


def _sayable_request(request: ModuleRequest) -> ModuleRequest:
    attributes = tuple(ImportAttribute(_well_formed(one.key), _well_formed(one.value)) for one in request.attributes)
    return ModuleRequest(_well_formed(request.specifier), attributes, request.phase, request.span)


def _import_name(name: str | ImportName) -> str | ImportName:
    return _well_formed(name) if isinstance(name, str) else name


def _well_formed(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
