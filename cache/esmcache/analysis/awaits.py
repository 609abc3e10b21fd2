"""Errors for `await` that is not a valid operator: as a name, which modules forbid, or in code that cannot wait."""

from __future__ import annotations

import regex as re  # Python 3.11.2 gets possessive repeats of groups wrong; this does not

from esmcache.analysis.ancestors import ENCLOSING_CODE, CodeKind, EnclosingCode, Path
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name
from esmcache.diagnostics import Diagnostic, DiagnosticKind, diagnostic
from esmcache.spans import Span

_NAMES = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern", "statement_identifier"}
)
# In these nodes an identifier is a bound name, whatever follows it.
_BINDERS = frozenset(
    {
        "arrow_function",
        "array_pattern",
        "break_statement",
        "catch_clause",
        "class",
        "class_declaration",
        "continue_statement",
        "formal_parameters",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "import_clause",
        "labeled_statement",
        "namespace_import",
        "object_pattern",
        "pair_pattern",
        "rest_pattern",
    }
)
_BINDING_FIELDS = {
    "variable_declarator": "name",
    "assignment_pattern": "left",
    "object_assignment_pattern": "left",
    "for_in_statement": "left",
    "arrow_function": "parameter",
    "class": "name",
    "class_declaration": "name",
}
# No operand of `await` begins like this. The grammar reads `await (x)` as a call of a function named await.
_NO_OPERAND = re.compile(rb"(?:\s|//[^\n]*|/\*[\s\S]*?\*/)*+(?:[;)\]},:?*%&|^<>=]|\.(?![0-9]))")


def await_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    """Return the error of the `await` at the end of `path`, or None if it is a valid operator or not a name."""
    word, parent = path[-1], path[-2] if len(path) > 1 else path[-1]
    if word.type == "await":
        return _misplaced(tree, path, word)
    if parent.type == "namespace_export" or word.type not in _NAMES or identifier_name(tree.text(word)) != "await":
        return None
    span = Span(*word.byte_range)
    if word.type != "identifier" or b"\\" in tree.text(word):
        if parent.type in ("import_specifier", "export_specifier") and not _is_bound_specifier(path):
            return None
        return diagnostic(DiagnosticKind.RESERVED_AWAIT, span)
    if parent.type in ("import_specifier", "export_specifier"):
        return diagnostic(DiagnosticKind.RESERVED_AWAIT, span) if _is_bound_specifier(path) else None
    # Text after the statement could still be the operand. The engine decides that case.
    if _is_binding(word, parent) or _NO_OPERAND.match(tree.source, word.end_byte, path[1].end_byte):
        return diagnostic(DiagnosticKind.RESERVED_AWAIT, span)
    return _misplaced(tree, path, word)


def _is_binding(word: Node, parent: Node) -> bool:
    field = _BINDING_FIELDS.get(parent.type)
    if field is not None:
        return parent.child_by_field_name(field) == word
    return parent.type in _BINDERS


def _is_bound_specifier(path: Path) -> bool:
    """Return whether the name at the end of `path` is a binding of this module: `import {await}`, `export {await}`."""
    word, specifier = path[-1], path[-2]
    name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
    if specifier.type == "import_specifier":
        return word == (alias or name)
    statement = path[-4] if len(path) > 3 else specifier
    return word == name and statement.child_by_field_name("source") is None


def _misplaced(tree: SyntaxTree, path: Path, word: Node) -> Diagnostic | None:
    code = path.inherited(ENCLOSING_CODE)
    if code.node is None or _waits(tree, code, word.start_byte):
        return None
    return diagnostic(DiagnosticKind.MISPLACED_AWAIT, Span(*word.byte_range))


def _waits(tree: SyntaxTree, code: EnclosingCode, offset: int) -> bool:
    node = code.node
    if node is None or code.kind in (CodeKind.STATIC_BLOCK, CodeKind.FIELD):
        return False
    body = node.child_by_field_name("body")
    if body is None or offset < body.start_byte:
        return False
    for child in node.children:
        if child.type == "async":
            return True
        if child.type in ("formal_parameters", "statement_block"):
            break
    return False
