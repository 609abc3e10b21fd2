"""Errors in the names of a module's imports, exports and declarations: names that are forbidden or used twice.

These checks need the whole module. They work on collected names and must not look at the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from esmcache.analysis.declared_names import DeclaredNames
from esmcache.analysis.string_values import is_well_formed
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan, diagnostic
from esmcache.records import ExportEntry, ImportEntry, ModuleRecord
from esmcache.spans import Span

# Names that strict code may not bind but that the grammar reads as identifiers.
_RESERVED = frozenset(
    {
        "arguments",
        "eval",
        "implements",
        "interface",
        "let",
        "package",
        "private",
        "protected",
        "public",
        "static",
        "yield",
    }
)

# The ways to bind a name.
_IMPORT, _LEXICAL, _VARIABLE = "import", "lexical", "variable"


def name_errors(
    record: ModuleRecord, clause_exports: Sequence[ExportEntry], declared: DeclaredNames
) -> Iterator[Diagnostic]:
    """Yield the errors in the names of a module.

    Spec: Module early errors (sec-module-semantics-static-semantics-early-errors), the rules on names.

    Args:
        clause_exports: The entries of `export {a}`.
    """
    yield from duplicate_exports(record)
    yield from duplicate_bindings(record.import_entries, declared)
    yield from _undeclared_exports(record, clause_exports, declared)


def entry_errors(
    imports: Iterable[ImportEntry], exports: Iterable[ExportEntry], declared: DeclaredNames
) -> Iterator[Diagnostic]:
    """Yield the errors that one name alone shows: reserved words that are bound, ill-formed Unicode."""
    for entry in imports:
        if entry.local_name in _RESERVED and entry.span:
            yield diagnostic(DiagnosticKind.RESERVED_BINDING, entry.span, name=entry.local_name)
        if entry.span and _is_ill_formed(entry.import_name):
            yield _ill_formed(entry, entry.import_name)
    for names in (declared.lexical, declared.variables):
        for name, start, end in names:
            if name in _RESERVED:
                yield diagnostic(DiagnosticKind.RESERVED_BINDING, Span(start, end), name=name)
    for exported in exports:
        if _is_ill_formed(exported.export_name):
            yield _ill_formed(exported, exported.export_name)
        elif _is_ill_formed(exported.import_name):
            yield _ill_formed(exported, exported.import_name)


def _is_ill_formed(name: object) -> bool:
    return isinstance(name, str) and not name.isascii() and not is_well_formed(name)


def _ill_formed(entry: ImportEntry | ExportEntry, name: object) -> Diagnostic:
    assert entry.span is not None
    return diagnostic(DiagnosticKind.ILL_FORMED_NAME, entry.span, name=ascii(name))


def duplicate_exports(record: ModuleRecord) -> Iterator[Diagnostic]:
    """Yield an error for each export whose name an earlier export has."""
    entries: Sequence[ExportEntry] = record.local_export_entries + record.indirect_export_entries
    if len({entry.export_name for entry in entries}) == len(entries):
        return
    first: dict[str | None, ExportEntry] = {}
    for entry in sorted(entries, key=_start):
        earlier = first.setdefault(entry.export_name, entry)
        if earlier is not entry and entry.span and earlier.span:
            related = RelatedSpan(earlier.span, "first exported here")
            name = str(entry.export_name)
            yield diagnostic(DiagnosticKind.DUPLICATE_EXPORT, entry.span, related, name=name)


def duplicate_bindings(imports: Sequence[ImportEntry], declared: DeclaredNames) -> Iterator[Diagnostic]:
    """Yield an error for each name that is bound twice, except by two `var` declarations, which is allowed."""
    names = {entry.local_name for entry in imports}
    names.update([name for name, _, _ in declared.lexical])
    variables = {name for name, _, _ in declared.variables}
    if len(names) == len(imports) + len(declared.lexical) and names.isdisjoint(variables):
        return
    bindings = [(start, end, name, _LEXICAL) for name, start, end in declared.lexical]
    bindings += [(start, end, name, _VARIABLE) for name, start, end in declared.variables]
    bindings += [(entry.span.start, entry.span.end, entry.local_name, _IMPORT) for entry in imports if entry.span]
    first: dict[str, tuple[Span, str]] = {}
    for start, end, name, how in sorted(bindings):
        span = Span(start, end)
        earlier, earlier_how = first.setdefault(name, (span, how))
        if earlier is span or (how == earlier_how == _VARIABLE):
            continue
        if how == earlier_how == _IMPORT:
            kind = DiagnosticKind.DUPLICATE_IMPORT
        elif _IMPORT in (how, earlier_how):
            kind = DiagnosticKind.IMPORT_REDECLARED
        else:
            kind = DiagnosticKind.DUPLICATE_DECLARATION
        related = RelatedSpan(earlier, f"first {'imported' if earlier_how == _IMPORT else 'declared'} here")
        yield diagnostic(kind, span, related, name=name)


def _undeclared_exports(
    record: ModuleRecord, clause_exports: Sequence[ExportEntry], declared: DeclaredNames
) -> Iterator[Diagnostic]:
    if not clause_exports:
        return
    known = {entry.local_name for entry in record.import_entries}
    known.update([name for name, _, _ in declared.lexical])
    known.update([name for name, _, _ in declared.variables])
    no_names = {Span(start, end) for _, start, end in declared.string_locals}
    for entry in clause_exports:
        if entry.span and (entry.local_name not in known or entry.span in no_names):
            yield diagnostic(DiagnosticKind.UNDECLARED_EXPORT, entry.span, name=str(entry.local_name))


def _start(entry: ExportEntry) -> int:
    return entry.span.start if entry.span else 0
