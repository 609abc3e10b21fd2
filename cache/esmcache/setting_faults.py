"""Says in words why a value does not fit a setting, or why a file is no JSON; it must not know any setting."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from esmcache.wording import number

_LONGEST_SHOWN = 40
_MOST_NAMED = 5


def why_unfit(value: object, type_: Any) -> str:
    """Return what a setting of this type must be, and what it is, for a value that does not fit."""
    info = _plain(inspect.type_info(type_))
    if isinstance(info, inspect.ListType) and isinstance(value, list):
        if info.max_length is not None and len(value) > info.max_length:
            return f"must have at most {number(info.max_length)} items, not {number(len(value))}"
        item = next((one for one in value if not _fits([one], type_)), value)
        return f"must be {_expected(info)}, so it cannot hold {shown(item)}"
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        name, item = next(((name, one) for name, one in value.items() if not _fits({name: one}, type_)), ("", value))
        return f"{name} must be {_expected(_plain(info.value_type))}, not {shown(item)}"
    return f"must be {_expected(info)}, not {shown(value)}"


def why_no_object(value: object) -> str:
    """Return why a value in place of all settings does not fit."""
    return f"must be an object with settings, not {shown(value)}"


def why_unknown(name: str, known: Collection[str]) -> str:
    """Return that there is no setting of this name, and which one may be meant."""
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"there is no such setting; did you mean {near[0]}?"
    others = f", or use {', '.join(sorted(known))}" if len(known) <= _MOST_NAMED else ""
    return f"there is no such setting; remove it{others}"


def why_no_json(error: Exception) -> str:
    """Return why a text is no JSON, and where it must be corrected."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not valid JSON: correct it at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "is not valid JSON: write it as UTF-8"
    return "is not valid JSON: it is nested too deeply"


def shown(value: object) -> str:
    """Return a JSON value in a few characters."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _plain(info: inspect.Type) -> inspect.Type:
    """Return the type without descriptions and without null, which stands for a setting that is absent."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.UnionType):
        return next(_plain(one) for one in info.types if not isinstance(one, inspect.NoneType))
    return info


def _expected(info: inspect.Type) -> str:
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.IntType):
        return "a whole number" if info.ge is None else f"a whole number, {info.ge} or more"
    if isinstance(info, inspect.StrType):
        return "a text in quotes"
    if isinstance(info, inspect.LiteralType):
        values = [json.dumps(one) for one in info.values]
        return f"{', '.join(values[:-1])} or {values[-1]}"
    if isinstance(info, inspect.ListType):
        item = _plain(info.item_type)
        has_pattern = isinstance(item, inspect.StrType) and item.pattern is not None
        return "a list of texts without NUL" if has_pattern else "a list of texts"
    return "an object"


def _fits(value: object, type_: Any) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True
