"""Names of files that both writers and starts need: manifests, the preload, requests for a warm."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

# The JavaScript of the preload and of the files that it loads.
RUNTIME = Path(__file__).parent / "runtime"
# The suffix of an event file whose reports were read and which requests a warm that is still due.
WANTED_SUFFIX = ".wanted"
# The largest primes below 2**26, so that a runner can multiply with doubles. With these factors, neighbouring code
# units do not cancel each other out.
_MODULI = (67_108_859, 67_108_837)
_FACTORS = (40_014_893, 55_237_919)


def manifest_identity(entry_path: str, node_version: str, arch: str, conditions: Sequence[str]) -> str:
    """Return the text that names a manifest: the entry's real path, Node's version and architecture, conditions."""
    return "\0".join([entry_path, node_version, arch, *conditions])


def manifest_name(identity: str) -> str:
    """Return the file name for an identity: two sums over its UTF-16 code units.

    Names can be made to collide. So every reader of a manifest, or of a mark of a start, first compares the identity
    in it.
    """
    units = identity.encode("utf-16-le", "surrogatepass")
    one = other = len(units) // 2
    for (unit,) in struct.iter_unpack("<H", units):
        one = (one * _FACTORS[0] + unit) % _MODULI[0]
        other = (other * _FACTORS[1] + unit) % _MODULI[1]
    return f"{one:07x}{other:07x}.manifest"
