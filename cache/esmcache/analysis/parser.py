"""Bytes to syntax tree; the only file that imports tree-sitter and its grammars.

It knows the grammar's gaps and works around them. It must not know the meaning of the syntax.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Point, Query, QueryCursor, Tree

from esmcache.analysis.allowance import Allowance, TooCostlyError
from esmcache.analysis.doubts import Doubt
from esmcache.analysis.respelled_text import RespelledText
from esmcache.analysis.respelling import respell
from esmcache.analysis.white_space import known_white_space
from esmcache.spans import Span

__all__ = [
    "Node",
    "Reparsing",
    "SyntaxTree",
    "TextEdit",
    "Tree",
    "TreeQuery",
    "child_ending_behind",
    "html_comment",
    "is_costly",
    "moved_by_edits",
    "parse",
    "reparse",
]

_LANGUAGE = Language(tree_sitter_javascript.language())
_LINE_END = re.compile(rb"[\r\n]|\xe2\x80[\xa8\xa9]")


class TreeQuery:
    """A tree-sitter query that is compiled once and finds nodes anywhere in a tree."""

    def __init__(self, pattern: str) -> None:
        self._query = Query(_LANGUAGE, pattern)

    def captures(self, root: Node, within: Span | None = None) -> dict[str, list[Node]]:
        """Return the captured nodes by capture name.

        Args:
            within: The span that the nodes must touch, or None for all nodes.
        """
        cursor = QueryCursor(self._query)
        if within is not None:
            cursor.set_byte_range(within.start, within.end)
        return cursor.captures(root)


_HTML_COMMENTS = TreeQuery("(html_comment) @comment")
_FEW, _MANY = 8, 64
# Each respelling may uncover the next gap.
_MOST_RESPELLINGS = 8
_FUNCTIONS_AND_CLASSES = frozenset({"function_expression", "generator_function", "class"})


class _ParserOfThread(threading.local):
    """One parser per thread: making a parser costs as much as parsing a small file."""

    def __init__(self) -> None:
        self.parser = Parser(_LANGUAGE)


_thread = _ParserOfThread()

_LARGEST_TEXT = 12_000_000
# Statements at the top level are looked at one by one.
_MOST_STATEMENTS = 200_000
# A text whose parse is bounded is read in blocks. They must be `bytes`: queries crash over any other buffer
# (tree-sitter 0.26.1).
_BLOCK = 64 << 10
# After an edit the blocks are smaller, so that the number of bytes read is a useful measure.
_EDITED_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """A syntax tree over `source`; `first_error` is the first node that could not be parsed (None: no error)."""

    root: Node
    source: bytes
    first_error: Node | None
    # Attribute clauses that the tree lacks; the key is the offset where their specifier ends.
    attribute_clauses: Mapping[int, bytes] = field(default_factory=dict)
    # Offsets of `await` that the tree lacks.
    awaits: Set[int] = frozenset()
    # Spans of `default`; the key is the offset of the name that the declaration has only in the tree.
    defaults: Mapping[int, Span] = field(default_factory=dict)
    # Offsets where `<!--` begins a comment; None if they were not searched for.
    html_openings: Sequence[int] | None = None
    # The tree that `reparse` starts from; set only if the text was parsed unchanged and without any error.
    editable: Tree | None = None
    # The limit at which parsing stopped, '' if it did not stop. The tree of a text beyond a limit is empty.
    too_costly: str = ""

    def text(self, node: Node) -> bytes:
        """Return the source text of `node` (`node.text` may have been respelled)."""
        start, end = node.byte_range
        return self.source[start:end]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Byte offsets of one replacement, and the same places as (row, byte in the row); `new_end` is in the new text."""

    start: int
    old_end: int
    new_end: int
    start_point: tuple[int, int]
    old_end_point: tuple[int, int]
    new_end_point: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reparsing:
    """A tree after edits, the spans where its structure differs from the old tree, and the number of bytes read."""

    tree: SyntaxTree
    changed: tuple[Span, ...]
    bytes_read: int


def _parse_within(allowance: Allowance, text: bytes, old: Tree | None = None) -> Tree:
    """Return the tree of `text`, reusing the unchanged parts of `old`.

    Raises:
        TooCostlyError: If the parse meets the limit of the allowance.
    """
    if not allowance.is_bounded:
        return _thread.parser.parse(text) if old is None else _thread.parser.parse(text, old)
    return _read_within(allowance, lambda offset, point: text[offset : offset + _BLOCK], old)


