"""Describes a file as an ES module, in the terms of BMES, for people and tools to read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from esmcache.analysis import analyse_module
from esmcache.bmes import BmesFile, Unrepresentable, bmes_from_record
from esmcache.bmes.format import MAGIC, VERSION
from esmcache.build.graph import Problem, is_typescript_name, why_no_module
from esmcache.build.verdicts import refusal_code
from esmcache.diagnostics import Diagnostic, Severity
from esmcache.engines.node import CompileKind, CompilePool, CompileTask
from esmcache.errors import NodeUnavailableError
from esmcache.file_source import FileSource, file_url_from_path
from esmcache.query.stripping import StrippedSource, strip_types
from esmcache.records import (
    CompiledSource,
    CompileFailure,
    ExportEntry,
    ImportAttribute,
    ImportEntry,
    ImportName,
    ModuleCall,
    ModuleFormat,
    ModuleRecord,
    ModuleRequest,
)
from esmcache.spans import LineIndex

BMES_MAGIC, BMES_VERSION = MAGIC, VERSION


@dataclass(frozen=True, slots=True)
class Description:
    """A module's record in the fields of BMES, its `import(…)` calls, and the first error in it."""

    path: str
    error: Problem | None
    record: BmesFile = field(default_factory=BmesFile)
    import_calls: tuple[ModuleCall, ...] = ()
    has_tla: bool = False


def describe(files: FileSource, path: str, node_workers: Callable[[], CompilePool]) -> Description:
    """Return the description of a file.

    If it cannot be read, `error` has the system's code; if it is no JavaScript by its name, `not-a-module`. Node strips
    the types of TypeScript. Its words and place of a syntax error are those that a program shows, and it refuses some
    texts in which analysis finds no error, for example because of a regular expression.

    Args:
        files: The files of the system.
        path: The path of the file.
        node_workers: Returns the workers of a Node; raises NodeUnavailableError if there is none. JavaScript is
            described without Node, too.
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
    is_typescript = is_typescript_name(path)
    described = Description(path, None) if is_typescript else _described(path, source)
    try:
        workers = node_workers()
    except NodeUnavailableError as error:
        missing = Problem(path, "engine-missing", f"only Node can strip its types, but there is {error}")
        return Description(path, missing) if is_typescript else described
    absolute = os.path.abspath(path)
    answer: StrippedSource | CompiledSource | CompileFailure
    if is_typescript:
        answer = strip_types(workers, absolute, source, ModuleFormat.MODULE_TYPESCRIPT)
    else:
        answer = workers.submit(CompileTask(CompileKind.MODULE, file_url_from_path(absolute), source)).result()
    if isinstance(answer, StrippedSource):
        return _described(path, answer.text)
    if isinstance(answer, CompiledSource):
        # The analysis did not understand the text, but the engine does.
        return replace(described, error=None)
    if not is_typescript and not answer.is_syntax_error:
        return described
    code = refusal_code(answer.error_code) if described.error is None else described.error.code
    return replace(described, error=Problem(path, code, answer.message, answer.line, answer.column))


def _described(path: str, text: bytes) -> Description:
    analysis = analyse_module(text)
    problem = _first_error(path, analysis.diagnostics, text)
    record = analysis.record
    return Description(path, problem, _as_bmes(record), record.import_calls, record.has_tla)


def _first_error(path: str, diagnostics: Iterable[Diagnostic], source: bytes) -> Problem | None:
    errors = [one for one in diagnostics if one.kind.severity is Severity.ERROR]
    if not errors:
        return None
    first = min(errors, key=lambda one: one.span.start)
    place = LineIndex(source).position(first.span.start)
    return Problem(path, first.kind.code, first.message, place.line + 1, place.column + 1)


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
