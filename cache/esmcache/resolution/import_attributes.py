"""The errors that Node throws because of the attributes of an import."""

from __future__ import annotations

from esmcache.records import ImportAttribute, ModuleFormat

# Node checks the attribute `type` only for these formats and for JSON. None is a file whose package has no "type".
_WITHOUT_TYPE = frozenset(
    {ModuleFormat.MODULE, ModuleFormat.COMMONJS, ModuleFormat.BUILTIN, ModuleFormat.WASM, None},
)
_JSON = "json"


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


def _unsupported(key: str, value: str) -> str:
    return f'ERR_IMPORT_ATTRIBUTE_UNSUPPORTED: Import attribute "{key}" with value "{value}" is not supported'