def _read_within(allowance: Allowance, read: Callable[[int, Point], bytes], old: Tree | None) -> Tree:
    """Return the tree of a text that is read in blocks.

    Args:
        read: Returns the text from a byte offset on, at least one byte of it except at its end.
        old: An earlier tree whose unchanged parts are reused, or None.

    Raises:
        TooCostlyError: If the parse meets the limit of the allowance.
    """
    is_over = allowance.watch()
    try:
        if old is None:
            return _thread.parser.parse(read, progress_callback=is_over)
        return _thread.parser.parse(read, old, progress_callback=is_over)
    except ValueError as error:
        _thread.parser.reset()
        raise TooCostlyError(allowance.limit_met) from error


def moved_by_edits(tree: Tree, edits: Iterable[TextEdit]) -> Tree:
    """Return a copy of a tree with its nodes moved by edits; within an edit it still shows the old nodes."""
    copied = tree.copy()
    for edit in edits:
        copied.edit(edit.start, edit.old_end, edit.new_end, edit.start_point, edit.old_end_point, edit.new_end_point)
    return copied


def reparse(tree: Tree, edits: Sequence[TextEdit], source: bytes) -> Reparsing | None:
    """Return the tree that edits make of an `editable` tree, or None if the text must be parsed from scratch.

    Any error makes that necessary: tree-sitter's recovery from errors depends on the old tree.

    Args:
        source: The text after the edits.
    """
    if known_white_space(source) != source:
        return None
    edited = moved_by_edits(tree, edits)
    bytes_read = 0

    def read(offset: int, point: Point) -> bytes:
        nonlocal bytes_read
        block = source[offset : offset + _EDITED_BLOCK]
        bytes_read += len(block)
        return block

    try:
        new = _read_within(Allowance(len(source)), read, edited)
    except TooCostlyError:
        return None
    root = new.root_node
    if root.has_error:
        return None
    changed = tuple(Span(item.start_byte, item.end_byte) for item in edited.changed_ranges(new))
    return Reparsing(SyntaxTree(root, source, None, editable=new), changed, bytes_read)


def parse(source: bytes, *, doubtful: Span | None = None, is_module: bool = True) -> SyntaxTree:
    """Return the syntax tree of `source`, which may be any bytes; offsets count bytes, including a BOM.

    If the grammar cannot parse the text, the text is respelled near the errors and parsed again.

    Args:
        doubtful: A span that an earlier parse may have read wrongly; it is respelled, too.
        is_module: Whether the text is a module, in which `<!--` begins no comment.
    """  # noqa: DOC501 (TooCostlyError does not leave this function)
    try:
        if len(source) > _LARGEST_TEXT:
            raise TooCostlyError(f"larger than {_LARGEST_TEXT // 1_000_000} MB")
        return _parse(source, Allowance(len(source)), doubtful, is_module=is_module)
    except TooCostlyError as error:
        root = _thread.parser.parse(b"").root_node
        return SyntaxTree(root, source, root, too_costly=str(error))


def _parse(source: bytes, allowance: Allowance, doubtful: Span | None, *, is_module: bool) -> SyntaxTree:
    normal = known_white_space(source)
    tree = _parse_within(allowance, normal)
    root = tree.root_node
    if root.child_count > _MOST_STATEMENTS:
        raise TooCostlyError(f"more than {_MOST_STATEMENTS} statements")
    errors = _errors(root, normal)
    doubts = [_doubt(*error) for error in errors]
    if doubtful is not None:
        doubts.append(Doubt(doubtful, "program", doubtful.start))
    openings = _html_comments(root, normal, b"<!--") if is_module else None
    if openings:
        doubts += [Doubt(Span(start, start + len("<!--")), "html_comment", start) for start in openings]
    if doubts:
        read = _parse_respelled(normal, tree, doubts, allowance)
        if read is not None:
            respelled, text = read
            return SyntaxTree(respelled.root_node, source, None, text.attribute_clauses, text.awaits, text.defaults)
    editable = tree if normal == source and not doubts and not root.has_error else None
    return SyntaxTree(root, source, errors[0][0] if errors else None, html_openings=openings, editable=editable)


def _parse_respelled(
    source: bytes, tree: Tree, doubts: Sequence[Doubt], allowance: Allowance
) -> tuple[Tree, RespelledText] | None:
    """Return a tree without errors over the respelled source, or None if respelling does not remove all errors.

    Raises:
        TooCostlyError: If a parse meets the limit of the allowance.
    """
    made: RespelledText | None = None
    for _ in range(_MOST_RESPELLINGS):
        before = source if made is None else bytes(made.text)
        made = respell(source, sorted(doubts, key=lambda doubt: doubt.span.start), made)
        if not made.changed:
            return None
        text = bytes(made.text)
        tree = _parse_within(allowance, text, _edited(tree, before, text, made.changed))
        errors = _errors(tree.root_node, text)
        if not errors:
            return tree, made
        doubts = [_doubt(*error) for error in errors]
    return None


