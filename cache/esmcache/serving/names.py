"""What names a manifest: shared by whoever writes one and whoever looks whether one is there."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_MASK = 0xFFFFFFFF


def manifest_identity(entry_path: str, node_version: str, arch: str, conditions: Sequence[str]) -> str:
    """Return the text that names a manifest: the entry's real path, Node's version and architecture, conditions."""
    return "\0".join([entry_path, node_version, arch, *conditions])


def manifest_name(identity: str) -> str:
    """Return the file name for an identity: two FNV-1a sums over its UTF-16 code units, which a runner does fast.

    Names may collide; the identity within the file tells.
    """
    units = identity.encode("utf-16-le", "surrogatepass")
    first, second = 0x811C9DC5, 0x9747B28C
    for (unit,) in struct.iter_unpack("<H", units):
        first = (first ^ unit) * 0x01000193 & _MASK
        second = (second ^ unit) * 0x01000193 + 0x9E3779B9 & _MASK
    return f"{first:08x}{second:08x}.manifest"
