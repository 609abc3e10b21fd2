"""The change of one module's file in a manifest, without encoding all other modules again.

Only the file's content may have changed: its requests and their answers must be those in the manifest.
"""

from __future__ import annotations

import struct
from zlib import crc32

from esmcache.file_source import Fingerprint
from esmcache.serving.manifest import (
    MODULE_FORMAT,
    NONE,
    PACK_ROW_SIZE,
    FileFact,
    ServedKind,
    check_manifest,
    fact_numbers,
    manifest_packs,
    module_flags,
)
from esmcache.serving.pack import PackedSource

_FACT_SIZE = 32
_HASH_SIZE = 32


def with_changed_module(
    data: bytes, url: str, fact: FileFact, source: PackedSource | None, pack: Fingerprint | None
) -> bytes | None:
    """Return the manifest with a file's new fact and place, or None if it must be encoded as a whole.

    `source` is None for a module whose source is not served. `pack` is the fingerprint of its pack now, or None if not
    all sources in that are proven.
    """
    if check_manifest(data) is None:
        return None
    header = struct.unpack_from("<32I", data)
    number = _number_of(url, data, header)
    if number is None:
        return None
    row_at = header[5] + number * MODULE_FORMAT.size
    row = list(MODULE_FORMAT.unpack_from(data, row_at))
    was_packed = row[6] != NONE
    if row[4] == ServedKind.NATIVE or was_packed != (source is not None):
        return None
    if source is not None:
        packs = manifest_packs(data)
        if source.pack not in packs:
            return None
        row[6:10] = [packs.index(source.pack), source.offset, source.length, source.checksum]
    row[5] = module_flags(fact, source)
    changed = bytearray(data)
    if source is not None:
        pack_fact_at = header[15] + row[6] * PACK_ROW_SIZE + 8
        (pack_fact,) = struct.unpack_from("<I", data, pack_fact_at)
        if pack_fact != NONE and pack is not None:
            at = header[16] + pack_fact * _FACT_SIZE
            changed[at : at + _FACT_SIZE] = fact_numbers(FileFact(pack, bytes(_HASH_SIZE), True))
        elif pack_fact != NONE:
            struct.pack_into("<I", changed, pack_fact_at, NONE)
    MODULE_FORMAT.pack_into(changed, row_at, *row)
    fact_at, hash_at = header[16] + number * _FACT_SIZE, header[17] + number * _HASH_SIZE
    changed[fact_at : fact_at + _FACT_SIZE] = fact_numbers(fact)
    changed[hash_at : hash_at + _HASH_SIZE] = fact.sha256
    struct.pack_into("<I", changed, 12, crc32(memoryview(changed)[16:]))
    return bytes(changed)


def _number_of(url: str, data: bytes, header: tuple[int, ...]) -> int | None:
    """Return the number of a module in the manifest, or None if it is not there."""
    wanted = url.encode("utf-16-le", "surrogatepass")
    section = data[header[18] : header[18] + header[19]]
    units = section.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
    rows = MODULE_FORMAT.iter_unpack(data[header[5] : header[5] + header[4] * MODULE_FORMAT.size])
    for number, row in enumerate(rows):
        if 2 * row[1] == len(wanted) and units[2 * row[0] : 2 * (row[0] + row[1])] == wanted:
            return number
    return None
