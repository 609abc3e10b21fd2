"""Packs: append-only files of module sources, one per package version and one per workspace.

The packs of one package version or workspace are a family: their names begin with its name and end with eight random
hexadecimal digits. A family has one pack, except while compaction.py writes its successor. No two packs ever have the
same name, so a manifest never points into another pack than the one that it was made for.

A pack begins with a header of 16 bytes. Entries follow: each has a header of 48 bytes, the source's text without byte
order mark, and zeros up to a multiple of 8. All integers are u32 little-endian. The text has V8's internal encoding, so
that a runner converts nothing: one byte per character if that is enough (Latin-1), else UTF-16 little-endian.

    pack header:   magic "ESMP", version, 0, 0
    entry header:  magic "ESMS", length, CRC-32 of the text, flags (bit 0: one byte), SHA-256 of the file

The SHA-256 is that of the file on disk, including a byte order mark. An entry is written with one append under a lock,
and manifests name it only afterwards, so a reader never sees half of an entry.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from esmcache.cache_files import exclusive_lock, read_regular, remove_any, why_alien
from esmcache.file_source import Fingerprint, fingerprint
from esmcache.serving.layout import (
    ENTRY_HEADER_SIZE,
    ENTRY_MAGIC,
    ENTRY_ONE_BYTE,
    PACK_MAGIC,
    PACK_VERSION,
    ServedKind,
)
from esmcache.serving.served_kinds import ES_MODULE_KINDS

_PACK_HEADER = struct.Struct("<4I")
_ENTRY_HEADER = struct.Struct("<4I32s")
PACK_HEADER_SIZE = _PACK_HEADER.size
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAME = re.compile(r"(.*-[0-9a-f]{16})(?:\.[0-9a-f]{8})?\.pack", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PackedSource:
    """The place of a source: pack; offset, length and checksum of its text; whether it has one byte per character."""

    pack: str
    offset: int
    length: int
    checksum: int
    one_byte: bool


class PackFault(Enum):
    """The faults that a pack can have."""

    HEADER = "not a pack of this version"
    TRUNCATED = "ends in the middle of an entry"
    CHECKSUM = "an entry differs from its checksum"


def pack_family(label: str) -> str:
    """Return the beginning of the names of packs for `label` (a package's name@version or a workspace's path)."""
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "@.-_") else "+" for c in label)[-64:]
    return f"{readable}-{sha256(label.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def pack_label(root: str, name: str, version: str) -> str:
    """Return the label of the package in a directory: name@version if it was installed, else the directory."""
    return f"{name}@{version}" if "/node_modules/" in root + "/" and name and version else root


def family_of(pack: str) -> str:
    """Return the family of a pack by its file name, or the name itself if it is not that of a pack."""
    match = _NAME.fullmatch(pack)
    return match[1] if match else pack


def new_pack_name(family: str) -> str:
    """Return the name for a new pack of a family."""
    return f"{family}.{secrets.token_hex(4)}.pack"


def served_text(source: bytes) -> bytes:
    """Return the bytes that Node compiles: the file without a byte order mark."""
    return source.removeprefix(BYTE_ORDER_MARK)


def why_not_packed(kind: ServedKind, source: bytes) -> str:
    """Return why a module cannot be served because of its content, or ''."""
    if kind not in ES_MODULE_KINDS and source.startswith(BYTE_ORDER_MARK):
        # The text that a program gets depends on how it asks and on Node's version.
        return "a byte order mark in what is no ES module"
    return "" if kind is ServedKind.COMMONJS or is_utf8_source(source) else "not valid UTF-8"


def is_utf8_source(source: bytes) -> bool:
    """Return whether a file's content is UTF-8."""
    if source.isascii():
        return True
    try:
        source.decode()
    except UnicodeDecodeError:
        return False
    return True


