"""Compaction: packs without the sources that are no longer needed, and manifests that point into them.

A pack only changes by appending. Its successor is a new file with a new name. So a program that has read an older
manifest finds the old pack unchanged, or finds no pack and loads the module as if there were no cache.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add
from pathlib import Path
from zlib import crc32

from esmcache.file_source import Fingerprint
from esmcache.private_files import write_whole
from esmcache.serving.layout import (
    ENTRY_HEADER_SIZE,
    FACT_SIZE,
    HEADER_SIZE,
    MODULE_ONE_BYTE,
    NONE,
    ROWS,
    Header,
    Input,
    Module,
    Pack,
    Request,
)
from esmcache.serving.manifest import (
    HASH_SIZE,
    HEADER_FORMAT,
    PACK_FORMAT,
    FileFact,
    check_manifest,
    fact_numbers,
    part_of,
)
from esmcache.serving.pack import (
    PackedSource,
    held_places,
    new_pack_name,
    pack_fingerprint,
    pack_header,
    packed_entry,
    text_at,
)

_MODULE_NUMBERS, _REQUEST_NUMBERS, _INPUT_NUMBERS, _PACK_NUMBERS = (
    ROWS[table] for table in (Header.MODULES, Header.REQUESTS, Header.INPUTS, Header.PACKS)
)


@dataclass(frozen=True, slots=True)
class MovedPack:
    """The successor of a pack: its name, its file's fingerprint, and the place of each source, by SHA-256."""

    name: str
    fingerprint: Fingerprint
    places: Mapping[bytes, PackedSource]


