"""Bytes to BmesFile. Every length is checked against the rest of the file before anything is read or allocated."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from esmcache.bmes.format import (
    CLOSING_MAGIC,
    HASH_SIZE,
    HEADER_SIZE,
    LARGEST_FILE_SIZE,
    LARGEST_TRAILER_SIZE,
    MAGIC,
    SMALLEST_ATTRIBUTE_SIZE,
    SMALLEST_EXPORT_SIZE,
    SMALLEST_IMPORT_SIZE,
    SMALLEST_REQUEST_SIZE,
    SMALLEST_STAR_SIZE,
    SMALLEST_TRAILER_SIZE,
    U32_SIZE,
    VERSION,
    BmesExport,
    BmesFile,
    BmesImport,
    BmesRequest,
    BmesTrailer,
    ExportType,
    ImportType,
    ValidationLevel,
)
from esmcache.records import ImportAttribute

_U32 = struct.Struct("<I")
_Entry = TypeVar("_Entry")
_Type = TypeVar("_Type", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class Damage:
    """The reason why bytes are not a BMES file, with the level that they fail and the place of the error."""

    level: ValidationLevel
    reason: str


def decode(data: bytes) -> BmesFile | Damage:
    """Return the decoded file, or the Damage because of which it fails the structure level.

    The checksum is not checked; `validate` does that.
    """
    if len(data) > LARGEST_FILE_SIZE:
        return Damage(ValidationLevel.HEADER, f"{len(data)} bytes are more than a BMES file may have")
    try:
        return _file(_Reader(data))
    except _DamageFoundError as found:
        return found.damage


class _DamageFoundError(Exception):
    """Stops the decoding of a file; never leaves this module."""

    def __init__(self, level: ValidationLevel, reason: str) -> None:
        super().__init__(reason)
        self.damage = Damage(level, reason)


class _Reader:
    """Reads one value after the other; raises _DamageFoundError instead of reading past the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def u32(self) -> int:
        if len(self.data) - self.offset < U32_SIZE:
            raise self.damage("the file ends in the middle of a number")
        (value,) = _U32.unpack_from(self.data, self.offset)
        self.offset += U32_SIZE
        return int(value)

    def content(self, size: int) -> bytes:
        if size > len(self.data) - self.offset:
            raise self.damage(f"{size} bytes are announced, {len(self.data) - self.offset} are left")
        start = self.offset
        self.offset += size
        return self.data[start : self.offset]

    def string(self) -> str:
        size = self.u32()
        content = self.content(size)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            self.offset -= size
            raise self.damage("a string is not UTF-8") from None

    def enum(self, known: type[_Type]) -> _Type:
        value = self.u32()
        try:
            return known(value)
        except ValueError:
            self.offset -= U32_SIZE
            raise self.damage(f"{value} is no {known.__name__}") from None

    def entries(self, smallest: int, entry: Callable[[], _Entry]) -> tuple[_Entry, ...]:
        count = self.u32()
        if count * smallest > len(self.data) - self.offset:
            raise self.damage(f"{count} entries are announced, more than fit into the file")
        return tuple([entry() for _ in range(count)])

    def damage(self, reason: str) -> _DamageFoundError:
        return _DamageFoundError(ValidationLevel.STRUCTURE, f"at byte {self.offset}: {reason}")


def _file(reader: _Reader) -> BmesFile:
    _header(reader)
    return BmesFile(
        requests=reader.entries(SMALLEST_REQUEST_SIZE, lambda: _request(reader)),
        imports=reader.entries(SMALLEST_IMPORT_SIZE, lambda: _import(reader)),
        exports=reader.entries(SMALLEST_EXPORT_SIZE, lambda: _export(reader)),
        stars=reader.entries(SMALLEST_STAR_SIZE, reader.string),
        bytecode=reader.content(reader.u32()),
        trailer=_trailer(reader),
    )


def _header(reader: _Reader) -> None:
    if len(reader.data) < HEADER_SIZE:
        raise _DamageFoundError(ValidationLevel.HEADER, "the file is shorter than a header")
    magic, version = reader.u32(), reader.u32()
    if magic != MAGIC:
        raise _DamageFoundError(ValidationLevel.HEADER, f"the magic is {magic:#010x}, not {MAGIC:#010x}")
    if version != VERSION:
        raise _DamageFoundError(ValidationLevel.HEADER, f"the version is {version}, not {VERSION}")


def _request(reader: _Reader) -> BmesRequest:
    specifier = reader.string()
    has_attributes = reader.u32()
    if has_attributes > 1:
        reader.offset -= U32_SIZE
        raise reader.damage(f"{has_attributes} is neither 0 nor 1")
    if not has_attributes:
        return BmesRequest(specifier)
    return BmesRequest(specifier, reader.entries(SMALLEST_ATTRIBUTE_SIZE, lambda: _attribute(reader)))


def _attribute(reader: _Reader) -> ImportAttribute:
    return ImportAttribute(key=reader.string(), value=reader.string())


def _import(reader: _Reader) -> BmesImport:
    return BmesImport(reader.enum(ImportType), reader.string(), reader.string(), reader.string())


def _export(reader: _Reader) -> BmesExport:
    return BmesExport(reader.enum(ExportType), reader.string(), reader.string(), reader.string(), reader.string())


def _trailer(reader: _Reader) -> BmesTrailer | None:
    size = len(reader.data) - reader.offset
    if size == 0:
        return None
    if not SMALLEST_TRAILER_SIZE <= size <= LARGEST_TRAILER_SIZE:
        raise reader.damage(f"{size} bytes after the bytecode are no trailer")
    trailer = BmesTrailer(reader.string(), reader.string(), reader.content(HASH_SIZE))
    reader.content(HASH_SIZE)
    if reader.u32() != size:
        raise reader.damage("the trailer's length is not its own")
    if reader.u32() != CLOSING_MAGIC:
        raise reader.damage("the trailer's closing magic is wrong")
    if reader.offset != len(reader.data):
        raise reader.damage("bytes follow the trailer")
    return trailer
