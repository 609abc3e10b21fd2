"""Private names of classes: each used name must be declared exactly once by an enclosing class.

Spec: AllPrivateIdentifiersValid (sec-static-semantics-allprivateidentifiersvalid).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esmcache.analysis.ancestors import Inherited, Path
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name
from esmcache.diagnostics import Diagnostic, DiagnosticKind, RelatedSpan, diagnostic
from esmcache.spans import Span

# A class body, as its start and end offsets.
_Body = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Bodies:
    """A class body around an offset, and the class bodies around that."""

    body: _Body
    outer: _Bodies | None


def _bodies_below(bodies: _Bodies | None, node: Node, child: Node) -> _Bodies | None:
    return _Bodies(node.byte_range, bodies) if node.type == "class_body" else bodies


_BODIES: Inherited[_Bodies | None] = Inherited(None, _bodies_below)


@dataclass(frozen=True, slots=True)
class _Declaration:
    span: Span
    accessor: str  # "get", "set" or ""
    is_static: bool

    def pairs_with(self, other: _Declaration) -> bool:
        return {self.accessor, other.accessor} == {"get", "set"} and self.is_static == other.is_static


class PrivateNames:
    """Collects the private names of one tree, in any order, and then reports their errors."""

    def __init__(self) -> None:
        self._declared: dict[tuple[_Body, str], list[_Declaration]] = {}
        self._used: list[tuple[str, _Bodies | None, Span]] = []

    def note(self, tree: SyntaxTree, path: Path, offset: int) -> None:
        """Collect the node at the end of `path` if it is a private name."""
        name = path[-1]
        if name.type != "private_property_identifier":
            return
        text = identifier_name(tree.text(name))
        span = Span(*name.byte_range)
        member = path[-2]
        if member.type in ("method_definition", "field_definition") and path[-3].type == "class_body":
            field = "name" if member.type == "method_definition" else "property"
            if member.child_by_field_name(field) == name:
                words = {child.type for child in member.children if child.end_byte <= name.start_byte}
                # The grammar has `static get` as one token.
                accessor = "get" if words & {"get", "static get"} else "set" if "set" in words else ""
                declaration = _Declaration(span, accessor, bool(words & {"static", "static get"}))
                self._declared.setdefault((path[-3].byte_range, text), []).append(declaration)
                return
        self._used.append((text, path.inherited(_BODIES), span))

    def errors(self) -> Iterator[Diagnostic]:
        """Yield errors for uses without a declaration and for repeated declarations."""
        for name, bodies, span in self._used:
            while bodies is not None and (bodies.body, name) not in self._declared:
                bodies = bodies.outer
            if bodies is None:
                yield diagnostic(DiagnosticKind.UNDECLARED_PRIVATE_NAME, span, name=name)
        for (_, name), declarations in self._declared.items():
            first = declarations[0]
            for number, declaration in enumerate(declarations[1:]):
                if number == 0 and first.pairs_with(declaration):
                    continue
                related = RelatedSpan(first.span, "first declared here")
                yield diagnostic(DiagnosticKind.DUPLICATE_PRIVATE_NAME, declaration.span, related, name=name)
