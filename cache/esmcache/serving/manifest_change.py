"""The change of one module's file in a manifest, without encoding all other modules again.

Only the file's content may have changed: its requests and their answers must be those in the manifest.
"""

from __future__ import annotations

import struct
from zlib import crc32

from esmcache.file_source import Fingerprint
from esmcache.serving.layout import FACT_SIZE, MODULE_BY_SYNTAX, NONE, Header, Module, Pack, ServedKind
from esmcache.serving.manifest import (
    HASH_SIZE,
    HEADER_FORMAT,
    MODULE_FORMAT,
    PACK_FORMAT,
    FileFact,
    check_manifest,
    fact_numbers,
    manifest_packs,
    module_flags,
    part_of,
)
from esmcache.serving.pack import PackedSource


def with_changed_module(
    data: bytes, url: str, fact: FileFact, source: PackedSource | None, pack: Fingerprint | None
) -> bytes | None:
    """Return the manifest with a file's new fact and place, or None if it must be encoded as a whole.

    Args:
        data: The manifest.
        url: The URL of the file.
        source: The place of the file's source, or None if the source is not served.
        pack: The fingerprint of that pack now, or None if not all sources in it are proven.
    """
    if check_manifest(data) is None:
        return None
    header = HEADER_FORMAT.unpack_from(data)
    number = _number_of(url, data, header)
    if number is None:
        return None
    row_at = header[Header.MODULES + 1] + number * MODULE_FORMAT.size
    row = list(MODULE_FORMAT.unpack_from(data, row_at))
    was_packed = row[Module.PACK] != NONE
    if row[Module.KIND] == ServedKind.NATIVE or was_packed != (source is not None):
        return None
    if source is not None:
        packs = manifest_packs(data)
        if source.pack not in packs:
            return None
        row[Module.PACK : Module.FIRST_REQUEST] = [
            packs.index(source.pack),
            source.offset,
            source.length,
            source.checksum,
        ]
    row[Module.FLAGS] = module_flags(fact, source) | (row[Module.FLAGS] & MODULE_BY_SYNTAX)
    changed = bytearray(data)
    if source is not None:
        pack_fact_at = header[Header.PACKS + 1] + row[Module.PACK] * PACK_FORMAT.size + Pack.FACT * 4
        (pack_fact,) = struct.unpack_from("<I", data, pack_fact_at)
        if pack_fact != NONE and pack is not None:
            at = header[Header.FACTS] + pack_fact * FACT_SIZE
            changed[at : at + FACT_SIZE] = fact_numbers(FileFact(pack, bytes(HASH_SIZE), True))
        elif pack_fact != NONE:
            struct.pack_into("<I", changed, pack_fact_at, NONE)
    MODULE_FORMAT.pack_into(changed, row_at, *row)
    fact_at, hash_at = header[Header.FACTS] + number * FACT_SIZE, header[Header.HASHES] + number * HASH_SIZE
    changed[fact_at : fact_at + FACT_SIZE] = fact_numbers(fact)
    changed[hash_at : hash_at + HASH_SIZE] = fact.sha256
    struct.pack_into("<I", changed, Header.CHECKSUM * 4, crc32(memoryview(changed)[16:]))
    return bytes(changed)


def _number_of(url: str, data: bytes, header: tuple[int, ...]) -> int | None:
    """Return the number of a module in the manifest, or None if it is not there."""
    wanted = url.encode("utf-16-le", "surrogatepass")
    section = part_of(data, header[Header.STRINGS], header[Header.STRINGS_SIZE])
    units = section.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
    rows = MODULE_FORMAT.iter_unpack(
        part_of(data, header[Header.MODULES + 1], header[Header.MODULES] * MODULE_FORMAT.size)
    )
    for number, row in enumerate(rows):
        offset, length = row[Module.URL], row[Module.URL + 1]
        if 2 * length == len(wanted) and units[2 * offset : 2 * (offset + length)] == wanted:
            return number
    return None
