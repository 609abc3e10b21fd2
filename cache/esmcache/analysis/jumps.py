"""`break`, `continue` and the labels they name.

Spec: ContainsUndefinedBreakTarget, ContainsUndefinedContinueTarget, ContainsDuplicateLabels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import regex  # Python 3.11.2 gets possessive repeats of groups wrong; this does not

from esmcache.analysis.ancestors import Inherited, Path
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
_NAME_BACKWARDS = regex.compile(rb"\s*+(?P<name>[\w$\x80-\xff]++)\s*+(?!,)")
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


@dataclass(frozen=True, slots=True)
class _Labels:
    """A labelled statement, and those around it within the same function."""

    statement: Node
    outer: _Labels | None


@dataclass(frozen=True, slots=True)
class _Targets:
    """Where jumps can lead to from a place."""

    has_break: bool = False
    has_continue: bool = False
    labels: _Labels | None = None


_NO_TARGETS = _Targets()


def _targets_below(targets: _Targets, node: Node, child: Node) -> _Targets:
    kind = node.type
    if kind in _BOUNDARIES:
        return _NO_TARGETS
    if kind in _LOOPS:
        return replace(targets, has_break=True, has_continue=True)
    if kind == "switch_statement":
        return replace(targets, has_break=True)
    if kind == "labeled_statement":
        return replace(targets, labels=_Labels(node, targets.labels))
    return targets


_TARGETS = Inherited(_NO_TARGETS, _targets_below)


def label_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    """Return an error for the label at the end of `path` if a statement around it has the same."""
    label = path[-1]
    if label.type != "statement_identifier" or path[-2].type != "labeled_statement":
        return None
    own = path.inherited(_TARGETS).labels
    assert own is not None
    name = identifier_name(tree.text(label))
    outer = _labelled(tree, own.outer, name)
    if outer is None:
        return None
    related = RelatedSpan(Span(*_label(outer).byte_range), "the enclosing label")
    return diagnostic(DiagnosticKind.DUPLICATE_LABEL, Span(*label.byte_range), related, name=name)


def jump_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    """Return an error for the `break` or `continue` at the end of `path` if it leads nowhere."""
    word = path[-1].type
    if word not in ("break", "continue") or path[-2].type not in ("break_statement", "continue_statement"):
        return None
    targets = path.inherited(_TARGETS)
    label = path[-2].child_by_field_name("label")
    if label is not None:
        name = identifier_name(tree.text(label))
        statement = _labelled(tree, targets.labels, name)
        if statement is not None and (word == "break" or _labels_loop(statement)):
            return None
        what = "loop" if word == "continue" else "statement"
        return diagnostic(DiagnosticKind.UNDEFINED_LABEL, Span(*label.byte_range), what=what, name=name)
    if targets.has_break if word == "break" else targets.has_continue:
        return None
    kind = DiagnosticKind.MISPLACED_BREAK if word == "break" else DiagnosticKind.MISPLACED_CONTINUE
    return diagnostic(kind, Span(*path[-1].byte_range))


def _labelled(tree: SyntaxTree, labels: _Labels | None, name: str) -> Node | None:
    """Return the innermost of the statements that has the label `name`."""
    while labels is not None and identifier_name(tree.text(_label(labels.statement))) != name:
        labels = labels.outer
    return None if labels is None else labels.statement


def _label(statement: Node) -> Node:
    # The grammar knows no such statement without a label.
    label = statement.child_by_field_name("label")
    assert label is not None
    return label


def _labels_loop(statement: Node | None) -> bool:
    while statement is not None and statement.type == "labeled_statement":
        statement = statement.child_by_field_name("body")
    return statement is not None and statement.type in _LOOPS
