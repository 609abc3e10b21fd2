"""Which values a row of the index can have: what is anything else comes of damage, or of somebody who means harm.

Nobody who is given a row has to doubt it: its values are of their types, digests have their length, and names that are
joined with a directory are one component of a path. JSON within a value is read by those who wrote it, in `as_stored`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache

from esmcache.store.index_file import IndexDamaged

_TYPES = {"str": str, "int": int, "float": float, "bytes": bytes}
_DIGEST_BYTES = 32
_DIGESTS = frozenset({"source_sha256", "content_sha256"})
# Names of files. '' names none.
_NAMES = frozenset({"pack", "manifest", "blob_key", "key", "name"})
# Tables where `name` is no file's.
_OTHER_NAMES = frozenset({"PackageRow"})

Checker = Callable[[Sequence[object]], bool]


@cache
def checker_of(row_type: type) -> Checker:
    """Return what says whether values, in the order of the columns, make a row of that type."""
    columns = fields(row_type)
    types = tuple(_TYPES[str(field.type)] for field in columns)
    digests = [index for index, field in enumerate(columns) if field.name in _DIGESTS]
    names = [
        index for index, field in enumerate(columns) if field.name in _NAMES and row_type.__name__ not in _OTHER_NAMES
    ]

    def makes_sense(values: Sequence[object]) -> bool:
        if tuple(map(type, values)) != types:
            return False
        for index in digests:
            if len(values[index]) != _DIGEST_BYTES:  # type: ignore[arg-type]
                return False
        return all(is_file_name(values[index]) for index in names)

    return makes_sense


@contextlib.contextmanager
def as_stored(table: str) -> Iterator[None]:
    """Take whatever goes wrong while a value of `table` is decoded as damage of it: it was right when it was stored."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"index.db cannot be used: a value of {table} makes no sense ({error})") from error


def is_file_name(name: object) -> bool:
    """Return whether a name is '' or one component of a path."""
    return isinstance(name, str) and name not in (".", "..") and "/" not in name and "\0" not in name