def append_sources(directory: Path, family: str, sources: Sequence[tuple[bytes, bytes]]) -> list[PackedSource]:
    """Append sources to the family's pack and return the place of each.

    Args:
        sources: Pairs of the SHA-256 of a file and its content, which must be valid UTF-8.

    Raises:
        OSError: If the pack cannot be written; it is then unchanged.
    """
    with pack_lock(directory):
        name = current_pack(directory, family) or new_pack_name(family)
        size = pack_size(directory, name)
        parts: list[bytes] = []
        if size == 0:
            parts.append(pack_header())
        elif size % 8:
            # A writer was stopped in the middle of its append. Readers skip the incomplete entry.
            parts.append(b"\0" * (-size % 8))
        at = size + sum(map(len, parts))
        placed: list[PackedSource] = []
        for digest, source in sources:
            text, one_byte = _packed(source)
            place = PackedSource(name, at + ENTRY_HEADER_SIZE, len(text), crc32(text), one_byte)
            entry = packed_entry(digest, text, place)
            parts.append(entry)
            placed.append(place)
            at += len(entry)
        _append(directory / name, size, b"".join(parts))
    return placed


@contextlib.contextmanager
def pack_lock(directory: Path) -> Iterator[None]:
    """Hold the lock that excludes other writers of the packs in a directory."""
    with exclusive_lock(directory / ".lock"):
        yield


def pack_header() -> bytes:
    """Return the bytes at the beginning of a pack."""
    return _PACK_HEADER.pack(PACK_MAGIC, PACK_VERSION, 0, 0)


def packed_entry(digest: bytes, text: bytes, place: PackedSource) -> bytes:
    """Return the bytes of an entry: header, packed text, and zeros up to the start of the next entry."""
    return _entry_header(digest, place) + text + b"\0" * (-len(text) % 8)


def _entry_header(digest: bytes, place: PackedSource) -> bytes:
    flags = ENTRY_ONE_BYTE if place.one_byte else 0
    return _ENTRY_HEADER.pack(ENTRY_MAGIC, place.length, place.checksum, flags, digest)


def entry_size(length: int) -> int:
    """Return the size in bytes of the entry of a text with this length."""
    return ENTRY_HEADER_SIZE + length + -length % 8


def current_pack(directory: Path, family: str) -> str:
    """Return the name of the family's pack that takes new sources, or '' if it has none.

    Files of the family that are alien or damaged are removed: nothing may depend on them.
    """
    found = []
    for name in os.listdir(directory) if directory.is_dir() else ():
        if name.startswith(family) and family_of(name) == family and name.endswith(".pack"):
            path = directory / name
            if pack_size(directory, name) and is_pack(path):
                found.append((path.lstat().st_mtime_ns, name))
            else:
                remove_any(path)
    return max(found)[1] if found else ""


def _append(path: Path, size: int, content: bytes) -> None:
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
            file.write(content)
        path.chmod(0o600)
    except BaseException as error:
        # Otherwise the next entry would be written after half an entry.
        with contextlib.suppress(OSError):
            if size:
                os.truncate(path, size)
            else:
                path.unlink()
        if isinstance(error, OSError):
            # The error of a full disk does not name the file.
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
    """Return the source that was packed, without byte order mark, or b"" if the text cannot be decoded."""
    if one_byte and text.isascii():
        return text
    try:
        return text.decode("latin-1" if one_byte else "utf-16-le").encode()
    except UnicodeError:
        return b""


def read_source(directory: Path, source: PackedSource) -> bytes | None:
    """Return the source at a place in a pack, without byte order mark, or None if absent or its checksum is wrong."""
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
    """Return the fingerprint of the pack's file, or None if it does not exist."""
    try:
        return fingerprint((directory / name).lstat())
    except OSError:
        return None


def sound_pack(directory: Path, name: str, sources: Iterable[tuple[bytes, PackedSource]]) -> Fingerprint | None:
    """Return the fingerprint of the pack's file if all of it is sound and it holds these sources, else None.

    Every text in the pack is compared with its SHA-256.

    Args:
        sources: Pairs of the SHA-256 of a file and the place of its source.
    """
    seen = pack_fingerprint(directory, name)
    content = read_regular(directory / name)
    if content is None:
        return None
    held = set()
    for found in _scan(content, name):
        if isinstance(found, PackFault):
            return None
        digest, place = found
        text = content[place.offset : place.offset + place.length]
        if not is_source_of(digest, _unpacked(text, one_byte=place.one_byte)):
            return None
        held.add(found)
    return seen if held.issuperset(sources) else None


