"""The nodes that enclose an offset in the text, and the kind of code that the offset belongs to.

The offsets come from searches in the bytes, so Python code never visits most nodes of a tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from esmcache.analysis.parser import Node

_Value = TypeVar("_Value")

_FUNCTIONS = frozenset(
    {"function_declaration", "function_expression", "generator_function", "generator_function_declaration"}
)


class CodeKind(Enum):
    """The kind of code that an offset belongs to."""

    MODULE = "module"  # the top level, blocks and computed names of its classes included
    FUNCTION = "function"  # a function or method, its parameters included
    ARROW = "arrow"
    STATIC_BLOCK = "static-block"  # class A { static { … } }
    FIELD = "field"  # class A { x = … }


@dataclass(frozen=True, slots=True)
class EnclosingCode:
    """The innermost function-like node around an offset (None: the module)."""

    kind: CodeKind
    node: Node | None


class Inherited(Generic[_Value]):
    """A value that each node derives from the nodes around it.

    Args:
        at_root: The value of the tree's root.
        below: Returns a child's value, given a node's value, the node and the child.
    """

    __slots__ = ("at_root", "below")

    def __init__(self, at_root: _Value, below: Callable[[_Value, Node, Node], _Value]) -> None:
        self.at_root = at_root
        self.below = below


class Path(list[Node]):
    """The nodes that cover an offset, outermost first."""

    __slots__ = ("_inherited",)

    def __init__(self, root: Node) -> None:
        super().__init__([root])
        self._inherited: dict[Inherited[Any], list[Any]] = {}

    def inherited(self, what: Inherited[_Value]) -> _Value:
        """Return the value of the last node.

        Values are kept while their node is on the path: paths may be as long as the text, and there may be many.
        """
        values: list[_Value] = self._inherited.setdefault(what, [what.at_root])
        for depth in range(len(values), len(self)):
            values.append(what.below(values[-1], self[depth - 1], self[depth]))
        return values[-1]

    def forget_behind(self) -> None:
        """Drop the values of nodes that are no longer on the path."""
        for values in self._inherited.values():
            del values[len(self) :]


class Ancestors:
    """Finds the path from the root to an offset; ascending offsets share most of the work."""

    def __init__(self, root: Node) -> None:
        self._cursor = root.walk()
        self._path = Path(root)

    def path_to(self, offset: int) -> Path:
        """Return the nodes that cover the byte at `offset`; the next call changes the returned path."""
        cursor, path = self._cursor, self._path
        while len(path) > 1 and not path[-1].start_byte <= offset < path[-1].end_byte:
            cursor.goto_parent()
            path.pop()
        path.forget_behind()
        while cursor.goto_first_child_for_byte(offset) is not None:
            node = cursor.node
            if node is None or node.start_byte > offset:
                cursor.goto_parent()
                break
            path.append(node)
        return path


def code_begun(node: Node, child: Node) -> CodeKind | None:
    """Return the kind of code that begins between `node` and `child`, or None if both belong to the same code."""
    kind = node.type
    if kind == "arrow_function":
        return CodeKind.ARROW
    if kind in _FUNCTIONS:
        return CodeKind.FUNCTION
    if kind == "class_static_block":
        return CodeKind.STATIC_BLOCK
    # A computed name belongs to the code around the class.
    if kind == "method_definition":
        parameters = node.child_by_field_name("parameters")
        if parameters is not None and child.start_byte >= parameters.start_byte:
            return CodeKind.FUNCTION
    elif kind == "field_definition":
        name = node.child_by_field_name("property")
        if name is not None and child.start_byte >= name.end_byte:
            return CodeKind.FIELD
    return None


def _code_below(code: EnclosingCode, node: Node, child: Node) -> EnclosingCode:
    kind = code_begun(node, child)
    return code if kind is None else EnclosingCode(kind, node)


ENCLOSING_CODE = Inherited(EnclosingCode(CodeKind.MODULE, None), _code_below)


def _binding_code_below(code: CodeKind, node: Node, child: Node) -> CodeKind:
    kind = code_begun(node, child)
    return code if kind is None or kind is CodeKind.ARROW else kind


# The code that `this`, `arguments` and `new.target` belong to: arrow functions have none of their own.
BINDING_CODE = Inherited(CodeKind.MODULE, _binding_code_below)
