"""Packs: append-only files of module sources, one per package version and one per workspace.

A pack opens with a header of 16 bytes; then follow entries, each a header of 48 bytes, the source's text without byte
order mark, and zeros up to a multiple of 8. All integers are u32 little-endian. The text is as V8 holds it, so that a
runner converts nothing: one byte a character where that is enough (Latin-1), else UTF-16 little-endian.

    pack header:   magic "ESMP", version, 0, 0
    entry header:  magic "ESMS", length, CRC-32 of the text, flags (bit 0: one byte), SHA-256 of the file

The SHA-256 is that of the file as it was on disk, byte order mark included. An entry is written with one append
under a lock, and a manifest names it only afterwards, so a reader never meets half of one.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from esmcache.cache_directory import exclusive_lock, read_regular, remove_any, why_alien
from esmcache.file_source import Fingerprint, fingerprint

PACK_MAGIC = 0x504D5345  # "ESMP"
ENTRY_MAGIC = 0x534D5345  # "ESMS"
VERSION = 2
FLAG_ONE_BYTE = 1

_PACK_HEADER = struct.Struct("<4I")
_ENTRY_HEADER = struct.Struct("<4I32s")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PackedSource:
    """Where a source lies: pack; offset, length and checksum of its text; whether that has one byte a character."""

    pack: str
    offset: int
    length: int
    checksum: int
    one_byte: bool


class PackFault(Enum):
    """What can be wrong with a pack."""

    HEADER = "not a pack of this version"
    TRUNCATED = "ends in the middle of an entry"
    CHECKSUM = "an entry differs from its checksum"


def pack_name(label: str) -> str:
    """Return the file name of the pack for `label` (a package's name@version or a workspace's path)."""
    readable = "".join(c if c.isalnum() or c in "@.-_" else "+" for c in label)[-64:]
    return f"{readable}-{sha256(label.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.pack"


def served_text(source: bytes) -> bytes:
    """Return the bytes that Node compiles: the file without a byte order mark."""
    return source.removeprefix(BYTE_ORDER_MARK)


def append_sources(directory: Path, name: str, sources: Sequence[tuple[bytes, bytes]]) -> list[PackedSource]:
    """Append `(SHA-256, file content)` pairs to the pack and return where each lies.

    The content is valid UTF-8. Raises OSError, and then leaves the pack as it was.
    """
    path = directory / name
    with exclusive_lock(directory / ".lock"):
        size = pack_size(directory, name)
        if not (size and is_pack(path)):
            # Something alien or damaged: nothing can rest on it, so a new pack takes its place.
            remove_any(path)
            size = 0
        parts: list[bytes] = []
        if size == 0:
            parts.append(_PACK_HEADER.pack(PACK_MAGIC, VERSION, 0, 0))
        elif size % 8:
            # A writer was stopped in the middle of its append; what it left is skipped by readers.
            parts.append(b"\0" * (-size % 8))
        at = size + sum(map(len, parts))
        placed: list[PackedSource] = []
        for digest, source in sources:
            text, one_byte = _packed(source)
            check = crc32(text)
            flags = FLAG_ONE_BYTE if one_byte else 0
            parts.append(_ENTRY_HEADER.pack(ENTRY_MAGIC, len(text), check, flags, digest))
            parts.append(text)
            parts.append(b"\0" * (-len(text) % 8))
            placed.append(PackedSource(name, at + _ENTRY_HEADER.size, len(text), check, one_byte))
            at += _ENTRY_HEADER.size + len(text) + -len(text) % 8
        _append(path, size, b"".join(parts))
    return placed


def _append(path: Path, size: int, content: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(content)
        path.chmod(0o600)
    except BaseException as error:
        # What comes next would be written behind half an entry.
        with contextlib.suppress(OSError):
            if size:
                os.truncate(path, size)
            else:
                path.unlink()
        if isinstance(error, OSError):
            # A full disk does not say which file it is about.
            error.filename = str(path)
        raise


def _packed(source: bytes) -> tuple[bytes, bool]:
    text = served_text(source)
    if text.isascii():
        return text, True
    try:
        return text.decode().encode("latin-1"), True
    except UnicodeEncodeError:
        return text.decode().encode("utf-16-le"), False


def _unpacked(text: bytes, *, one_byte: bool) -> bytes:
    """Return the source that was packed, without byte order mark; b"" where it is none."""
    if one_byte and text.isascii():
        return text
    try:
        return text.decode("latin-1" if one_byte else "utf-16-le").encode()
    except UnicodeError:
        return b""


def read_source(directory: Path, source: PackedSource) -> bytes | None:
    """Return the source at a place in a pack, without byte order mark; None if absent or not what its checksum says."""
    if not pack_size(directory, source.pack):
        return None
    try:
        with (directory / source.pack).open("rb") as file:
            file.seek(source.offset)
            text = file.read(source.length)
    except OSError:
        return None
    if len(text) != source.length or crc32(text) != source.checksum:
        return None
    return _unpacked(text, one_byte=source.one_byte)


def pack_fingerprint(directory: Path, name: str) -> Fingerprint | None:
    """Return what the pack's file is, None where it is no file."""
    try:
        return fingerprint((directory / name).lstat())
    except OSError:
        return None


