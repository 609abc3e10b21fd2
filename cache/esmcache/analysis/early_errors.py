"""The errors of a single module: text that cannot be parsed, and ECMA-262's early errors.

It must not know other modules (`linking` does), and it has no final say: the engine decides what is valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from esmcache.analysis.declared_names import DeclaredNames, declared_names
from esmcache.analysis.name_errors import duplicate_bindings, duplicate_exports, entry_errors, name_errors
from esmcache.analysis.parser import Node, SyntaxTree, html_comment
from esmcache.analysis.placement_errors import placement_errors
from esmcache.analysis.repeated_attributes import repeated_attribute
from esmcache.analysis.static_semantics import ModuleReading
from esmcache.diagnostics import Diagnostic, DiagnosticKind, diagnostic
from esmcache.records import ExportEntry, ModuleRecord
from esmcache.spans import Span

_LONGEST_QUOTE = 30


def syntax_errors(tree: SyntaxTree, unclear: Span | None, *, is_module: bool) -> tuple[Diagnostic, ...]:
    """Return the errors because of which the text could not be parsed completely; empty if it was."""
    found = []
    invalid = _invalid_utf8(tree.source)
    if invalid is not None:
        found.append(diagnostic(DiagnosticKind.INVALID_UTF8, invalid))
    if tree.too_costly:
        found.append(too_costly(tree, tree.too_costly))
    elif tree.first_error is not None:
        found.append(_syntax_error(tree, tree.first_error))
    elif unclear is not None and (repeated := repeated_attribute(tree, unclear)) is not None:
        found.append(repeated)
    elif unclear is not None:
        found.append(diagnostic(DiagnosticKind.SYNTAX_ERROR, unclear, detail="this is not understood"))
    elif is_module and (comment := html_comment(tree)) is not None:
        detail = "HTML comments are not allowed in modules"
        found.append(diagnostic(DiagnosticKind.SYNTAX_ERROR, Span(*comment.byte_range), detail=detail))
    return tuple(found)


def too_costly(tree: SyntaxTree, limit: str) -> Diagnostic:
    """Return the diagnostic for a text that exceeds a limit.

    Args:
        limit: A description of the limit in a few words.
    """
    return diagnostic(DiagnosticKind.TOO_COSTLY, Span(0, len(tree.source)), limit=limit)


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """The input for checks of the whole module, and `errors`: the errors of single statements.

    The facts of a text can be assembled from the facts of its top-level statements.
    """

    declared: DeclaredNames
    errors: list[Diagnostic]


def module_facts(tree: SyntaxTree, reading: ModuleReading) -> ModuleFacts:
    """Return the facts of a text that was parsed completely."""
    declared = declared_names(tree)
    record = reading.record
    exports = record.local_export_entries + record.indirect_export_entries
    errors = placement_errors(tree, reading.starts)
    errors += entry_errors(record.import_entries, exports, declared)
    errors += [diagnostic(DiagnosticKind.MISPLACED_RETURN, span) for span in declared.returns]
    return ModuleFacts(declared, errors)


def early_errors(
    record: ModuleRecord, clause_exports: Sequence[ExportEntry], facts: ModuleFacts | None
) -> tuple[Diagnostic, ...]:
    """Return the early errors of a module in source order.

    Spec: Module early errors (sec-module-semantics-static-semantics-early-errors) and the rules of strict code.
    Differs: declarations within functions and blocks are left to the engine.

    Args:
        clause_exports: The entries of `export {a}`.
        facts: None if the text could not be parsed completely; then only the names of imports and exports are checked.
    """
    if facts is None:
        found = [*duplicate_exports(record), *duplicate_bindings(record.import_entries, DeclaredNames())]
    else:
        found = [*facts.errors, *name_errors(record, clause_exports, facts.declared)]
    found.sort(key=_order)
    return tuple(found)


def _order(item: Diagnostic) -> tuple[int, int, str]:
    return item.span.start, item.span.end, item.kind.code


def _invalid_utf8(source: bytes) -> Span | None:
    if source.isascii():
        return None
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        return Span(error.start, error.end)
    return None


def _syntax_error(tree: SyntaxTree, node: Node) -> Diagnostic:
    span = Span(node.start_byte, node.end_byte)
    if node.is_missing:
        detail = f"{node.type} expected"
    else:
        words = tree.text(node)[:_LONGEST_QUOTE].split(maxsplit=1)
        quote = words[0].decode("utf-8", "replace") if words else ""
        detail = f"{quote!r} is not understood here" if quote else "this is not understood"
    return diagnostic(DiagnosticKind.SYNTAX_ERROR, span, detail=detail)
