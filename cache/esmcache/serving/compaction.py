"""Packs without the sources that nobody needs any more, and manifests that point into them.

A pack is never changed but by appending. Its successor is a new file with a new name, so a program that has read an
older manifest finds the old pack as it was or none at all, and then loads the module as if there were no cache.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from esmcache.cache_directory import write_whole
from esmcache.file_source import Fingerprint
from esmcache.serving.manifest import HEADER_SIZE, MODULE_FORMAT, NONE, FileFact, check_manifest, fact_numbers
from esmcache.serving.pack import (
    ENTRY_HEADER_SIZE,
    PackedSource,
    held_places,
    new_pack_name,
    pack_fingerprint,
    pack_header,
    packed_entry,
    text_at,
)

_HEADER = struct.Struct("<32I")
_ROW_OF_SIX = struct.Struct("<6I")
_PACK_ROW = struct.Struct("<3I")
_FACT_SIZE = _HASH_SIZE = 32
_ONE_BYTE = 2


@dataclass(frozen=True, slots=True)
class MovedPack:
    """What has become of a pack: its successor, what that file is, and where it has each source, by SHA-256."""

    name: str
    fingerprint: Fingerprint
    places: Mapping[bytes, PackedSource]


def compact_packs(
    directory: Path, family: str, live: Mapping[str, Iterable[tuple[bytes, PackedSource]]]
) -> MovedPack | None:
    """Write the successor of a family's packs, which holds their sources `live` and nothing else; raises OSError.

    Every text is compared with its SHA-256, and left out if it differs. Return None where no source is left.
    """
    successor = new_pack_name(family)
    parts, places = [pack_header()], {}
    at = len(parts[0])
    for name, sources in live.items():
        for digest, text, place in _texts(directory, name, sources):
            if digest not in places:
                places[digest] = replace(place, pack=successor, offset=at + ENTRY_HEADER_SIZE)
                parts.append(packed_entry(digest, text, places[digest]))
                at += len(parts[-1])
    if not places:
        return None
    write_whole(directory / successor, *parts)
    seen = pack_fingerprint(directory, successor)
    return None if seen is None else MovedPack(successor, seen, places)


def _texts(
    directory: Path, name: str, sources: Iterable[tuple[bytes, PackedSource]]
) -> Iterator[tuple[bytes, bytes, PackedSource]]:
    """Yield SHA-256, packed text and place of those sources that the pack holds, in the order of the file."""
    wanted = sorted(sources, key=lambda pair: pair[1].offset)
    # Headers are looked at as if the file were proven, since the texts are compared below.
    held = list(held_places(directory, name, wanted, pack_fingerprint(directory, name)))
    if not held:
        return
    descriptor = os.open(directory / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for digest, place in held:
            text = text_at(descriptor, digest, place)
            if text is not None:
                yield digest, text, place
    finally:
        os.close(descriptor)


def with_moved_packs(data: bytes, moved: Mapping[str, MovedPack]) -> bytes | None:
    """Return the manifest as if it had been made with the successors of its packs, None where it is damaged.

    A module whose source the successor does not have is left without a source.
    """
    if check_manifest(data) is None:
        return None
    try:
        return _Manifest(data).with_moved_packs(moved)
    except (struct.error, IndexError, ValueError):
        return None


class _Manifest:
    """The parts of a manifest that packs are in: the rows of its modules, and all that lies behind the inputs."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        header: list[int] = list(_HEADER.unpack_from(data))
        self._header = header
        if sorted(header[15:19]) != header[15:19] or header[13] > header[15] or header[18] > len(data):
            raise ValueError("sections in another order")
        self._modules: list[list[int]] = [
            list(row) for row in MODULE_FORMAT.iter_unpack(self._section(5, 4, MODULE_FORMAT.size))
        ]
        self._requests: list[tuple[int, ...]] = list(_ROW_OF_SIX.iter_unpack(self._section(7, 6, _ROW_OF_SIX.size)))
        self._inputs: list[tuple[int, ...]] = list(_ROW_OF_SIX.iter_unpack(self._section(13, 12, _ROW_OF_SIX.size)))
        self._packs: list[tuple[int, ...]] = list(_PACK_ROW.iter_unpack(self._section(15, 14, _PACK_ROW.size)))
        text = data[header[18] : header[18] + header[19]].decode("utf-8", "surrogatepass")
        self._units = text.encode("utf-16-le", "surrogatepass")

    def _section(self, offset: int, count: int, size: int) -> bytes:
        start, length = self._header[offset], self._header[count] * size
        if start + length > len(self._data):
            raise ValueError("a section outside of the file")
        return self._data[start : start + length]

    def with_moved_packs(self, moved: Mapping[str, MovedPack]) -> bytes:
        names = [self._string(offset, length) for offset, length, _ in self._packs]
        numbers = {name: number for number, name in enumerate(names)}
        order: dict[str, int] = {}
        hashes = self._header[17]
        for index, row in enumerate(self._modules):
            if row[6] == NONE:
                continue
            name = names[row[6]]
            if name not in moved:
                row[6] = order.setdefault(name, len(order))
                continue
            at = hashes + index * _HASH_SIZE
            place = moved[name].places.get(self._data[at : at + _HASH_SIZE])
            if place is None:
                row[5:10] = [row[5] & ~_ONE_BYTE, NONE, 0, 0, 0]
            else:
                row[6:10] = [order.setdefault(place.pack, len(order)), place.offset, place.length, place.checksum]
        successors = {one.name: one.fingerprint for one in moved.values()}
        facts: list[bytes | None] = []
        for name in order:
            if name in successors:
                facts.append(fact_numbers(FileFact(successors[name], bytes(_HASH_SIZE), True)))
            else:
                number = self._packs[numbers[name]][2]
                facts.append(None if number == NONE else self._fact(number))
        return self._encode(list(order), facts)

    def _encode(self, names: Sequence[str], facts: Sequence[bytes | None]) -> bytes:
        header = list(self._header)
        body = bytearray(self._data[HEADER_SIZE : header[15]])
        at = header[5] - HEADER_SIZE
        for row in self._modules:
            MODULE_FORMAT.pack_into(body, at, *row)
            at += MODULE_FORMAT.size
        text = self._units[: 2 * self._end_of_other_strings()]
        pack_rows, fact_count = b"", self._count_other_facts()
        other_facts = self._data[header[16] : header[16] + fact_count * _FACT_SIZE]
        other_hashes = self._data[header[17] : header[17] + fact_count * _HASH_SIZE]
        for name, fact in zip(names, facts, strict=True):
            units = name.encode("utf-16-le", "surrogatepass")
            pack_rows += _PACK_ROW.pack(len(text) // 2, len(units) // 2, NONE if fact is None else fact_count)
            text += units
            fact_count += fact is not None
        own_facts = [fact for fact in facts if fact is not None]
        strings = text.decode("utf-16-le", "surrogatepass")
        encoded = strings.encode("utf-8", "surrogatepass")
        sections = (
            pack_rows,
            other_facts + b"".join(own_facts),
            other_hashes + bytes(_HASH_SIZE * len(own_facts)),
            encoded,
        )
        for number, section in zip((15, 16, 17, 18), sections, strict=True):
            header[number] = HEADER_SIZE + len(body)
            body += section + bytes(-len(section) % 8)
        header[2], header[3], header[14] = HEADER_SIZE + len(body), 0, len(names)
        header[19], header[20] = len(encoded), int(strings.isascii())
        packed = _HEADER.pack(*header)
        header[3] = crc32(packed[16:] + body)
        return _HEADER.pack(*header) + body

    def _fact(self, number: int) -> bytes:
        at = self._header[16] + number * _FACT_SIZE
        if at + _FACT_SIZE > self._header[17]:
            raise ValueError("a fact outside of the table")
        return self._data[at : at + _FACT_SIZE]

    def _string(self, offset: int, length: int) -> str:
        return self._units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass")

    def _end_of_other_strings(self) -> int:
        """Return where the strings end that are no pack's name: those come last."""
        header = self._header
        ends = [header[21] + header[22]]
        ends += [offset + length for row in self._modules for offset, length in (row[0:2], row[2:4])]
        ends += [row[0] + row[1] for row in self._requests]
        ends += [offset + length for row in self._inputs for offset, length in (row[1:3], row[3:5])]
        return max(ends)

    def _count_other_facts(self) -> int:
        """Return how many facts there are that are no pack's: those come last."""
        count = (self._header[17] - self._header[16]) // _FACT_SIZE
        first = min((fact for _, _, fact in self._packs if fact != NONE), default=count)
        used = [row[5] for row in (*self._requests, *self._inputs) if row[5] != NONE]
        if first < max([len(self._modules) - 1, *used]) + 1:
            raise ValueError("a fact of a pack that is also something else's")
        return first
