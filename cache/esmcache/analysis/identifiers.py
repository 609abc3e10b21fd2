"""The module variable that is named at an offset, for editor requests such as go to definition."""

from __future__ import annotations

from esmcache.analysis.bound_names import declaration_names
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name
from esmcache.spans import Span

_REFERENCES = frozenset({"identifier", "shorthand_property_identifier"})
_DECLARATIONS = frozenset(
    {
        "class_declaration",
        "function_declaration",
        "generator_function_declaration",
        "lexical_declaration",
        "variable_declaration",
    }
)


def module_variable_at(tree: SyntaxTree, byte_offset: int) -> tuple[str, Span] | None:
    """Return the module's variable that is named at an offset and the span of that name, or None for anything else.

    A name that an enclosing function or block declares is not the module's. A `var` in an inner block is not found.
    """
    node = _reference_at(tree, byte_offset)
    if node is None:
        return None
    written = tree.text(node)
    scope = node.parent
    while scope is not None and scope.parent is not None:
        if scope.type != "export_statement" and any(tree.text(name) == written for name in _declared_in(scope)):
            return None
        scope = scope.parent
    return identifier_name(written), Span(*node.byte_range)


def declaration_of(tree: SyntaxTree, name: str) -> Span | None:
    """Return the span where a module's top level first declares a variable, or None if it does not."""
    for statement in tree.root.named_children:
        declaration = statement
        if statement.type == "export_statement":
            declaration = statement.child_by_field_name("declaration") or statement
        for declared in declaration_names(declaration):
            if identifier_name(tree.text(declared)) == name:
                return Span(*declared.byte_range)
    return None


def _reference_at(tree: SyntaxTree, byte_offset: int) -> Node | None:
    # An editor's cursor directly after a name still refers to it.
    for offset in (byte_offset, byte_offset - 1):
        node = tree.root.descendant_for_byte_range(offset, offset) if offset >= 0 else None
        if node is not None and node.type in _REFERENCES:
            return node
    return None


def _declared_in(scope: Node) -> list[Node]:
    names = [name for child in scope.named_children if child.type in _DECLARATIONS for name in declaration_names(child)]
    for field in ("parameters", "parameter"):
        parameters = scope.child_by_field_name(field)
        if parameters is not None:
            names += _identifiers(parameters)
    return names


def _identifiers(pattern: Node) -> list[Node]:
    found, pending = [], [pattern]
    while pending:
        node = pending.pop()
        if node.type in ("identifier", "shorthand_property_identifier_pattern"):
            found.append(node)
        pending += node.named_children
    return found
