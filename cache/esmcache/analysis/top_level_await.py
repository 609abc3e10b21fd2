"""The search for `await` at a module's top level: [[HasTLA]]."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from esmcache.analysis.parser import Node, SyntaxTree

_AWAIT = re.compile(rb"await(?![\w$])(?<![\w$]await)")
_HIDING = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "class_static_block",
        # Names of imports and exports, not of bindings: `export {await_ as await}`.
        "export_clause",
        "named_imports",
        "namespace_export",
    }
)

# These nodes may have very many children, most of them escapes.
_TEXTS = frozenset({"string", "regex", "comment"})


def has_top_level_await(tree: SyntaxTree) -> bool:
    """Return whether `await` stands outside of every function: an expression, `for await` or `await using`.

    Spec: Contains await (sec-static-semantics-contains). The walk visits only the places where the text has `await`,
    in one pass, and skips functions.
    """
    offsets = _await_offsets(tree.source)
    next_offset = 0
    path = [[tree.root]]  # each list holds the children of one node of the list before it
    while next_offset < len(offsets):
        offset = offsets[next_offset]
        while path and path[-1][-1].end_byte <= offset:
            path.pop()
        if not path:
            return False
        siblings = path[-1]
        index = bisect_right(siblings, offset, key=_start) - 1
        if index < 0 or siblings[index].end_byte <= offset:
            if offset in tree.awaits:
                return True
            next_offset += 1  # between two nodes
            continue
        node = siblings[index]
        hidden_from = _hidden_from(node)
        if hidden_from is not None and hidden_from <= offset:
            next_offset = bisect_left(offsets, node.end_byte, next_offset)
        elif node.child_count and node.type not in _TEXTS:
            path.append(node.children)
        elif node.type == "await" or (node.type == "identifier" and tree.text(node) == b"await"):
            return True
        else:  # a comment, a string, a property's name
            next_offset = bisect_left(offsets, node.end_byte, next_offset)
    return False


def _await_offsets(source: bytes) -> list[int]:
    if b"await" not in source:
        return []
    return [match.start() for match in _AWAIT.finditer(source)]


def _start(node: Node) -> int:
    return node.start_byte


def _hidden_from(node: Node) -> int | None:
    """Return the offset from which on an `await` in `node` is not the module's own, or None."""
    if node.type in _HIDING:
        return node.start_byte
    if node.type == "method_definition":
        parameters = node.child_by_field_name("parameters")
        return None if parameters is None else parameters.start_byte
    return None
