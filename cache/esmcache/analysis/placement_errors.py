"""Errors for syntax that modules forbid everywhere or at its place: `with`, octals, `await`, `break` and more.

Each check first searches the bytes and looks up only its matches in the tree. An error depends on nothing outside
the top-level statement that contains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set

from esmcache.analysis.ancestors import BINDING_CODE, Ancestors, CodeKind, Path
from esmcache.analysis.awaits import await_error
from esmcache.analysis.declared_names import returns_within
from esmcache.analysis.jumps import jump_error, label_error, possible_labels
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.private_names import PrivateNames
from esmcache.analysis.string_values import identifier_name
from esmcache.diagnostics import Diagnostic, DiagnosticKind, diagnostic
from esmcache.spans import Span

Check = Callable[[SyntaxTree, Path, int], Diagnostic | None]

# Each pattern begins with a literal, which makes the search quick.
_WITH = re.compile(rb"with(?<![\w$.]with)(?=\s*[(/])")
_DELETE = re.compile(rb"delete(?<![\w$.]delete)(?![\w$:])")
_NEW_TARGET = re.compile(rb"new(?<![\w$.]new)\s*\.\s*target(?![\w$])")
_OCTAL = re.compile(rb"0(?<![\w$.]0)[0-9_]")
# Octal escapes, and escapes of lower-case letters, which may spell `await` or `arguments`.
_ESCAPE = re.compile(rb"\\(?:[1-9]|0[0-9]|u(?:00[67]|\{0*[67]))")
_BREAK = re.compile(rb"break(?<![\w$.]break)(?![\w$:])")
_CONTINUE = re.compile(rb"continue(?<![\w$.]continue)(?![\w$:])")
_AWAIT = re.compile(rb"await(?<![\w$]await)(?![\w$])")
_PRIVATE = re.compile(rb"#(?<![@\"'`]#)(?=[\w$\\\x80-\xff])(?!__PURE__)")
_ARGUMENTS = re.compile(rb"arguments(?<![\w$.]arguments)(?![\w$])")
# `import` and `export`, found by their common ending; calls and `import.meta` do not match.
_DECLARATION = re.compile(rb"port(?<=import|export)(?<![\w$.]......)(?![\w$])(?=\s*[^\s(.])")
_USING = re.compile(rb"using(?<![\w$.]using)(?=\s+[^\s=]+\s*[=/]|\s*/)")
_STATIC_BLOCK = re.compile(rb"static(?<![\w$.]static)(?=[\s/]*\{)")
_DECLARATIONS = {"import": "import_statement", "export": "export_statement"}
_CASES = frozenset({"switch_case", "switch_default"})
_REFERENCES = frozenset({"identifier", "shorthand_property_identifier"})
_LITERALS = frozenset({"string", "template_string", "template_substitution"})


def placement_errors(tree: SyntaxTree, starts: Set[int]) -> list[Diagnostic]:
    """Return the errors for syntax that no module may have at its place, in no particular order.

    Args:
        starts: The byte offsets where the import and export declarations of the top level begin.
    """
    source = tree.source
    places = _places(source, starts)
    private_names = PrivateNames()
    if b"#" in source:
        places += [(match.start(), private_names.note) for match in _PRIVATE.finditer(source)]
    found = []
    if places:
        places.sort(key=_offset)
        ancestors = Ancestors(tree.root)
        for offset, check in places:
            error = check(tree, ancestors.path_to(offset), offset)
            if error is not None:
                found.append(error)
        found += private_names.errors()
    if b"static" in source and b"return" in source:
        found += _returns_in_static_blocks(tree)
    return found


def _places(source: bytes, starts: Set[int]) -> list[tuple[int, Check]]:
    """Return the offsets to check, except those of private names, each with its check."""
    places: list[tuple[int, Check]] = []
    for word, pattern, check in _SEARCHES:
        # Most texts lack most of the words; `find` shows that faster than a pattern.
        first = source.find(word)
        if first >= 0:
            places += [(match.start(), check) for match in pattern.finditer(source, first)]
    if b"target" in source:
        places += [(match.start(), _new_target_error) for match in _NEW_TARGET.finditer(source)]
    for match in _DECLARATION.finditer(source):
        offset = match.start() - len("im")
        if offset not in starts:
            places.append((offset, _declaration_error))
    places += [(offset, label_error) for offset in possible_labels(source)]
    return places


def _offset(place: tuple[int, Check]) -> int:
    return place[0]


def _with_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    if path[-1].type != "with" or path[-2].type != "with_statement":
        return None
    return diagnostic(DiagnosticKind.WITH_STATEMENT, Span(*path[-1].byte_range))


def _delete_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    if path[-1].type != "delete" or path[-2].type != "unary_expression":
        return None
    operand = path[-2].child_by_field_name("argument")
    while operand is not None and operand.type == "parenthesized_expression":
        inner = [child for child in operand.named_children if child.type != "comment"]
        operand = inner[0] if len(inner) == 1 else None
    if operand is None:
        return None
    if operand.type in ("identifier", "undefined"):
        what = "the variable " + tree.text(operand).decode("utf-8", "replace")
    elif operand.type == "member_expression" and _is_private(operand):
        what = "a private member"
    else:
        return None
    return diagnostic(DiagnosticKind.INVALID_DELETE, Span(*path[-2].byte_range), what=what)


def _is_private(member: Node) -> bool:
    name = member.child_by_field_name("property")
    return name is not None and name.type == "private_property_identifier"


def _new_target_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    meta = path[-2]
    if path[-1].type != "new" or meta.type != "meta_property":
        return None
    if path.inherited(BINDING_CODE) is not CodeKind.MODULE:
        return None
    return diagnostic(DiagnosticKind.MISPLACED_NEW_TARGET, Span(*meta.byte_range))


def _arguments_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    name = path[-1]
    if name.type not in _REFERENCES or identifier_name(tree.text(name)) != "arguments":
        return None
    if path.inherited(BINDING_CODE) not in (CodeKind.FIELD, CodeKind.STATIC_BLOCK):
        return None
    return diagnostic(DiagnosticKind.MISPLACED_ARGUMENTS, Span(*name.byte_range))


def _declaration_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    word = path[-1]
    if len(path) < 4 or path[-2].type != _DECLARATIONS.get(word.type):
        return None
    return diagnostic(DiagnosticKind.MISPLACED_DECLARATION, Span(*word.byte_range), what=f"{word.type!r}")


def _using_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    word, declaration = path[-1], path[-2] if len(path) > 1 else path[-1]
    if declaration.type != "using_declaration" or path[-3].type not in _CASES:
        return None
    return diagnostic(DiagnosticKind.SYNTAX_ERROR, Span(*word.byte_range), detail="'using' in a 'case' needs a block")


def _octal_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    number = path[-1]
    if number.type != "number" or number.start_byte != offset:
        return None
    text = tree.text(number).decode("utf-8", "replace")
    return diagnostic(DiagnosticKind.OCTAL_LITERAL, Span(*number.byte_range), text=text)


def _escape_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    if tree.source[offset + 1] == ord("u"):
        return await_error(tree, path, offset) or _arguments_error(tree, path, offset)
    return _octal_escape_error(tree, path, offset)


def _octal_escape_error(tree: SyntaxTree, path: Path, offset: int) -> Diagnostic | None:
    for depth in range(len(path) - 1, 0, -1):
        if path[depth].type in _LITERALS:
            break
    else:
        return None
    literal, parent = path[depth], path[depth - 1]
    if literal.type == "template_substitution" or parent.type.startswith("jsx_"):
        return None
    if literal.type == "template_string" and parent.type == "call_expression":
        return None  # a tagged template may hold any escape
    backslashes = offset
    while tree.source[backslashes - 1 : backslashes] == b"\\":
        backslashes -= 1
    if (offset - backslashes) % 2:
        return None
    text = tree.source[offset : offset + 2].decode("ascii")
    return diagnostic(DiagnosticKind.OCTAL_ESCAPE, Span(offset, offset + 2), text=text)


def _returns_in_static_blocks(tree: SyntaxTree) -> Iterator[Diagnostic]:
    ancestors = Ancestors(tree.root)
    for match in _STATIC_BLOCK.finditer(tree.source):
        path = ancestors.path_to(match.start())
        if path[-2:] and path[-1].type == "static" and path[-2].type == "class_static_block":
            body = path[-2].child_by_field_name("body")
            for span in () if body is None else returns_within(body):
                yield diagnostic(DiagnosticKind.MISPLACED_RETURN, span)


# A word, the pattern that begins with it, and the check for its matches.
_SEARCHES: tuple[tuple[bytes, re.Pattern[bytes], Check], ...] = (
    (b"with", _WITH, _with_error),
    (b"delete", _DELETE, _delete_error),
    (b"0", _OCTAL, _octal_error),
    (b"\\", _ESCAPE, _escape_error),
    (b"break", _BREAK, jump_error),
    (b"continue", _CONTINUE, jump_error),
    (b"await", _AWAIT, await_error),
    (b"arguments", _ARGUMENTS, _arguments_error),
    (b"using", _USING, _using_error),
)
