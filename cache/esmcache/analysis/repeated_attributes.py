"""Import attributes with a repeated key, which make a clause unclear: `with {type: 'json', type: 'css'}`."""

from __future__ import annotations

from esmcache.analysis.attributes import property_name
from esmcache.analysis.parser import Node, SyntaxTree, parse
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan, diagnostic
from esmcache.spans import Span


def repeated_attribute(tree: SyntaxTree, unclear: Span) -> Diagnostic | None:
    """Return an error for the second of two equal keys in a clause, or None if no key is repeated.

    Args:
        unclear: The span of the clause, or of the specifier if the tree lacks the clause.
    """
    clause = tree.attribute_clauses.get(unclear.end)
    if clause is None:
        node = tree.root.descendant_for_byte_range(unclear.start, unclear.end)
        return None if node is None else _repeated(tree, node, 0)
    prefix = b"import '' "
    clause_tree = parse(prefix + clause)
    start = tree.source.find(clause, unclear.end)
    if clause_tree.first_error is not None or start < 0:
        return None
    return _repeated(clause_tree, clause_tree.root, start - len(prefix))


def _repeated(tree: SyntaxTree, node: Node, moved: int) -> Diagnostic | None:
    braces = _braces(node)
    first: dict[str, Span] = {}
    for pair in () if braces is None else braces.named_children:
        key = pair.child_by_field_name("key")
        name = None if key is None else property_name(tree, key)
        if key is None or name is None:
            continue
        span = Span(key.start_byte + moved, key.end_byte + moved)
        earlier = first.setdefault(name, span)
        if earlier is not span:
            related = RelatedSpan(earlier, "first given here")
            return diagnostic(DiagnosticKind.DUPLICATE_ATTRIBUTE, span, related, name=name)
    return None


def _braces(node: Node) -> Node | None:
    """Return the object of an attribute clause at most three levels below `node`."""
    level = [node]
    for _ in range(4):
        for child in level:
            if child.type == "object":
                return child
        level = [child for parent in level for child in parent.named_children]
    return None
