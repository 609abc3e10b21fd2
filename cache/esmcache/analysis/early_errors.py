"""What is wrong with a module by itself: text that cannot be read, and ECMA-262's early errors.

Knows no other modules (that is linking) and decides nothing: the engine says what is valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from esmcache.analysis.bound_names import undeclared_names
from esmcache.analysis.parser import Node, SyntaxTree, TreeQuery
from esmcache.analysis.static_semantics import ModuleReading
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan, diagnostic
from esmcache.records import ExportEntry, ImportEntry, ModuleRecord
from esmcache.spans import Span

_HTML_COMMENTS = TreeQuery("(html_comment) @comment")
_LONGEST_QUOTE = 30


def syntax_errors(tree: SyntaxTree, unclear: Span | None, *, is_module: bool) -> tuple[Diagnostic, ...]:
    """Return what kept the text from being read as a whole: empty means that all of it was understood."""
    found = []
    invalid = _invalid_utf8(tree.source)
    if invalid is not None:
        found.append(diagnostic(DiagnosticKind.INVALID_UTF8, invalid))
    if tree.first_error is not None:
        found.append(_syntax_error(tree, tree.first_error))
    elif unclear is not None:
        found.append(diagnostic(DiagnosticKind.SYNTAX_ERROR, unclear, detail="this is not understood"))
    elif is_module and (b"<!--" in tree.source or b"-->" in tree.source):
        for comment in _HTML_COMMENTS.captures(tree.root).get("comment", ())[:1]:
            span = Span(comment.start_byte, comment.end_byte)
            detail = "HTML comments are not allowed in modules"
            found.append(diagnostic(DiagnosticKind.SYNTAX_ERROR, span, detail=detail))
    return tuple(found)


def early_errors(tree: SyntaxTree, reading: ModuleReading, *, complete: bool) -> tuple[Diagnostic, ...]:
    """Return the early errors of a module's import and export declarations, in source order.

    Spec: Module early errors (sec-module-semantics-static-semantics-early-errors). Differs: exports of
    undeclared names are only looked for where the record is complete.
    """
    record = reading.record
    found = [*_duplicate_exports(record), *_duplicate_imports(record.import_entries)]
    if complete:
        found += _undeclared_exports(tree, reading)
    return tuple(sorted(found, key=lambda item: item.span.start))


def _duplicate_exports(record: ModuleRecord) -> Iterator[Diagnostic]:
    entries = sorted(record.local_export_entries + record.indirect_export_entries, key=_start)
    first: dict[str | None, ExportEntry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.export_name, entry)
        if earlier is not entry and entry.span and earlier.span:
            related = RelatedSpan(earlier.span, "first exported here")
            name = str(entry.export_name)
            yield diagnostic(DiagnosticKind.DUPLICATE_EXPORT, entry.span, related, name=name)


def _duplicate_imports(entries: Iterable[ImportEntry]) -> Iterator[Diagnostic]:
    first: dict[str, ImportEntry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.local_name, entry)
        if earlier is not entry and entry.span and earlier.span:
            related = RelatedSpan(earlier.span, "first imported here")
            yield diagnostic(DiagnosticKind.DUPLICATE_IMPORT, entry.span, related, name=entry.local_name)


def _undeclared_exports(tree: SyntaxTree, reading: ModuleReading) -> Iterator[Diagnostic]:
    imported = {entry.local_name for entry in reading.record.import_entries}
    candidates = [entry for entry in reading.clause_exports if entry.local_name not in imported]
    undeclared = undeclared_names(tree, (str(entry.local_name) for entry in candidates))
    for entry in candidates:
        if entry.local_name in undeclared and entry.span:
            yield diagnostic(DiagnosticKind.UNDECLARED_EXPORT, entry.span, name=str(entry.local_name))


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


def _start(entry: ExportEntry) -> int:
    return entry.span.start if entry.span else 0
