"""Which names a declaration or a pattern binds: ECMA-262's BoundNames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from esmcache.analysis.parser import Node, SyntaxTree, TreeQuery
from esmcache.analysis.string_values import identifier_name

_NAMES = frozenset({"identifier", "undefined", "shorthand_property_identifier_pattern"})
_LISTS = frozenset({"object_pattern", "array_pattern", "rest_pattern"})
_TARGETS = {"pair_pattern": "value", "assignment_pattern": "left", "object_assignment_pattern": "left"}
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration", "using_declaration"})
_NAMED = frozenset({"function_declaration", "generator_function_declaration", "class_declaration"})
_VAR_DECLARATIONS = TreeQuery('(variable_declaration) @declaration (for_in_statement kind: "var" left: (_) @pattern)')


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
    """Yield the identifiers that a declaration binds; a name that is missing is left out."""
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


def undeclared_names(tree: SyntaxTree, names: Iterable[str]) -> set[str]:
    """Return those of `names` that nothing declares: neither the top level nor any `var` in the text.

    A `var` inside of a function is none of the module's: telling them apart would only serve a check that
    the engine makes anyway.
    """
    missing = set(names)
    if missing:
        missing -= {identifier_name(tree.text(name)) for name in _top_level_names(tree)}
    if missing:
        missing -= {identifier_name(tree.text(name)) for name in _var_names(tree)}
    return missing


def _top_level_names(tree: SyntaxTree) -> Iterator[Node]:
    for statement in tree.root.named_children:
        declaration: Node | None = statement
        if statement.type == "export_statement":
            value = statement.child_by_field_name("value")
            declaration = statement.child_by_field_name("declaration")
            # `export default class A {}` declares A even where the grammar sees an expression.
            name = None if value is None else value.child_by_field_name("name")
            if name is not None:
                yield name
        if declaration is not None:
            yield from declaration_names(declaration)


def _var_names(tree: SyntaxTree) -> Iterator[Node]:
    found = _VAR_DECLARATIONS.captures(tree.root)
    for declaration in found.get("declaration", ()):
        yield from declaration_names(declaration)
    for pattern in found.get("pattern", ()):
        yield from bound_names(pattern)
