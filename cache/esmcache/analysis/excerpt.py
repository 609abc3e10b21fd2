"""The excerpt of an edited text that is parsed again instead of the whole text.

The grammar reads statements one after the other and remembers nothing of earlier ones. So an edit in a function's body
or between top-level statements changes no statement after the next one that still begins and ends where it did.
Therefore an excerpt holds the statements around the edit and what encloses them, and leaves out all other statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from esmcache.analysis.parser import Node, child_ending_behind
from esmcache.spans import Span

_FUNCTIONS = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)
_NO_STATEMENTS = frozenset({"comment", "html_comment", "hash_bang_line"})
# The first letters after a line end (`in`, `instanceof`) can decide whether the statement ends there.
_LOOKAHEAD = 32
# If an excerpt would exceed this fraction of the text (1/4), reparsing with the old tree is better.
_LARGEST_PART = 4


@dataclass(frozen=True, slots=True)
class _Place:
    """The type and the offsets that a node of an excerpt must have."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The bytes `region` of the whole text, at offset `at` of `text`, and around them what encloses them.

    `reread` is the span between the region's first and last statement, where every statement may have changed.
    """

    text: bytes
    region: Span
    at: int
    reread: Span
    enclosing: Sequence[_Place]
    first: int | None
    last: _Place | None

    @property
    def is_top_level(self) -> bool:
        """Return whether nothing encloses the region."""
        return not self.enclosing

    def is_read_as_before(self, root: Node) -> bool:
        """Return whether the nodes around the region and the statements at its ends are where they were.

        If so, parsing the whole text would read the region in the same way.

        Args:
            root: The root of the excerpt's tree, which must have no errors.
        """
        body = root
        for place in self.enclosing:
            child = child_ending_behind(body, place.start)
            if child is None or not _is_at(child, place):
                return False
            body = child
        if self.first is not None:
            first = child_ending_behind(body, self.first)
            if first is None or first.start_byte != self.first:
                return False
        if self.last is None:
            return True
        last = child_ending_behind(body, self.last.start)
        return last is not None and _is_at(last, self.last)


def excerpt_of(root: Node, source: bytes, edited: Span, reread: Sequence[Span]) -> Excerpt | None:
    """Return the excerpt to parse after an edit, or None if it would be too large a part of the text.

    Args:
        root: The root of a tree whose nodes the edit has moved.
        source: The text after the edit.
        edited: The span of the text that the edit has changed.
        reread: Spans in which the nodes of `root` may be outdated.
    """
    path = _path(root, source, edited, reread)
    body = path[-1]
    least, most = (0, len(source)) if len(path) == 1 else (body.start_byte + 1, body.end_byte - 1)
    allowed = len(source) // _LARGEST_PART

    def is_cut(node: Node) -> bool:
        return any(_cuts(span, node) for span in reread)

    def begins(node: Node) -> bool:
        return node.end_byte <= edited.start and node.start_byte + _LOOKAHEAD <= edited.start and not is_cut(node)

    def ends(node: Node) -> bool:
        goes_on = any(span.start == node.end_byte for span in reread)
        return node.start_byte >= edited.end and not goes_on and not is_cut(node)

    before = child_ending_behind(body, edited.start - _LOOKAHEAD) or _last_child(body)
    first = _statement(before, lambda node: node.prev_sibling, begins, Span(edited.start - allowed, most))
    last = _statement(
        child_ending_behind(body, edited.end), lambda node: node.next_sibling, ends, Span(least, edited.end + allowed)
    )
    region = Span(first.start_byte if first else least, last.end_byte if last else most)
    if region.end - region.start > allowed:
        return None
    excerpt = _assembled(path, source, region, first, last)
    return excerpt if len(excerpt.text) <= allowed else None


def _path(root: Node, source: bytes, edited: Span, reread: Iterable[Span]) -> list[Node]:
    """Return the nodes from the root to the innermost function body that has the edit between its braces."""
    path, length = [root], 1
    while True:
        child = child_ending_behind(path[-1], edited.start)
        if child is None or child.start_byte >= edited.start or child.end_byte <= edited.end:
            break
        if any(span.start <= child.start_byte and child.end_byte <= span.end for span in reread):
            break
        path.append(child)
        if child.type == "statement_block" and path[-2].type in _FUNCTIONS:
            if source[child.start_byte] != ord("{") or source[child.end_byte - 1] != ord("}"):
                break
            length = len(path)
    return path[:length]


def _last_child(node: Node) -> Node | None:
    return node.child(node.child_count - 1) if node.child_count else None


def _cuts(span: Span, node: Node) -> bool:
    """Return whether a span overlaps a node and is not strictly inside it."""
    start, end = node.byte_range
    return span.start < end and start < span.end and not (start < span.start and span.end < end)


def _statement(
    node: Node | None, following: Callable[[Node], Node | None], fits: Callable[[Node], bool], within: Span
) -> Node | None:
    """Return the first statement that fits, or None if no statement near enough does."""
    while node is not None and node.end_byte >= within.start and node.start_byte <= within.end:
        if node.is_named and node.type not in _NO_STATEMENTS and fits(node):
            return node
        node = following(node)
    return None


def _assembled(path: Sequence[Node], source: bytes, region: Span, first: Node | None, last: Node | None) -> Excerpt:
    """Return the region and what encloses it, without the statements beside it."""
    # One run per function: from the statement that contains the function to its opening brace.
    runs: list[list[Node]] = []
    begins_run = True
    for parent, node in pairwise(path):
        if begins_run:
            runs.append([])
        runs[-1].append(node)
        begins_run = node.type == "statement_block" and parent.type in _FUNCTIONS
    starts: list[int] = []
    text = bytearray()
    for run in runs:
        outer, inner = run[0], run[-1]
        starts += [len(text) + node.start_byte - outer.start_byte for node in run]
        text += source[outer.start_byte : inner.start_byte + 1]
    at = len(text)
    text += source[region.start : region.end]
    ends: list[int] = []
    for run in reversed(runs):
        outer, inner = run[0], run[-1]
        ends += [len(text) + node.end_byte - inner.end_byte + 1 for node in reversed(run)]
        text += source[inner.end_byte - 1 : outer.end_byte]
    enclosing = [
        _Place(node.type, start, end) for node, start, end in zip(path[1:], starts, reversed(ends), strict=True)
    ]
    moved = at - region.start
    return Excerpt(
        text=bytes(text),
        region=region,
        at=at,
        reread=Span(first.end_byte if first else region.start, last.start_byte if last else region.end),
        enclosing=enclosing,
        first=first.start_byte + moved if first else None,
        last=_Place(last.type, last.start_byte + moved, last.end_byte + moved) if last else None,
    )


def _is_at(node: Node, place: _Place) -> bool:
    return node.type == place.kind and node.byte_range == (place.start, place.end)
