"""Which variable a place in a text names: for whoever points at one."""

from __future__ import annotations

from esmcache.analysis.bound_names import declaration_names
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name

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


def module_variable_at(tree: SyntaxTree, byte_offset: int) -> str:
    """Return the name at an offset if it refers to a variable of the module, else ''.

    Names that a function or block around it declares by itself are others. A `var` in an inner block is not looked for.
    """
    node = tree.root.descendant_for_byte_range(byte_offset, byte_offset)
    if node is None or node.type not in _REFERENCES:
        return ""
    written = tree.text(node)
    scope = node.parent
    while scope is not None and scope.parent is not None:
        if any(tree.text(name) == written for name in _declared_in(scope)):
            return ""
        scope = scope.parent
    return identifier_name(written)


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