def _edited(tree: Tree, before: bytes, after: bytes, changed: Sequence[Span]) -> Tree:
    edited = tree.copy()
    places = sorted({offset for span in changed for offset in (span.start, span.end)})
    old, new = _points(before, places), _points(after, places)
    for span in changed:
        edited.edit(span.start, span.end, span.end, new[span.start], old[span.end], new[span.end])
    return edited


def _points(text: bytes, offsets: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return the row and the column in bytes of each offset.

    Args:
        offsets: Byte offsets in ascending order.
    """
    points = {}
    row = last = 0
    for offset in offsets:
        row += text.count(b"\n", last, offset)
        points[offset] = (row, offset - text.rfind(b"\n", 0, offset) - 1)
        last = offset
    return points


def child_ending_behind(node: Node, offset: int) -> Node | None:
    """Return the first child that ends after an offset, or None."""
    # Node.first_child_for_byte crashes if no such child exists (tree-sitter 0.26.1).
    cursor = node.walk()
    return None if cursor.goto_first_child_for_byte(max(offset, 0)) is None else cursor.node


def html_comment(tree: SyntaxTree) -> Node | None:
    """Return the first HTML-like comment, or None."""
    openings = tree.html_openings
    if openings is None:
        openings = _html_comments(tree.root, tree.source, b"<!--")
    found = [*openings[:1], *_html_comments(tree.root, tree.source, b"-->")[:1]]
    return tree.root.descendant_for_byte_range(min(found), min(found) + 1) if found else None


def _html_comments(root: Node, text: bytes, word: bytes) -> list[int]:
    """Return the offsets where `word` begins an HTML-like comment."""
    offsets = []
    offset = text.find(word)
    while offset >= 0:
        offsets.append(offset)
        offset = text.find(word, offset + 1)
    if is_costly(root, len(offsets)):
        comments = _HTML_COMMENTS.captures(root).get("comment", ())
        return [node.start_byte for node in comments if text.startswith(word, node.start_byte)]
    found = []
    for offset in offsets:
        node = root.descendant_for_byte_range(offset, offset + 1)
        if node is not None and node.type == "html_comment":
            found.append(offset)
    return found


def is_costly(root: Node, lookups: int) -> bool:
    """Return whether a query is cheaper than this many lookups of single nodes.

    A query costs as much as half a parse. A lookup takes time in proportion to the number of statements, or the depth.
    """
    return lookups > _MANY or (lookups > _FEW and lookups * root.child_count > root.end_byte // 4)


def _doubt(node: Node, parent: Node, statement: Node) -> Doubt:
    return Doubt(Span(node.start_byte, node.end_byte), parent.type, statement.start_byte)


def _errors(root: Node, text: bytes) -> list[tuple[Node, Node, Node]]:
    """Return ERROR and MISSING nodes with their parent and top-level statement, but no needless semicolons."""
    if not root.has_error:
        return []
    errors = []
    needless = 0
    pending = [(root, root, root)]
    while pending:
        node, parent, statement = pending.pop()
        if node.is_error or node.is_missing:
            if _is_needless_semicolon(node, parent, text):
                needless += 1
            else:
                errors.append((node, parent, statement))
        else:
            broken = [child for child in reversed(node.children) if child.has_error]
            pending += [(child, node, child if node is root else statement) for child in broken]
    # The root can have an error that no node shows.
    return errors if errors or needless else [(root, root, root)]


def _is_needless_semicolon(missing: Node, statement: Node, text: bytes) -> bool:
    """Return whether JavaScript needs no semicolon at a place where the grammar reports one as missing."""
    if missing.type != ";" or not missing.is_missing:
        return False
    if statement.type == "export_statement":
        # `export default function () {} next()`
        value = statement.child_by_field_name("value")
        if value is not None and value.type in _FUNCTIONS_AND_CLASSES:
            return True
    # The next line begins with `(`, `[`, `` ` ``, `/` or `*`. If the statement could continue with that, the grammar
    # would have continued it, so JavaScript inserts a semicolon (sec-rules-of-automatic-semicolon-insertion).
    if statement.type in ("import_statement", "export_statement", "class_body"):
        following = _following(missing)
        return following is not None and _LINE_END.search(text, missing.end_byte, following.start_byte) is not None
    return False


def _following(node: Node) -> Node | None:
    """Return the next node that begins after a node and is no comment."""
    up: Node | None = node
    while up is not None:
        following = up.next_sibling
        while following is not None and following.type in ("comment", "html_comment"):
            following = following.next_sibling
        if following is not None:
            return following
        up = up.parent
    return None
