"""Damage to one file: faults of a disk, and changes by a writer who makes the checksums right."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from zlib import crc32

from esmcache.serving import layout

_PACK_HEADER_SIZE = 16
_ENTRY_HEADER = struct.Struct("<4I")
_SHA256_SIZE = 32
# For each table of a manifest: the word of its header with the count of rows (the next has the offset), and the width
# of a row in u32.
_TABLES = {
    "modules": (4, 12),
    "requests": (6, 6),
    "sets": (8, 2),
    "members": (10, 1),
    "inputs": (12, 6),
    "packs": (14, 3),
}
# The fields of a row that are places or counts, which the tables limit.
_PLACES = {
    "modules": (0, 1, 2, 3, 4, 6, 7, 8, 10, 11),
    "requests": (0, 1, 3, 4, 5),
    "sets": (0, 1),
    "members": (0,),
    "inputs": (0, 1, 2, 3, 4, 5),
    "packs": (0, 1, 2),
}
_BEYOND = (0xFFFFFFFE, 0x80000000, 0x7FFFFFFF, 0x10000000, 0x1000000)


def flipped(content: bytes, random: Random) -> bytes:
    """Return the content with up to eight bits flipped."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def truncated(content: bytes, random: Random) -> bytes:
    """Return a prefix of the content, possibly empty."""
    return content[: random.randrange(len(content))]


def grown(content: bytes, random: Random) -> bytes:
    """Return the content with up to 4 KiB appended: random bytes, zeros, or its own beginning."""
    more = random.randrange(1, 4096)
    return content + random.choice([random.randbytes(more), bytes(more), content[:more]])


def zeroed(content: bytes, random: Random) -> bytes:
    """Return the content with zeros in one place or everywhere."""
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    if random.random() < 0.2:
        start, end = 0, len(content)
    return content[:start] + bytes(end - start) + content[end:]


def overwritten(content: bytes, random: Random) -> bytes:
    """Return the content with random bytes in one place."""
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + random.randbytes(end - start) + content[end:]


def forged_manifest(content: bytes, random: Random) -> bytes:
    """Return a manifest with an out-of-range number, or a changed hash or fact, and a correct checksum."""
    if len(content) < layout.HEADER_SIZE:
        return flipped(content, random) if content else b"\0"
    changed = bytearray(content)
    header = struct.unpack_from("<32I", content)
    kind = random.choice(["header", "facts", "hashes", *_TABLES])
    if kind == "header":
        struct.pack_into("<I", changed, 4 * random.randrange(4, 20), random.choice(_BEYOND))
    elif kind in ("facts", "hashes"):
        at = header[16 if kind == "facts" else 17] + random.randrange(_SHA256_SIZE * max(1, header[4]))
        changed[min(at, len(changed) - 1)] ^= random.randrange(1, 256)
    else:
        word, width = _TABLES[kind]
        if header[word]:
            row = header[word + 1] + 4 * width * random.randrange(header[word])
            struct.pack_into("<I", changed, row + 4 * random.choice(_PLACES[kind]), random.choice(_BEYOND))
    struct.pack_into("<I", changed, 12, crc32(memoryview(changed)[16:]))
    return bytes(changed)


def forged_pack(content: bytes, random: Random) -> bytes:
    """Return a pack with one entry's text or SHA-256 changed and a correct checksum."""
    places = []
    at = _PACK_HEADER_SIZE
    while at + _ENTRY_HEADER.size + _SHA256_SIZE <= len(content):
        magic, length, _, _ = _ENTRY_HEADER.unpack_from(content, at)
        if magic != layout.ENTRY_MAGIC:
            break
        places.append((at, length))
        at += _ENTRY_HEADER.size + _SHA256_SIZE + length + -length % 8
    if not places:
        return flipped(content, random) if content else b"\0"
    changed = bytearray(content)
    at, length = random.choice(places)
    text = at + _ENTRY_HEADER.size + _SHA256_SIZE
    # Only one of them changes: a writer with the user's rights and correct SHA-256s can write whatever is served.
    if random.random() < 0.2 or length < 8:
        changed[at + _ENTRY_HEADER.size + random.randrange(_SHA256_SIZE)] ^= random.randrange(1, 256)
        return bytes(changed)
    end = min(text + length, len(changed))
    for _ in range(random.randint(1, 4)):
        changed[random.randrange(text, end)] = random.choice(b"0123456789abcdefghijklmnopqrstuvwxyz ;=(){}'")
    if random.random() < 0.3:
        changed[text:end] = _with_checksum(changed[text:end], random, crc32(content[text:end]))
    struct.pack_into("<I", changed, at + 8, crc32(memoryview(changed)[text:end]))
    return bytes(changed)


def _with_checksum(text: bytearray, random: Random, checksum: int) -> bytearray:
    """Return the text with four bytes changed to give it the checksum; CRC-32 is linear, so an equation gives them."""
    at = random.randrange(len(text) - 3)
    wanted = crc32(text) ^ checksum
    # The key is the highest bit of an effect on the checksum; the value is the effect and the flipped bits.
    solved: dict[int, tuple[int, int]] = {}
    for bit in range(32):
        flipped_text = bytearray(text)
        flipped_text[at + bit // 8] ^= 1 << bit % 8
        effect, bits = crc32(text) ^ crc32(flipped_text), 1 << bit
        while effect:
            known = solved.get(effect.bit_length())
            if known is None:
                solved[effect.bit_length()] = effect, bits
                break
            effect, bits = effect ^ known[0], bits ^ known[1]
    bits = 0
    while wanted:
        effect, more = solved[wanted.bit_length()]
        wanted, bits = wanted ^ effect, bits ^ more
    for byte in range(4):
        text[at + byte] ^= bits >> 8 * byte & 0xFF
    return text


Change = Callable[[bytes, Random], bytes]
_CHANGES: Sequence[Change] = (flipped, truncated, grown, zeroed, overwritten)
_FORGED: dict[str, Change] = {"manifests": forged_manifest, "packs": forged_pack}


def damaged(path: Path, kind: str, others: Sequence[Path], random: Random) -> tuple[str, bytes | None]:
    """Return the kind of damage done to a file, and its new content, or None if the file is removed.

    `others` are files of the same kind.
    """
    content = path.read_bytes()
    chance = random.random()
    if kind in _FORGED and chance < 0.5:
        return "forged", _FORGED[kind](content, random)
    if chance < 0.6:
        return "removed", None
    if others and chance < 0.72:
        return "swapped", random.choice(others).read_bytes()
    if not content:
        return "grown", random.randbytes(random.randrange(1, 4096))
    change = random.choice(_CHANGES)
    return change.__name__, change(content, random)


def put(path: Path, content: bytes | None, random: Random) -> None:
    """Replace a file's content, in the same or a new file, sometimes with the old times; None removes it.

    The file's directory may be read-only, as those of code caches are.
    """
    status, directory = path.stat(), path.parent.stat()
    if content is None or random.random() < 0.5:
        path.parent.chmod(0o700)
        path.unlink()
    if content is not None:
        path.touch(0o600)
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.truncate()
            file.write(content)
        path.chmod(status.st_mode & 0o7777)
        if random.random() < 0.5:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    if path.parent.stat().st_mode != directory.st_mode:
        path.parent.chmod(directory.st_mode & 0o7777)
