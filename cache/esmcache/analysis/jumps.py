"""`break`, `continue` and the labels they name.

Spec: ContainsUndefinedBreakTarget, ContainsUndefinedContinueTarget, ContainsDuplicateLabels.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex as re  # Python 3.11.2 gets possessive repeats of groups wrong; this does not

from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan, diagnostic
from esmcache.spans import Span

_LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_BOUNDARIES = frozenset(
    {
        "arrow_function",
        "class_static_block",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)
# A colon with what comes before statements only, or before objects, too; a label of an object is no label.
_COLON = re.compile(rb":(?=\s*(?:(?:for|while|do|switch|if|try)(?![\w$])|\{|;|[\w$]+\s*:))")
# A name, read backwards. What stands behind a comma is a property.
_NAME_BACKWARDS = re.compile(rb"\s*+(?P<name>[\w$\x80-\xff]++)\s*+(?!,)")
_LONGEST_NAME = 80


def possible_labels(source: bytes) -> Iterator[int]:
    """Yield where names stand that read like labels and come twice: one may be within the other."""
    places: dict[bytes, list[int]] = {}
    for colon in _COLON.finditer(source):
        end = colon.start()
        name = _NAME_BACKWARDS.match(source[max(0, end - _LONGEST_NAME) : end][::-1])
        if name is not None and name["name"] != b"tluafed":
            places.setdefault(name["name"], []).append(end - name.end("name"))
    for offsets in places.values():
        if len(offsets) > 1:
            yield from offsets[1:]


def label_error(tree: SyntaxTree, path: list[Node], offset: int) -> Diagnostic | None:
    """Return an error for the label at the end of `path` if a statement around it has the same."""
    label = path[-1]
    if label.type != "statement_identifier" or path[-2].type != "labeled_statement":
        return None
    name = identifier_name(tree.text(label))
    for statement in reversed(path[:-2]):
        if statement.type in _BOUNDARIES:
            return None
        outer = _label(statement)
        if outer is not None and identifier_name(tree.text(outer)) == name:
            related = RelatedSpan(Span(*outer.byte_range), "the enclosing label")
            return diagnostic(DiagnosticKind.DUPLICATE_LABEL, Span(*label.byte_range), related, name=name)
    return None


def jump_error(tree: SyntaxTree, path: list[Node], offset: int) -> Diagnostic | None:
    """Return an error for the `break` or `continue` at the end of `path` if it leads nowhere."""
    word = path[-1].type
    if word not in ("break", "continue") or path[-2].type not in ("break_statement", "continue_statement"):
        return None
    label = path[-2].child_by_field_name("label")
    if label is not None:
        name = identifier_name(tree.text(label))
        if _has_target(tree, path, name, loops_only=word == "continue"):
            return None
        what = "loop" if word == "continue" else "statement"
        return diagnostic(DiagnosticKind.UNDEFINED_LABEL, Span(*label.byte_range), what=what, name=name)
    for statement in reversed(path[:-2]):
        kind = statement.type
        if kind in _LOOPS or (kind == "switch_statement" and word == "break"):
            return None
        if kind in _BOUNDARIES:
            break
    kind_of_error = DiagnosticKind.MISPLACED_BREAK if word == "break" else DiagnosticKind.MISPLACED_CONTINUE
    return diagnostic(kind_of_error, Span(*path[-1].byte_range))


def _has_target(tree: SyntaxTree, path: list[Node], name: str, *, loops_only: bool) -> bool:
    for statement in reversed(path[:-2]):
        if statement.type in _BOUNDARIES:
            return False
        label = _label(statement)
        if label is not None and identifier_name(tree.text(label)) == name:
            return not loops_only or _labels_loop(statement)
    return False


def _label(statement: Node) -> Node | None:
    return statement.child_by_field_name("label") if statement.type == "labeled_statement" else None


def _labels_loop(statement: Node | None) -> bool:
    while statement is not None and statement.type == "labeled_statement":
        statement = statement.child_by_field_name("body")
    return statement is not None and statement.type in _LOOPS
