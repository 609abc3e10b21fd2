"""Import attributes, in the clause of `import` and `export` statements and in the options of `import()`."""

from __future__ import annotations

from esmcache.analysis.parser import Node, SyntaxTree, parse
from esmcache.analysis.string_values import identifier_name, string_value
from esmcache.records import ImportAttribute


def import_attributes(tree: SyntaxTree, braces: Node) -> tuple[ImportAttribute, ...] | None:
    """Return the attributes of `{type: 'json'}`, sorted by key, or None if `braces` holds anything else.

    Spec: WithClauseToAttributes (sec-withclausetoattributes). Differs: also returns None for a repeated key.
    """
    if braces.type != "object":
        return None
    attributes = []
    for pair in braces.named_children:
        if pair.type in ("comment", "html_comment"):
            continue
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        name = None if key is None else property_name(tree, key)
        if name is None or value is None or value.type != "string":
            return None
        attributes.append(ImportAttribute(name, string_value(tree.text(value))))
    if len({attribute.key for attribute in attributes}) < len(attributes):
        return None
    return tuple(sorted(attributes, key=_utf16_key))


def _utf16_key(attribute: ImportAttribute) -> bytes:
    return attribute.key.encode("utf-16-be", "surrogatepass")


def clause_attributes(clause: bytes) -> tuple[ImportAttribute, ...] | None:
    """Return the attributes of the text `with {type: 'json'}`, or None as import_attributes does."""
    # The clause has the syntax of an object, so it is parsed as one.
    tree = parse(b"a = " + clause.removeprefix(b"with"))
    if tree.first_error is None:
        assignment = tree.root.named_children[0].named_children[0]
        if assignment.type == "assignment_expression":
            return import_attributes(tree, assignment.named_children[-1])
    return None


def property_name(tree: SyntaxTree, key: Node) -> str | None:
    """Return the name that a property's key spells, or None for computed and numeric keys."""
    if key.type == "string":
        return string_value(tree.text(key))
    return identifier_name(tree.text(key)) if key.type == "property_identifier" else None
