"""Checks the values in rows of the index: wrong values come from damage or from an attacker.

Code that gets a row can rely on it: values have their types, digests have their length, and names that are joined with
a directory are one component of a path. The module that wrote JSON into a value decodes it, within `as_stored`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache

from esmcache.cache_files import plain_name
from esmcache.store.index_file import IndexDamaged

_TYPES = {"str": str, "int": int, "float": float, "bytes": bytes}
_DIGEST_BYTES = 32
_DIGESTS = frozenset({"source_sha256", "content_sha256"})
# Columns with names of files. Those in _MAY_BE_EMPTY may be '' instead.
_NAMES = frozenset({"pack", "manifest", "blob_key", "key", "name"})
_MAY_BE_EMPTY = frozenset({"blob_key"})
# Rows whose `name` is not a file's name.
_OTHER_NAMES = frozenset({"PackageRow"})
# The forms of a trust domain's name, and of the name of a directory of code caches.
_FORMS = {"domain": re.compile("([0-9a-f]{32})?"), "directory": re.compile(r"[0-9a-f]{32}/v[\w.-]+", re.ASCII)}

Checker = Callable[[Sequence[object]], bool]


@cache
def checker_of(row_type: type) -> Checker:
    """Return a function that tells whether values, in the order of the columns, are a valid row of that type."""
    columns = fields(row_type)
    types = tuple(_TYPES[str(field.type)] for field in columns)
    digests = [index for index, field in enumerate(columns) if field.name in _DIGESTS]
    names = [
        (index, field.name in _MAY_BE_EMPTY)
        for index, field in enumerate(columns)
        if field.name in _NAMES and row_type.__name__ not in _OTHER_NAMES
    ]
    forms = [(index, _FORMS[field.name]) for index, field in enumerate(columns) if field.name in _FORMS]

    def makes_sense(values: Sequence[object]) -> bool:
        if tuple(map(type, values)) != types:
            return False
        for index in digests:
            if len(values[index]) != _DIGEST_BYTES:  # type: ignore[arg-type]
                return False
        for index, form in forms:
            if form.fullmatch(values[index]) is None:  # type: ignore[call-overload]
                return False
        return all(plain_name(values[index]) or (may_be_empty and not values[index]) for index, may_be_empty in names)

    return makes_sense


@contextlib.contextmanager
def as_stored(table: str) -> Iterator[None]:
    """Turn any error while a stored value is decoded into IndexDamaged: the value was right when it was stored.

    Args:
        table: The name of the value's table, for the message.

    Raises:
        IndexDamaged: If the value cannot be decoded.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"index.db cannot be used: a value of {table} makes no sense ({error})") from error