def sound_pack(directory: Path, name: str, sources: Iterable[tuple[bytes, PackedSource]]) -> Fingerprint | None:
    """Return what the pack's file is if it holds each of these sources, None if not or if it cannot be read.

    A source is given by the SHA-256 of its file and by its place.
    """
    seen = pack_fingerprint(directory, name)
    content = read_regular(directory / name)
    if content is None:
        return None
    for digest, place in sources:
        text = content[place.offset : place.offset + place.length]
        if not is_source_of(digest, _unpacked(text, one_byte=place.one_byte)):
            return None
    return seen


def is_source_of(digest: bytes, source: bytes) -> bool:
    """Return whether a source without byte order mark is that of the file with this SHA-256."""
    return digest in (sha256(source).digest(), sha256(BYTE_ORDER_MARK + source).digest())


def scan_pack(path: Path) -> Iterator[tuple[bytes, PackedSource] | PackFault]:
    """Yield each entry's SHA-256 and place, and each fault, in file order; what is no regular file has no header."""
    content = read_regular(path) or b""
    if len(content) < _PACK_HEADER.size or _PACK_HEADER.unpack_from(content)[:2] != (PACK_MAGIC, VERSION):
        yield PackFault.HEADER
        return
    at = _PACK_HEADER.size
    while at < len(content):
        if at + _ENTRY_HEADER.size > len(content):
            yield PackFault.TRUNCATED
            return
        magic, length, check, flags, digest = _ENTRY_HEADER.unpack_from(content, at)
        start = at + _ENTRY_HEADER.size
        text = content[start : start + length]
        if magic == ENTRY_MAGIC and len(text) == length and crc32(text) == check:
            yield digest, PackedSource(path.name, start, length, check, bool(flags & FLAG_ONE_BYTE))
            at = start + length + -length % 8
            continue
        yield PackFault.TRUNCATED if magic == ENTRY_MAGIC and len(text) < length else PackFault.CHECKSUM
        at = _next_entry(content, at + 8)


def _next_entry(content: bytes, at: int) -> int:
    # After a damaged entry the next one starts at some later multiple of 8.
    magic = struct.pack("<I", ENTRY_MAGIC)
    found = content.find(magic, at)
    while found >= 0 and found % 8:
        found = content.find(magic, found + 1)
    return found if found >= 0 else len(content)


def is_pack(path: Path) -> bool:
    """Return whether a file begins as a pack of this version; raises OSError."""
    with path.open("rb") as file:
        head = file.read(_PACK_HEADER.size)
    return len(head) == _PACK_HEADER.size and _PACK_HEADER.unpack(head)[:2] == (PACK_MAGIC, VERSION)


def pack_size(directory: Path, name: str) -> int:
    """Return the pack's size in bytes, 0 where there is no regular file that nobody else can write."""
    try:
        status = os.lstat(directory / name)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and not why_alien(status) else 0
