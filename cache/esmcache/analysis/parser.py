"""Bytes to syntax tree; the only file that imports tree-sitter and its grammars.

Knows the grammar's gaps and how to get round them; knows nothing of what the syntax means.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from esmcache.analysis.respelling import respell, respell_names
from esmcache.spans import Span

__all__ = ["Node", "SyntaxTree", "TreeQuery", "parse"]

_LANGUAGE = Language(tree_sitter_javascript.language())
_LONE_CR = re.compile(rb"\r(?!\n)")
_HASHBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![^\n]*")
_LS_OR_PS = re.compile(rb"\xe2\x80[\xa8\xa9]")


class TreeQuery:
    """A tree-sitter query that is compiled once and finds nodes anywhere in a tree."""

    def __init__(self, pattern: str) -> None:
        self._query = Query(_LANGUAGE, pattern)

    def captures(self, root: Node, within: Span | None = None) -> dict[str, list[Node]]:
        """Return the captured nodes by capture name, those alone that touch `within` if it is given."""
        cursor = QueryCursor(self._query)
        if within is not None:
            cursor.set_byte_range(within.start, within.end)
        return cursor.captures(root)


# Where import and export have names; a reserved word as a name is an error in the grammar.
_NAME_LISTS = frozenset({"export_clause", "named_imports", "export_statement"})
_FUNCTIONS_AND_CLASSES = frozenset({"function_expression", "generator_function", "class"})


class _ParserOfThread(threading.local):
    """Each thread's own parser: making one costs as much as parsing a small file."""

    def __init__(self) -> None:
        self.parser = Parser(_LANGUAGE)


_thread = _ParserOfThread()


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """A syntax tree over `source`; `first_error` is where the grammar could not read it (None: all read)."""

    root: Node
    source: bytes
    first_error: Node | None
    # Attribute clauses that the tree lacks, by the offset where their specifier ends.
    attribute_clauses: Mapping[int, bytes] = field(default_factory=dict)

    def text(self, node: Node) -> bytes:
        """Return the source text of `node` (`node.text` may have been respelled)."""
        start, end = node.byte_range
        return self.source[start:end]


def parse(source: bytes, *, respelled: bool = False) -> SyntaxTree:
    """Return the syntax tree of `source`, whatever it holds; offsets count its bytes, a BOM included.

    Text that the grammar cannot read is parsed again, respelled; `respelled` prefers that spelling at once.
    """
    normal = _normal_line_ends(source)
    tree = _thread.parser.parse(normal)
    errors = _errors(tree.root_node)
    unread_names = [node for node, parent in errors if parent.type in _NAME_LISTS]
    if unread_names:
        # Only the names are read anew.
        spans = [Span(node.start_byte, node.end_byte) for node in unread_names]
        named_tree = _edited(tree, unread_names)
        named_tree = _thread.parser.parse(respell_names(normal, spans), named_tree)
        if not _errors(named_tree.root_node):
            return SyntaxTree(named_tree.root_node, source, None)
    if errors or respelled:
        other = respell(normal)
        text = respell_names(other.text, spans) if unread_names else other.text
        if text != normal:
            root = _thread.parser.parse(text).root_node
            if not _errors(root):
                return SyntaxTree(root, source, None, other.attribute_clauses)
    return SyntaxTree(tree.root_node, source, errors[0][0] if errors else None)


def _normal_line_ends(source: bytes) -> bytes:
    """Return `source` with line ends that the grammar knows: in JavaScript, a lone CR is one everywhere."""
    if b"\r" in source:
        source = _LONE_CR.sub(b"\n", source)
    hashbang = _HASHBANG.match(source)
    if hashbang is not None:
        # LS and PS end the line, too.
        source = _LS_OR_PS.sub(b"\n  ", hashbang[0]) + source[hashbang.end() :]
    return source


def _edited(tree: Tree, changed: Iterable[Node]) -> Tree:
    edited = tree.copy()
    for node in changed:
        start, end = node.start_point, node.end_point
        edited.edit(node.start_byte, node.end_byte, node.end_byte, start, end, end)
    return edited


def _errors(root: Node) -> list[tuple[Node, Node]]:
    """Return ERROR and MISSING nodes with their parents in source order, without needless semicolons."""
    if not root.has_error:
        return []
    errors = []
    needless = 0
    pending = [(root, root)]
    while pending:
        node, parent = pending.pop()
        if node.is_error or node.is_missing:
            if _is_needless_semicolon(node, parent):
                needless += 1
            else:
                errors.append((node, parent))
        else:
            pending += [(child, node) for child in reversed(node.children) if child.has_error]
    # An error that no node shows is still one.
    return errors if errors or needless else [(root, root)]


def _is_needless_semicolon(missing: Node, statement: Node) -> bool:
    # `export default function () {} next()` needs no semicolon in JavaScript, but in the grammar.
    if missing.type != ";" or statement.type != "export_statement":
        return False
    value = statement.child_by_field_name("value")
    return value is not None and value.type in _FUNCTIONS_AND_CLASSES
