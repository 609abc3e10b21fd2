"""What a file says as an ES module, in the words of BMES, for whoever wants to read it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from esmcache.analysis import analyse_module
from esmcache.bmes import BmesFile, fields_from_record
from esmcache.diagnostics import Severity
from esmcache.engine.graph import Problem
from esmcache.file_source import FileSource
from esmcache.records import ModuleCall
from esmcache.spans import LineIndex


@dataclass(frozen=True, slots=True)
class Description:
    """A module's record as BMES has it, its `import(…)` calls, and the first error in it."""

    path: str
    error: Problem | None
    record: BmesFile = field(default_factory=BmesFile)
    import_calls: tuple[ModuleCall, ...] = ()
    has_tla: bool = False


def describe(files: FileSource, path: str) -> Description:
    """Return what the file says; where it cannot be read, `error` has the system's code."""
    try:
        source = files.read(path)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else errno.EINVAL
        code = errno.errorcode.get(number or 0, "EIO")
        reason = error.strerror if isinstance(error, OSError) else None
        return Description(path, Problem(path, code, reason or str(error)))
    analysis = analyse_module(source)
    problem = None
    errors = [one for one in analysis.diagnostics if one.kind.severity is Severity.ERROR]
    if errors:
        first = min(errors, key=lambda one: one.span.start)
        place = LineIndex(source).position(first.span.start)
        problem = Problem(path, first.kind.code, first.message, place.line + 1, place.column + 1)
    record = analysis.record
    return Description(path, problem, fields_from_record(record), record.import_calls, record.has_tla)
