"""The text that has to be written where an import lacks the attribute that Node demands of JSON."""

from __future__ import annotations

import re

_JSON = "json"
_GAP = rb"(?:\s|/\*.*?\*/|//[^\n\r]*[\n\r])*"
_CLAUSE = re.compile(_GAP + rb"(?:with|assert)\b", re.DOTALL)
_END_OF_CALL = re.compile(_GAP + rb",?" + _GAP + rb"\)", re.DOTALL)
_COMMA = re.compile(_GAP + rb",", re.DOTALL)


def missing_clause(source: bytes, start: int, end: int) -> str:
    """Return the clause that an import of JSON needs after its specifier at `[start, end)`, or '' if it has one."""
    return "" if _CLAUSE.match(source, end) else f" with {_type_of_json(source, start)}"


def missing_options(source: bytes, start: int, end: int) -> str:
    """Return the options that an `import()` of JSON needs after its specifier at `[start, end)`, '' if it has some."""
    if _END_OF_CALL.match(source, end) is None or _COMMA.match(source, end) is not None:
        return ""
    return f", {{ with: {_type_of_json(source, start)} }}"


def has_options(source: bytes, end: int) -> bool:
    """Return whether an `import()` whose specifier ends at `end` has a second argument."""
    return _END_OF_CALL.match(source, end) is None


def _type_of_json(source: bytes, start: int) -> str:
    quote_mark = "'" if source[start : start + 1] == b"'" else '"'
    return f"{{ type: {quote_mark}{_JSON}{quote_mark} }}"
