"""The names that a declaration or a pattern binds: ECMA-262's BoundNames."""

from __future__ import annotations

from collections.abc import Iterator

from esmcache.analysis.parser import Node

_NAMES = frozenset({"identifier", "undefined", "shorthand_property_identifier_pattern"})
_LISTS = frozenset({"object_pattern", "array_pattern", "rest_pattern"})
_TARGETS = {"pair_pattern": "value", "assignment_pattern": "left", "object_assignment_pattern": "left"}
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration", "using_declaration"})
_NAMED = frozenset({"function_declaration", "generator_function_declaration", "class_declaration"})


def bound_names(pattern: Node) -> Iterator[Node]:
    """Yield the identifiers that `pattern` binds, in source order.

    Spec: BoundNames (sec-static-semantics-boundnames), without recursion.
    """
    pending = [pattern]
    while pending:
        node = pending.pop()
        kind = node.type
        if kind in _NAMES:
            yield node
        elif kind in _LISTS:
            pending += reversed(node.named_children)
        else:
            field = _TARGETS.get(kind)
            inner = None if field is None else node.child_by_field_name(field)
            if inner is not None:
                pending.append(inner)


def declaration_names(declaration: Node) -> Iterator[Node]:
    """Yield the identifiers that a declaration binds; skip missing names."""
    kind = declaration.type
    if kind in _NAMED:
        name = declaration.child_by_field_name("name")
        if name is not None:
            yield name
    elif kind in _VARIABLES:
        for declarator in declaration.named_children:
            name = declarator.child_by_field_name("name")
            if name is not None:
                yield from bound_names(name)
