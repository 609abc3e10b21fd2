"""The four levels of validation, each stricter than the one before."""

from __future__ import annotations

import dataclasses

from bmes_values import every_form
from esmcache.bmes import BmesFile, ValidationLevel, encode, validate

SOURCE = bytes(range(32))
ENGINE = "node-v24.19.0-x64-1a2b3c4d"


def check_level(data: bytes, level: ValidationLevel, reason: str) -> None:
    validation = validate(data, source_sha256=SOURCE, engine_tag=ENGINE)
    assert validation.level is level
    assert reason in validation.reason
    assert bool(validation.reason) == (level is not ValidationLevel.FRESHNESS)


def test_a_whole_fresh_file_passes_every_level() -> None:
    check_level(encode(every_form()), ValidationLevel.FRESHNESS, "")


def test_a_file_without_a_header_passes_none() -> None:
    check_level(b"SEMB", ValidationLevel.NONE, "shorter than a header")


def test_a_file_with_a_header_alone_passes_that_level() -> None:
    check_level(encode(BmesFile())[:-1], ValidationLevel.HEADER, "")


def test_a_file_without_a_trailer_passes_structure() -> None:
    data = encode(dataclasses.replace(every_form(), trailer=None))
    check_level(data, ValidationLevel.STRUCTURE, "no trailer")


def test_no_changed_byte_passes_integrity() -> None:
    data = encode(every_form())
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= 1
        assert validate(bytes(changed)).level < ValidationLevel.INTEGRITY, offset


def test_freshness_needs_something_to_compare_with() -> None:
    data = encode(every_form())
    assert validate(data).level is ValidationLevel.INTEGRITY
    assert validate(data, source_sha256=SOURCE).level is ValidationLevel.FRESHNESS
    assert validate(data, engine_tag=ENGINE).level is ValidationLevel.FRESHNESS


def test_another_source_or_engine_is_not_fresh() -> None:
    data = encode(every_form())
    other_source = validate(data, source_sha256=bytes(32), engine_tag=ENGINE)
    assert (other_source.level, other_source.reason) == (
        ValidationLevel.INTEGRITY,
        "the source has another SHA-256",
    )
    other_engine = validate(data, source_sha256=SOURCE, engine_tag="node-v26.0.0-x64-00000000")
    assert other_engine.level is ValidationLevel.INTEGRITY
    assert ENGINE in other_engine.reason
