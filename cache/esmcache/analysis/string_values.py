"""The string values of literals and identifiers, with their escapes decoded.

Like strings in JavaScript, they may hold lone surrogates. Code that writes them as UTF-8 must check for those first.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\\(?:u\{(?P<braced>[0-9a-fA-F]+)\}|u(?P<unit>[0-9a-fA-F]{4})|x(?P<byte>[0-9a-fA-F]{2})"
    r"|(?P<octal>[0-3][0-7]{0,2}|[4-7][0-7]?)|(?P<newline>\r\n|[\n\r\u2028\u2029])|(?P<other>.))",
    re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMED = {"b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}


def string_value(literal: bytes) -> str:
    """Return SV of a string literal, or TV of a template without substitutions, quotes included."""
    content = literal[1:-1].decode("utf-8", "replace")
    if literal[:1] == b"`" and "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    return _unescaped(content) if "\\" in content else content


def identifier_name(text: bytes) -> str:
    """Return StringValue of an identifier, which may be written with escapes."""
    name = text.decode("utf-8", "replace")
    return _unescaped(name) if "\\" in name else name


def is_well_formed(text: str) -> bool:
    """Return whether `text` has no lone surrogates (IsStringWellFormedUnicode)."""
    return _SURROGATE.search(text) is None


def _unescaped(content: str) -> str:
    value = _ESCAPE.sub(_escape_value, content)
    if _SURROGATE.search(value):
        # Two escapes may form one character together.
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return value


def _escape_value(escape: re.Match[str]) -> str:
    kind, text = escape.lastgroup, escape[escape.lastindex or 0]
    match kind:
        case "braced":
            digits = text.lstrip("0")
            # A code point beyond Unicode is a syntax error, which the engine reports.
            return chr(int(digits or "0", 16)) if len(digits) <= 5 or digits[:-4] == "10" else "\ufffd"
        case "unit" | "byte":
            return chr(int(text, 16))
        case "octal":
            return chr(int(text, 8))
        case "newline":
            return ""
        case _:
            return _NAMED.get(text, text)
