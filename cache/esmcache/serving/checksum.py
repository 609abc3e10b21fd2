"""The checksum of manifests and packed sources: cheap where a runner checks it, in JavaScript without any module.

Two running sums over the u32 little-endian words of the data, padded with zeros: `a` of the words, `b` of `a`;
the checksum is `a * 0x9E3779B1 + b`, all modulo 2**32. It finds damage, not forgery.
"""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate

_MODULUS = 1 << 32


def checksum(data: bytes) -> int:
    """Return the checksum of `data` as an unsigned 32-bit number."""
    words = array("I")
    words.frombytes(data + bytes(-len(data) % 4))
    if sys.byteorder == "big":
        words.byteswap()
    first = sum(words)
    second = sum(accumulate(words))
    return (first * 0x9E3779B1 + second) % _MODULUS