def held_places(
    directory: Path, name: str, wanted: Iterable[tuple[bytes, PackedSource]], proven: Fingerprint | None
) -> Iterator[tuple[bytes, PackedSource]]:
    """Yield each pair of `wanted` whose source is at that place in the pack `name`.

    While the pack has the fingerprint `proven`, only the header of each entry is compared; otherwise also the SHA-256
    of each text.

    Args:
        wanted: Pairs of the SHA-256 of a file and the place of its source.
        proven: The fingerprint of the pack's file when all its sources were found to be sound, or None.
    """
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or why_alien(status):
            return
        is_proven = proven is not None and fingerprint(status) == proven
        for digest, place in wanted:
            if not PACK_HEADER_SIZE + ENTRY_HEADER_SIZE <= place.offset <= status.st_size - place.length:
                continue
            try:
                header = _entry_header(digest, place)
            except struct.error:
                # No entry can have such numbers.
                continue
            if os.pread(descriptor, ENTRY_HEADER_SIZE, place.offset - ENTRY_HEADER_SIZE) != header:
                continue
            if is_proven or text_at(descriptor, digest, place) is not None:
                yield digest, place
    except OSError:
        return
    finally:
        os.close(descriptor)


def text_at(descriptor: int, digest: bytes, place: PackedSource) -> bytes | None:
    """Return the packed text at a place in an open pack, or None if it is not that source.

    Args:
        descriptor: A file descriptor of the pack.
        digest: The SHA-256 of the source's file.

    Raises:
        OSError: If the pack cannot be read.
    """
    text = os.pread(descriptor, place.length, place.offset)
    if crc32(text) != place.checksum or not is_source_of(digest, _unpacked(text, one_byte=place.one_byte)):
        return None
    return text


def is_source_of(digest: bytes, source: bytes) -> bool:
    """Return whether a source without byte order mark comes from the file with this SHA-256."""
    return digest in (sha256(source).digest(), sha256(BYTE_ORDER_MARK + source).digest())


def scan_pack(path: Path) -> Iterator[tuple[bytes, PackedSource] | PackFault]:
    """Yield each entry's SHA-256 and place, and each fault, in file order; only a regular file can have a header."""
    yield from _scan(read_regular(path) or b"", path.name)


def _scan(content: bytes, name: str) -> Iterator[tuple[bytes, PackedSource] | PackFault]:
    if len(content) < _PACK_HEADER.size or _PACK_HEADER.unpack_from(content)[:2] != (PACK_MAGIC, PACK_VERSION):
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
            yield digest, PackedSource(name, start, length, check, bool(flags & ENTRY_ONE_BYTE))
            at = start + length + -length % 8
            continue
        yield PackFault.TRUNCATED if magic == ENTRY_MAGIC and len(text) < length else PackFault.CHECKSUM
        at = _next_entry(content, at + 8)


def _next_entry(content: bytes, at: int) -> int:
    # After a damaged entry, the next one starts at a later multiple of 8.
    magic = struct.pack("<I", ENTRY_MAGIC)
    found = content.find(magic, at)
    while found >= 0 and found % 8:
        found = content.find(magic, found + 1)
    return found if found >= 0 else len(content)


def is_pack(path: Path) -> bool:
    """Return whether a file begins like a pack of this version.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_PACK_HEADER.size)
    return len(head) == _PACK_HEADER.size and _PACK_HEADER.unpack(head)[:2] == (PACK_MAGIC, PACK_VERSION)


def pack_size(directory: Path, name: str) -> int:
    """Return the pack's size in bytes, or 0 unless it is a regular file that no other user can write."""
    try:
        status = os.lstat(directory / name)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and not why_alien(status) else 0
