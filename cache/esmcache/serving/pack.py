"""Packs: append-only files of module sources, one per package version and one per workspace.

A pack opens with a header of 16 bytes; then follow entries, each a header of 48 bytes, the source as UTF-8
without byte order mark, and zeros up to a multiple of 8. All integers are u32 little-endian.

    pack header:   magic "ESMP", version, 0, 0
    entry header:  magic "ESMS", length, checksum of the source, flags (bit 0: ASCII only), SHA-256 of the file

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

from esmcache.cache_directory import exclusive_lock, read_regular, remove_any
from esmcache.file_source import Fingerprint, fingerprint
from esmcache.serving.checksum import checksum

PACK_MAGIC = 0x504D5345  # "ESMP"
ENTRY_MAGIC = 0x534D5345  # "ESMS"
VERSION = 1
FLAG_ASCII = 1

_PACK_HEADER = struct.Struct("<4I")
_ENTRY_HEADER = struct.Struct("<4I32s")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PackedSource:
    """Where a source lies: pack file name, byte offset and length of the text, its checksum, ASCII or not."""

    pack: str
    offset: int
    length: int
    checksum: int
    ascii: bool


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

    Raises OSError, and then leaves the pack as it was.
    """
    path = directory / name
    with exclusive_lock(directory / ".lock"):
        size = pack_size(directory, name)
        if not (size and _has_header(path)):
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
            text = served_text(source)
            check = checksum(text)
            is_ascii = text.isascii()
            parts.append(_ENTRY_HEADER.pack(ENTRY_MAGIC, len(text), check, int(is_ascii), digest))
            parts.append(text)
            parts.append(b"\0" * (-len(text) % 8))
            placed.append(PackedSource(name, at + _ENTRY_HEADER.size, len(text), check, is_ascii))
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


def read_source(directory: Path, source: PackedSource) -> bytes | None:
    """Return the text at a place in a pack, or None where it is absent or differs from its checksum."""
    if not pack_size(directory, source.pack):
        return None
    try:
        with (directory / source.pack).open("rb") as file:
            file.seek(source.offset)
            text = file.read(source.length)
    except OSError:
        return None
    return text if len(text) == source.length and checksum(text) == source.checksum else None


def pack_fingerprint(directory: Path, name: str) -> Fingerprint | None:
    """Return what the pack's file is, None where it is no file."""
    try:
        return fingerprint((directory / name).lstat())
    except OSError:
        return None


def sound_pack(directory: Path, name: str, sources: Iterable[tuple[bytes, int, int]]) -> Fingerprint | None:
    """Return what the pack's file is if it holds each of these sources, None if not or if it cannot be read.

    A source is given by the SHA-256 of its file, and the offset and length of its text.
    """
    seen = pack_fingerprint(directory, name)
    content = read_regular(directory / name)
    if content is None:
        return None
    view = memoryview(content)
    for digest, offset, length in sources:
        text = view[offset : offset + length]
        if sha256(text).digest() != digest and sha256(BYTE_ORDER_MARK + text).digest() != digest:
            return None
    return seen


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
        if magic == ENTRY_MAGIC and len(text) == length and checksum(text) == check:
            yield digest, PackedSource(path.name, start, length, check, bool(flags & FLAG_ASCII))
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


def _has_header(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_PACK_HEADER.size)
    return len(head) == _PACK_HEADER.size and _PACK_HEADER.unpack(head)[:2] == (PACK_MAGIC, VERSION)


def pack_size(directory: Path, name: str) -> int:
    """Return the pack's size in bytes, 0 where there is no regular file."""
    try:
        status = os.lstat(directory / name)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