def compact_packs(
    directory: Path, family: str, live: Mapping[str, Iterable[tuple[bytes, PackedSource]]]
) -> MovedPack | None:
    """Write the successor of a family's packs, with the needed sources and nothing else.

    Every text is compared with its SHA-256 and left out if it differs.

    Args:
        live: The needed sources by pack, each as the SHA-256 of its file and its place.

    Returns:
        The successor, or None if no source is left.

    Raises:
        OSError: If a pack cannot be read, or the successor cannot be written.
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
    """Yield SHA-256, packed text and place of each source that the pack holds, in the order of the file."""
    wanted = sorted(sources, key=lambda pair: pair[1].offset)
    # Only headers are checked here, as if the file were proven, since the texts are compared below.
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
    """Return the manifest as if it had been made with the successors of its packs, or None if it is damaged.

    A module whose source is not in the successor gets no source.
    """
    if check_manifest(data) is None:
        return None
    try:
        return _Manifest(data).with_moved_packs(moved)
    except (struct.error, IndexError, ValueError):
        return None


class _Manifest:
    """The parts of a manifest that refer to packs: the rows of its modules, and all sections after the inputs.

    A table is one list of the numbers of all rows, for speed: most manifests have thousands of rows.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        header = list(HEADER_FORMAT.unpack_from(data))
        order = [
            HEADER_SIZE,
            header[Header.MODULES + 1],
            header[Header.INPUTS + 1],
            header[Header.PACKS + 1],
            header[Header.FACTS],
            header[Header.HASHES],
            header[Header.STRINGS],
            len(data),
        ]
        if sorted(order) != order:
            raise ValueError("sections in another order")
        self._header = header
        self._modules = self._table(Header.MODULES)
        self._requests = self._table(Header.REQUESTS)
        self._inputs = self._table(Header.INPUTS)
        self._packs = self._table(Header.PACKS)
        text = part_of(data, header[Header.STRINGS], header[Header.STRINGS_SIZE]).decode("utf-8", "surrogatepass")
        self._units = text.encode("utf-16-le", "surrogatepass")

    def _table(self, table: Header) -> list[int]:
        count = self._header[table] * ROWS[table]
        return list(struct.unpack_from(f"<{count}I", self._data, self._header[table + 1]))

    def with_moved_packs(self, moved: Mapping[str, MovedPack]) -> bytes:
        """Return the manifest with the successors of its packs."""
        strings, lengths, facts_of_packs = _columns(self._packs, _PACK_NUMBERS)
        names = list(map(self._string, strings, lengths))
        places = [moved[name].places if name in moved else None for name in names]
        modules, hashes = self._modules, self._header[Header.HASHES]
        order: dict[str, int] = {}
        for number, pack in enumerate(modules[Module.PACK :: _MODULE_NUMBERS]):
            if pack == NONE:
                continue
            at = number * _MODULE_NUMBERS
            successor = places[pack]
            if successor is None:
                modules[at + Module.PACK] = order.setdefault(names[pack], len(order))
                continue
            start = hashes + number * HASH_SIZE
            place = successor.get(self._data[start : start + HASH_SIZE])
            if place is None:
                modules[at + Module.FLAGS : at + Module.FIRST_REQUEST] = (
                    modules[at + Module.FLAGS] & ~MODULE_ONE_BYTE,
                    NONE,
                    0,
                    0,
                    0,
                )
            else:
                pack = order.setdefault(place.pack, len(order))
                modules[at + Module.PACK : at + Module.FIRST_REQUEST] = pack, place.offset, place.length, place.checksum
        successors = {one.name: one.fingerprint for one in moved.values()}
        facts = dict(zip(names, facts_of_packs, strict=True))
        return self._encode(
            {
                name: fact_numbers(FileFact(successors[name], bytes(HASH_SIZE), True))
                if name in successors
                else self._fact(facts[name])
                for name in order
            }
        )

    def _encode(self, packs: Mapping[str, bytes | None]) -> bytes:
        """Return the manifest with these packs, each with the fact about its file, or None if it has none."""
        header = list(self._header)
        body = bytearray(self._data[HEADER_SIZE : header[Header.PACKS + 1]])
        struct.pack_into(f"<{len(self._modules)}I", body, header[Header.MODULES + 1] - HEADER_SIZE, *self._modules)
        text = self._units[: 2 * self._end_of_other_strings()]
        pack_rows, fact_count = b"", self._count_other_facts()
        other_facts = part_of(self._data, header[Header.FACTS], fact_count * FACT_SIZE)
        other_hashes = part_of(self._data, header[Header.HASHES], fact_count * HASH_SIZE)
        for name, fact in packs.items():
            units = name.encode("utf-16-le", "surrogatepass")
            pack_rows += PACK_FORMAT.pack(len(text) // 2, len(units) // 2, NONE if fact is None else fact_count)
            text += units
            fact_count += fact is not None
        own_facts = [fact for fact in packs.values() if fact is not None]
        strings = text.decode("utf-16-le", "surrogatepass")
        encoded = strings.encode("utf-8", "surrogatepass")
        sections = (
            pack_rows,
            other_facts + b"".join(own_facts),
            other_hashes + bytes(HASH_SIZE * len(own_facts)),
            encoded,
        )
        for number, section in zip(
            (Header.PACKS + 1, Header.FACTS, Header.HASHES, Header.STRINGS), sections, strict=True
        ):
            header[number] = HEADER_SIZE + len(body)
            body += section + bytes(-len(section) % 8)
        header[Header.SIZE], header[Header.CHECKSUM], header[Header.PACKS] = HEADER_SIZE + len(body), 0, len(packs)
        header[Header.STRINGS_SIZE], header[Header.STRINGS_FLAGS] = len(encoded), int(strings.isascii())
        packed = HEADER_FORMAT.pack(*header)
        header[Header.CHECKSUM] = crc32(packed[16:] + body)
        return HEADER_FORMAT.pack(*header) + body

    def _fact(self, number: int) -> bytes | None:
        if number == NONE:
            return None
        at = self._header[Header.FACTS] + number * FACT_SIZE
        if at + FACT_SIZE > self._header[Header.HASHES]:
            raise ValueError("a fact outside of the table")
        return self._data[at : at + FACT_SIZE]

    def _string(self, offset: int, length: int) -> str:
        return self._units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass")

    def _end_of_other_strings(self) -> int:
        """Return the end of the strings that are not names of packs; the names of packs come last."""
        modules = _columns(self._modules, _MODULE_NUMBERS)
        requests = _columns(self._requests, _REQUEST_NUMBERS)
        inputs = _columns(self._inputs, _INPUT_NUMBERS)
        strings = (modules[0:2], modules[2:4], requests[0:2], inputs[1:3], inputs[3:5])
        end: int = self._header[Header.IDENTITY] + self._header[Header.IDENTITY + 1]
        return max(end, *(max(map(add, *columns), default=0) for columns in strings))

    def _count_other_facts(self) -> int:
        """Return the number of facts that are not about packs; the facts about packs come last.

        Raises:
            ValueError: If a fact about a pack is also about something else.
        """
        count = (self._header[Header.HASHES] - self._header[Header.FACTS]) // FACT_SIZE
        first = min((fact for fact in self._packs[Pack.FACT :: _PACK_NUMBERS] if fact != NONE), default=count)
        used = {*self._requests[Request.DIRECTORY :: _REQUEST_NUMBERS], *self._inputs[Input.FACT :: _INPUT_NUMBERS]} - {
            NONE
        }
        if first < max([len(self._modules) // _MODULE_NUMBERS - 1, *used]) + 1:
            raise ValueError("a fact of a pack that is also something else's")
        return first


def _columns(table: Sequence[int], width: int) -> list[Sequence[int]]:
    """Return the numbers of a table column by column."""
    return [table[column::width] for column in range(width)]
