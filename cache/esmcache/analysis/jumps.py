"""Errors of `break`, of `continue` and of the labels that they name.

Spec: ContainsUndefinedBreakTarget, ContainsUndefinedContinueTarget, ContainsDuplicateLabels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
# A colon before text that begins only statements, or before `{`, which also begins an object. The tree then shows
# whether the name before it is a label or an object's key.
_COLON = re.compile(rb":(?=\s*(?:(?:for|while|do|switch|if|try)(?![\w$])|\{|;|[\w$]+\s*:))")
# A name, read backwards. A name after a comma is a property.
_NAME_BACKWARDS = regex.compile(rb"\s*+(?P<name>[\w$\x80-\xff]++)\s*+(?!,)")
_LONGEST_NAME = 80
# A possible label directly after another one, whatever statement it labels.
_NEXT_LABEL = re.compile(rb":[\s{]*(?P<name>[\w$\x80-\xff]+)\s*:")


def possible_labels(source: bytes) -> Iterator[int]:
    """Yield the offset of each label-like name that occurred before: the earlier label may enclose it.

    A label of an expression that follows other statements is not found: `a: { f(); a: b }`.
    """
    places: dict[bytes, list[int]] = {}
    for colon in _COLON.finditer(source):
        end = colon.start()
        name = _NAME_BACKWARDS.match(source[max(0, end - _LONGEST_NAME) : end][::-1])
        if name is not None and name["name"] != b"tluafed":
            offsets = places.setdefault(name["name"], [])
            offset = end - name.end("name")
            if offset not in offsets[-1:]:
                offsets.append(offset)
            following = _NEXT_LABEL.match(source, end)
            if following is not None and (around := places.get(following["name"][::-1])) is not None:
                around.append(following.start("name"))
    for offsets in places.values():
        if len(offsets) > 1:
            yield from offsets[1:]


@dataclass(slots=True)
class _Run:
    """Consecutive labels, which all belong to one statement."""

    is_loop: bool = False


@dataclass(frozen=True, slots=True)
class _Label:
    """A label, and the end of its statement."""

    node: Node
    end: int
    run: _Run


class _Labels:
    """The labels of one function, which are added and looked up in source order."""

    def __init__(self) -> None:
        self._added: list[_Label] = []
        self._by_name: dict[str, list[_Label]] = {}

    def add(self, label: _Label) -> None:
        self._added.append(label)

    def around(self, tree: SyntaxTree, name: str, offset: int) -> Sequence[_Label]:
        """Return the labels with a name whose statements enclose an offset, innermost last."""
        for label in self._added:
            own_name = identifier_name(tree.text(label.node))
            self._around(own_name, label.node.start_byte).append(label)
        self._added.clear()
        return self._around(name, offset)

    def _around(self, name: str, offset: int) -> list[_Label]:
        labels = self._by_name.setdefault(name, [])
        # Later offsets are larger, so a statement that ends here encloses none of them.
        while labels and labels[-1].end <= offset:
            labels.pop()
        return labels


@dataclass(frozen=True, slots=True)
class _Targets:
    """The possible targets of jumps from an offset; `run` are the labels directly before it."""

    has_break: bool = False
    has_continue: bool = False
    labels: _Labels | None = None
    run: _Run | None = None


_NO_TARGETS = _Targets()


def _targets_below(targets: _Targets, node: Node, child: Node) -> _Targets:
    kind = node.type
    if kind in _BOUNDARIES:
        return _NO_TARGETS
    if kind in _LOOPS:
        if targets.run is not None:
            targets.run.is_loop = True
        return _Targets(True, True, targets.labels)
    if kind == "labeled_statement":
        labels, run = targets.labels or _Labels(), targets.run or _Run()
        label = node.child_by_field_name("label")
        # In the grammar, every labelled statement has a label.
        assert label is not None
        labels.add(_Label(label, node.end_byte, run))
        return _Targets(targets.has_break, targets.has_continue, labels, run)
    if kind == "switch_statement":
        return _Targets(True, targets.has_continue, targets.labels)
    return targets if targets.run is None else _Targets(targets.has_break, targets.has_continue, targets.labels)


_TARGETS = Inherited(_NO_TARGETS, _targets_below)


def label_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    """Return an error for the label at the end of `path` if an enclosing statement has the same label."""
    label = path[-1]
    if label.type != "statement_identifier" or path[-2].type != "labeled_statement":
        return None
    labels = path.inherited(_TARGETS).labels
    assert labels is not None
    name = identifier_name(tree.text(label))
    *around, _ = labels.around(tree, name, offset)
    if not around:
        return None
    related = RelatedSpan(Span(*around[-1].node.byte_range), "the enclosing label")
    return diagnostic(DiagnosticKind.DUPLICATE_LABEL, Span(*label.byte_range), related, name=name)


def jump_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    """Return an error for the `break` or `continue` at the end of `path` if it has no target."""
    word = path[-1].type
    if word not in ("break", "continue") or path[-2].type not in ("break_statement", "continue_statement"):
        return None
    targets = path.inherited(_TARGETS)
    label = path[-2].child_by_field_name("label")
    if label is not None:
        name = identifier_name(tree.text(label))
        around = targets.labels.around(tree, name, offset) if targets.labels else ()
        if around and (word == "break" or around[-1].run.is_loop):
            return None
        what = "loop" if word == "continue" else "statement"
        return diagnostic(DiagnosticKind.UNDEFINED_LABEL, Span(*label.byte_range), what=what, name=name)
    if targets.has_break if word == "break" else targets.has_continue:
        return None
    kind = DiagnosticKind.MISPLACED_BREAK if word == "break" else DiagnosticKind.MISPLACED_CONTINUE
    return diagnostic(kind, Span(*path[-1].byte_range))
