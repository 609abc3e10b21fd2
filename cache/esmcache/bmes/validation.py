"""Validation of BMES files, in levels of increasing strictness: header, structure, integrity, freshness."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from esmcache.bmes.decoder import Damage, decode
from esmcache.bmes.format import HASH_SIZE, U32_SIZE, ValidationLevel


@dataclass(frozen=True, slots=True)
class Validation:
    """The highest level that a file passes, and why it fails the next one (empty at the highest)."""

    level: ValidationLevel
    reason: str


def validate(data: bytes, *, source_sha256: bytes | None = None, engine_tag: str | None = None) -> Validation:
    """Return the highest level that `data` passes, and why it fails the next one.

    Freshness needs at least one of the two values to compare with.

    Args:
        source_sha256: The SHA-256 that the trailer must have, or None to accept any.
        engine_tag: The engine that the trailer must have, or None to accept any.
    """
    file = decode(data)
    if isinstance(file, Damage):
        return Validation(ValidationLevel(file.level - 1), file.reason)
    trailer = file.trailer
    if trailer is None:
        return Validation(ValidationLevel.STRUCTURE, "there is no trailer")
    checksum_offset = len(data) - 2 * U32_SIZE - HASH_SIZE
    checksum = data[checksum_offset : checksum_offset + HASH_SIZE]
    if not hmac.compare_digest(checksum, hashlib.sha256(memoryview(data)[:checksum_offset]).digest()):
        return Validation(ValidationLevel.STRUCTURE, "the checksum is not that of the content")
    if source_sha256 is None and engine_tag is None:
        return Validation(ValidationLevel.INTEGRITY, "no source and no engine are given to compare with")
    if source_sha256 is not None and source_sha256 != trailer.source_sha256:
        return Validation(ValidationLevel.INTEGRITY, "the source has another SHA-256")
    if engine_tag is not None and engine_tag != trailer.engine_tag:
        reason = f"it was made for {trailer.engine_tag!r}, not for {engine_tag!r}"
        return Validation(ValidationLevel.INTEGRITY, reason)
    return Validation(ValidationLevel.FRESHNESS, "")
