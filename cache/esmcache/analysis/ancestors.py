"""Which nodes enclose a place in the text, and what kind of code it stands in.

Places come from searches in the bytes, so that most of a tree is never seen from Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from esmcache.analysis.parser import Node

_FUNCTIONS = frozenset(
    {"function_declaration", "function_expression", "generator_function", "generator_function_declaration"}
)


class CodeKind(Enum):
    """What kind of code a place belongs to."""

    MODULE = "module"  # the top level, blocks and computed names of its classes included
    FUNCTION = "function"  # a function or method, its parameters included
    ARROW = "arrow"
    STATIC_BLOCK = "static-block"  # class A { static { … } }
    FIELD = "field"  # class A { x = … }


@dataclass(frozen=True, slots=True)
class EnclosingCode:
    """The innermost function-like node around a place; `depth` is its index in the path (-1: the module)."""

    kind: CodeKind
    node: Node | None
    depth: int


class Ancestors:
    """Finds the path from the root to a place; places in ascending order share most of the work."""

    def __init__(self, root: Node) -> None:
        self._cursor = root.walk()
        self._path = [root]

    def path_to(self, offset: int) -> list[Node]:
        """Return the nodes that cover the byte at `offset`, outermost first; the list is reused."""
        cursor, path = self._cursor, self._path
        while len(path) > 1 and not path[-1].start_byte <= offset < path[-1].end_byte:
            cursor.goto_parent()
            path.pop()
        while cursor.goto_first_child_for_byte(offset) is not None:
            node = cursor.node
            if node is None or node.start_byte > offset:
                cursor.goto_parent()
                break
            path.append(node)
        return path


def enclosing_code(path: list[Node]) -> EnclosingCode:
    """Return what kind of code the last node of `path` belongs to."""
    for depth in range(len(path) - 2, -1, -1):
        node = path[depth]
        kind = node.type
        if kind == "arrow_function":
            return EnclosingCode(CodeKind.ARROW, node, depth)
        if kind in _FUNCTIONS:
            return EnclosingCode(CodeKind.FUNCTION, node, depth)
        if kind == "class_static_block":
            return EnclosingCode(CodeKind.STATIC_BLOCK, node, depth)
        # A computed name belongs to the code around the class.
        if kind == "method_definition":
            parameters = node.child_by_field_name("parameters")
            if parameters is not None and path[depth + 1].start_byte >= parameters.start_byte:
                return EnclosingCode(CodeKind.FUNCTION, node, depth)
        elif kind == "field_definition":
            name = node.child_by_field_name("property")
            if name is not None and path[depth + 1].start_byte >= name.end_byte:
                return EnclosingCode(CodeKind.FIELD, node, depth)
    return EnclosingCode(CodeKind.MODULE, None, -1)
