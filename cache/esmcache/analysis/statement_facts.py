"""The facts that the top-level statements of a module contribute to its analysis, ordered by their places.

An edit replaces the facts of some statements and moves all facts after them. This module must not know syntax trees.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Protocol, TypeVar

from esmcache.analysis.declared_names import DeclaredName, DeclaredNames
from esmcache.analysis.early_errors import ModuleFacts, early_errors
from esmcache.analysis.source_analysis import Analysis
from esmcache.analysis.static_semantics import ModuleReading, module_record
from esmcache.diagnostics import Diagnostic
from esmcache.records import ExportEntry, ImportEntry, ModuleCall, ModuleRequest
from esmcache.spans import Span


class _Placed(Protocol):
    """Anything that has a place in the text."""

    @property
    def span(self) -> Span | None: ...


_Entry = TypeVar("_Entry", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Replacement:
    """The bytes `[start, end)` of a text are replaced by a text that has the facts `facts`.

    The spans of `facts` plus `offset` are spans of the new text. Everything after `end` moves by `moved` bytes.
    """

    start: int
    end: int
    moved: int
    facts: StatementFacts
    offset: int


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """Facts of statements that were all parsed without errors; each list is in source order."""

    requests: Sequence[ModuleRequest]
    imports: Sequence[ImportEntry]
    exports: Sequence[ExportEntry]
    stars: Sequence[ExportEntry]
    clause_exports: Sequence[ExportEntry]
    calls: Sequence[ModuleCall]
    lexical: Sequence[DeclaredName]
    variables: Sequence[DeclaredName]
    string_locals: Sequence[DeclaredName]
    errors: Sequence[Diagnostic]
    has_tla: bool

    @classmethod
    def of(cls, reading: ModuleReading, facts: ModuleFacts) -> StatementFacts:
        """Return the facts of a text that was parsed completely."""
        record, declared = reading.record, facts.declared
        return cls(
            reading.requests,
            record.import_entries,
            reading.exports,
            record.star_export_entries,
            reading.clause_exports,
            record.calls,
            declared.lexical,
            declared.variables,
            declared.string_locals,
            sorted(facts.errors, key=_start),
            record.has_tla,
        )

    def within_functions(self, span: Span) -> StatementFacts:
        """Return the facts of a span within a function; it declares, imports and exports nothing."""
        calls = [call for call in self.calls if span.start <= _start(call) < span.end]
        errors = [error for error in self.errors if span.start <= _start(error) < span.end]
        return StatementFacts((), (), (), (), (), calls, (), (), (), errors, has_tla=False)

    def replaced(self, change: Replacement, *, has_tla: bool) -> StatementFacts:
        """Return the facts after a change."""
        new = change.facts
        mover = _Mover()
        return StatementFacts(
            _spliced(self.requests, change, new.requests, mover.request),
            _spliced(self.imports, change, new.imports, mover.imported),
            _spliced(self.exports, change, new.exports, mover.exported),
            _spliced(self.stars, change, new.stars, mover.exported),
            _spliced(self.clause_exports, change, new.clause_exports, mover.exported),
            _spliced_across(self.calls, change, new.calls, _moved_call),
            _spliced_names(self.lexical, change, new.lexical),
            _spliced_names(self.variables, change, new.variables),
            _spliced_names(self.string_locals, change, new.string_locals),
            _spliced_across(self.errors, change, new.errors, _moved_error),
            has_tla,
        )

    def analysis(self) -> Analysis:
        """Return the analysis of the module that consists of the statements."""
        record = module_record(
            self.requests, self.imports, self.exports, self.stars, has_tla=self.has_tla, calls=tuple(self.calls)
        )
        declared = DeclaredNames(list(self.lexical), list(self.variables), [], list(self.string_locals))
        facts = ModuleFacts(declared, list(self.errors))
        return Analysis(record, early_errors(record, self.clause_exports, facts), complete=True)


def _spliced(
    entries: Sequence[_Entry], change: Replacement, new: Sequence[_Entry], move: Callable[[_Entry, int], _Entry]
) -> Sequence[_Entry]:
    if not entries and not new:
        return entries
    first = bisect_left(entries, change.start, key=_start)
    last = bisect_left(entries, change.end, first, key=_start)
    kept = entries[last:]
    behind = [move(entry, change.moved) for entry in kept] if change.moved else kept
    return [*entries[:first], *[move(entry, change.offset) for entry in new], *behind]


def _spliced_across(
    entries: Sequence[_Entry],
    change: Replacement,
    new: Sequence[_Entry],
    move: Callable[[_Entry, Callable[[Span], Span]], _Entry],
) -> Sequence[_Entry]:
    """Return entries after a change; some may begin before it and end after it."""

    def across(span: Span) -> Span:
        start = span.start if span.start < change.end else span.start + change.moved
        return Span(start, span.end if span.end <= change.start else span.end + change.moved)

    def within(span: Span) -> Span:
        return Span(span.start + change.offset, span.end + change.offset)

    before = [move(entry, across) for entry in entries if _start(entry) < change.start]
    behind = [move(entry, across) for entry in entries if _start(entry) >= change.end]
    return [*before, *[move(entry, within) for entry in new], *behind]


def _spliced_names(
    names: Sequence[DeclaredName], change: Replacement, new: Sequence[DeclaredName]
) -> Sequence[DeclaredName]:
    first = bisect_left(names, change.start, key=itemgetter(1))
    last = bisect_left(names, change.end, first, key=itemgetter(1))
    moved = change.moved
    written = [(name, start + change.offset, end + change.offset) for name, start, end in new]
    behind = [(name, start + moved, end + moved) for name, start, end in names[last:]] if moved else names[last:]
    return [*names[:first], *written, *behind]


def _start(entry: _Placed) -> int:
    return entry.span.start if entry.span else 0


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


class _Mover:
    """Moves entries; entries that shared the request of one statement still share it afterwards."""

    def __init__(self) -> None:
        # The keys are the ids of the objects, which all live as long as this mover.
        self._requests: dict[int, ModuleRequest] = {}
        self._exports: dict[int, ExportEntry] = {}

    def request(self, request: ModuleRequest, by: int) -> ModuleRequest:
        moved = self._requests.get(id(request))
        if moved is None:
            moved = self._requests[id(request)] = replace(request, span=request.span and _moved(request.span, by))
        return moved

    def imported(self, entry: ImportEntry, by: int) -> ImportEntry:
        request = self.request(entry.module_request, by)
        return replace(entry, module_request=request, span=entry.span and _moved(entry.span, by))

    def exported(self, entry: ExportEntry, by: int) -> ExportEntry:
        # There can be many exports, and some are in two lists. `replace` takes twice as long as this call.
        moved = self._exports.get(id(entry))
        if moved is None:
            request = entry.module_request and self.request(entry.module_request, by)
            span = entry.span and Span(entry.span.start + by, entry.span.end + by)
            moved = ExportEntry(entry.export_name, request, entry.import_name, entry.local_name, span)
            self._exports[id(entry)] = moved
        return moved


def _moved_call(call: ModuleCall, move: Callable[[Span], Span]) -> ModuleCall:
    return replace(call, span=call.span and move(call.span))


def _moved_error(error: Diagnostic, move: Callable[[Span], Span]) -> Diagnostic:
    related = tuple(replace(item, span=move(item.span)) for item in error.related)
    return replace(error, span=move(error.span), related=related)
