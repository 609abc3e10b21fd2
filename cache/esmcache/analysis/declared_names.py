"""The names that a module's own code declares at its top level, and its `return` statements outside of functions.

Spec: LexicallyDeclaredNames and VarDeclaredNames of a ModuleItemList, without the imports.
The bodies of functions are not searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from esmcache.analysis.bound_names import bound_names, declaration_names
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name, string_value
from esmcache.spans import Span

_LEXICAL = frozenset(
    {
        "lexical_declaration",
        "using_declaration",
        "class_declaration",
        "function_declaration",
        "generator_function_declaration",
    }
)
_NAMED_EXPRESSIONS = frozenset({"class", "function_expression", "generator_function"})
_DECLARING_NOTHING = frozenset({"comment", "empty_statement", "expression_statement", "import_statement"})
_COMPOUND = frozenset(
    {
        "statement_block",
        "if_statement",
        "else_clause",
        "for_statement",
        "for_in_statement",
        "while_statement",
        "do_statement",
        "labeled_statement",
        "switch_statement",
        "switch_body",
        "switch_case",
        "switch_default",
        "try_statement",
        "catch_clause",
        "finally_clause",
        "with_statement",
    }
)


# `a` in `let a`, and the start and end of the name. A module can have many; tuples are faster than objects.
DeclaredName = tuple[str, int, int]


@dataclass(slots=True)
class DeclaredNames:
    """The declarations of consecutive top-level statements, in source order.

    `returns` are `return` statements outside of functions. `string_locals` are exports whose local name is a string,
    which no binding can have: `export {'a'}`.
    """

    lexical: list[DeclaredName] = field(default_factory=list)
    variables: list[DeclaredName] = field(default_factory=list)
    returns: list[Span] = field(default_factory=list)
    string_locals: list[DeclaredName] = field(default_factory=list)


def declared_names(tree: SyntaxTree) -> DeclaredNames:
    """Return the names that the top level declares; in modules, functions there are lexical declarations."""
    found = DeclaredNames()
    for statement in tree.root.named_children:
        kind = statement.type
        if kind not in _DECLARING_NOTHING:
            _add_statement(tree, statement, kind, found)
    return found


def returns_within(block: Node) -> list[Span]:
    """Return the `return` statements of a block that belong to no function in it."""
    return [Span(*node.byte_range) for node in _nested_statements(block) if node.type == "return_statement"]


def _add_statement(tree: SyntaxTree, statement: Node, kind: str, found: DeclaredNames) -> None:
    if kind == "export_statement":
        declaration = statement.child_by_field_name("declaration")
        if declaration is None:
            _add_export(tree, statement, found)
            return
        statement, kind = declaration, declaration.type
    if kind in _LEXICAL:
        found.lexical += [_declared(tree, name) for name in declaration_names(statement)]
    elif kind == "variable_declaration":
        found.variables += [_declared(tree, name) for name in declaration_names(statement)]
    elif kind == "return_statement":
        found.returns.append(Span(*statement.byte_range))
    elif kind in _COMPOUND:
        text = tree.text(statement)
        if b"var" in text or b"return" in text or b"\\u" in text:
            _add_nested(tree, statement, found)


def _add_export(tree: SyntaxTree, statement: Node, found: DeclaredNames) -> None:
    """Add the names of an export that is not a declaration in the grammar's tree."""
    value = statement.child_by_field_name("value")
    if value is None:
        if statement.child_by_field_name("source") is None:
            found.string_locals += _string_locals(tree, statement)
    elif value.type in _NAMED_EXPRESSIONS:
        # `export default class A {}` declares A even if the grammar reads it as an expression.
        name = value.child_by_field_name("name")
        if name is not None:
            found.lexical.append(_declared(tree, name))


def _string_locals(tree: SyntaxTree, statement: Node) -> Iterator[DeclaredName]:
    text = tree.text(statement)
    if b"'" not in text and b'"' not in text:
        return
    for clause in statement.named_children:
        for specifier in clause.named_children:
            name = specifier.child_by_field_name("name")
            if name is not None and name.type == "string":
                place = specifier.child_by_field_name("alias") or name
                yield (string_value(tree.text(name)), *place.byte_range)


def _add_nested(tree: SyntaxTree, statement: Node, found: DeclaredNames) -> None:
    for node in _nested_statements(statement):
        if node.type == "variable_declaration":
            found.variables += [_declared(tree, name) for name in declaration_names(node)]
        elif node.type == "return_statement":
            found.returns.append(Span(*node.byte_range))
        else:
            found.variables += [_declared(tree, name) for name in bound_names(node)]


def _nested_statements(statement: Node) -> Iterator[Node]:
    """Yield `var` declarations, `return`s and patterns of `for (var … of …)`, in source order and without recursion."""
    pending = [statement]
    while pending:
        node = pending.pop()
        kind = node.type
        if kind in ("variable_declaration", "return_statement"):
            yield node
        elif kind in _COMPOUND:
            if kind == "for_in_statement":
                declared = node.child_by_field_name("kind")
                pattern = node.child_by_field_name("left")
                if declared is not None and declared.type == "var" and pattern is not None:
                    yield pattern
            pending += reversed(node.named_children)


def _declared(tree: SyntaxTree, name: Node) -> DeclaredName:
    return (identifier_name(tree.text(name)), *name.byte_range)
