"""What names a manifest: shared by whoever writes one and whoever looks whether one is there."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_MODULUS = 281_474_976_710_597


def manifest_identity(entry_path: str, node_version: str, arch: str, conditions: Sequence[str]) -> str:
    """Return the text that names a manifest: the entry's real path, Node's version and architecture, conditions."""
    return "\0".join([entry_path, node_version, arch, *conditions])


def manifest_name(identity: str) -> str:
    """Return the file name for an identity: a sum over its UTF-16 code units, modulo the largest prime below 2**48.

    A runner has it by one multiplication of doubles a unit. Names may collide; the identity within the file tells.
    """
    units = identity.encode("utf-16-le", "surrogatepass")
    total = len(units) // 2
    for (unit,) in struct.iter_unpack("<H", units):
        total = (total * 31 + unit) % _MODULUS
    return f"{total:x}.manifest"
