"""Import attributes that Node refuses: Node's error, and the text that has to be written instead."""

from __future__ import annotations

import re

from esmcache.records import ImportAttribute, ModuleFormat

# Node checks the attribute `type` only for these formats and for JSON. None is a file whose package has no "type".
_WITHOUT_TYPE = frozenset(
    {ModuleFormat.MODULE, ModuleFormat.COMMONJS, ModuleFormat.BUILTIN, ModuleFormat.WASM, None},
)
_JSON = "json"
_GAP = rb"(?:\s|/\*.*?\*/|//[^\n\r]*[\n\r])*"
_CLAUSE = re.compile(_GAP + rb"(?:with|assert)\b", re.DOTALL)
_END_OF_CALL = re.compile(_GAP + rb",?" + _GAP + rb"\)", re.DOTALL)
_COMMA = re.compile(_GAP + rb",", re.DOTALL)


def attribute_problem(
    url: str, module_format: ModuleFormat | None, attributes: tuple[ImportAttribute, ...]
) -> str | None:
    """Return Node's error for an import of the module at `url` with some attributes, or None if it accepts them.

    Differs: if the program has loaded the module before with the right attributes, Node ignores the type "javascript"
    and all attributes other than `type`.
    """
    type_ = None
    for one in attributes:
        if one.key != "type":
            return _unsupported(one.key, one.value)
        type_ = one.value
    if module_format is ModuleFormat.JSON and type_ is None:
        return f'ERR_IMPORT_ATTRIBUTE_MISSING: Module "{url}" needs an import attribute of "type: json"'
    if module_format is ModuleFormat.JSON and type_ == _JSON:
        return None
    if type_ is None or (module_format is not ModuleFormat.JSON and module_format not in _WITHOUT_TYPE):
        return None
    if type_ == _JSON:
        return f'ERR_IMPORT_ATTRIBUTE_TYPE_INCOMPATIBLE: Module "{url}" is not of type "{_JSON}"'
    return _unsupported("type", type_)


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


def _unsupported(key: str, value: str) -> str:
    return f'ERR_IMPORT_ATTRIBUTE_UNSUPPORTED: Import attribute "{key}" with value "{value}" is not supported'
