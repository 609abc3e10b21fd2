"""BmesFile to bytes."""

from __future__ import annotations

import hashlib
import struct

from esmcache.bmes.format import (
    CLOSING_MAGIC,
    HASH_SIZE,
    LARGEST_FILE_SIZE,
    LARGEST_TRAILER_SIZE,
    MAGIC,
    U32_SIZE,
    VERSION,
    BmesFile,
    BmesTrailer,
)


def encode(file: BmesFile) -> bytes:
    """Return the file's bytes.

    Raises:
        ValueError: If no reader would accept them: a text has lone surrogates, a hash is not 32 bytes, or a size is
            beyond the format's limits.
    """
    out = bytearray(_u32(MAGIC) + _u32(VERSION))
    out += _u32(len(file.requests))
    for request in file.requests:
        out += _string(request.specifier)
        out += _u32(1 if request.attributes else 0)
        if request.attributes:
            out += _u32(len(request.attributes))
            for attribute in request.attributes:
                out += _string(attribute.key) + _string(attribute.value)
    out += _u32(len(file.imports))
    for imported in file.imports:
        out += _u32(imported.type) + _string(imported.module_request)
        out += _string(imported.import_name) + _string(imported.local_name)
    out += _u32(len(file.exports))
    for exported in file.exports:
        out += _u32(exported.type) + _string(exported.export_name) + _string(exported.module_name)
        out += _string(exported.import_name) + _string(exported.local_name)
    out += _u32(len(file.stars))
    for star in file.stars:
        out += _string(star)
    out += _u32(len(file.bytecode)) + file.bytecode
    if file.trailer is not None:
        _append_trailer(out, file.trailer)
    if len(out) > LARGEST_FILE_SIZE:
        raise ValueError(f"{len(out)} bytes are more than a BMES file may have")
    return bytes(out)


def _append_trailer(out: bytearray, trailer: BmesTrailer) -> None:
    if len(trailer.source_sha256) != HASH_SIZE:
        raise ValueError(f"a SHA-256 has {HASH_SIZE} bytes, not {len(trailer.source_sha256)}")
    start = len(out)
    out += _string(trailer.module_kind) + _string(trailer.engine_tag) + trailer.source_sha256
    out += hashlib.sha256(out).digest()
    size = len(out) + 2 * U32_SIZE - start
    if size > LARGEST_TRAILER_SIZE:
        raise ValueError(f"{size} bytes are more than a BMES trailer may have")
    out += _u32(size) + _u32(CLOSING_MAGIC)


def _u32(value: int) -> bytes:
    try:
        return struct.pack("<I", value)
    except struct.error as error:
        raise ValueError(f"{value} is no u32") from error


def _string(text: str) -> bytes:
    content = text.encode("utf-8")
    return _u32(len(content)) + content
