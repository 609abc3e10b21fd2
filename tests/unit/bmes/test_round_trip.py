"""Encoding and decoding are inverse, and damaged bytes are reported and not accepted."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmes_values import every_form, files
from esmcache.bmes import BmesFile, BmesRequest, BmesTrailer, Damage, ValidationLevel, decode, encode


def check_damage(data: bytes, level: ValidationLevel, reason: str) -> None:
    damage = decode(data)
    assert isinstance(damage, Damage)
    assert damage.level is level
    assert reason in damage.reason


@given(files())
def test_a_file_survives_its_bytes(file: BmesFile) -> None:
    assert decode(encode(file)) == file


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_damage(data: bytes) -> None:
    assert isinstance(decode(data), Damage)
    assert isinstance(decode(struct.pack("<II", 0x424D4553, 1) + data), BmesFile | Damage)


@given(files(), st.data())
def test_a_changed_byte_is_decoded_or_reported_as_damage(file: BmesFile, data: st.DataObject) -> None:
    content = bytearray(encode(file))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    decoded = decode(bytes(content))
    if isinstance(decoded, BmesFile) and all(request.attributes for request in decoded.requests):
        assert encode(dataclasses.replace(decoded, trailer=None)) in bytes(content)


def test_truncated_files_are_damage() -> None:
    file = every_form()
    data = encode(file)
    without_trailer = len(encode(dataclasses.replace(file, trailer=None)))
    for size in range(len(data)):
        # The prefix that a version 1 reader needs is itself a valid file.
        assert isinstance(decode(data[:size]), BmesFile) == (size == without_trailer), size


def test_header_is_checked_before_anything_else() -> None:
    data = encode(BmesFile())
    check_damage(b"", ValidationLevel.HEADER, "shorter than a header")
    check_damage(b"\0" + data[1:], ValidationLevel.HEADER, "the magic is")
    check_damage(data[:4] + struct.pack("<I", 2) + data[8:], ValidationLevel.HEADER, "the version is 2")


def test_counts_beyond_the_end_of_the_file_are_damage() -> None:
    header = struct.pack("<II", 0x424D4553, 1)
    check_damage(header + struct.pack("<I", 0xFFFFFFFF), ValidationLevel.STRUCTURE, "4294967295 entries")
    counts = struct.pack("<IIII", 0, 0, 0, 3) + bytes(11)
    check_damage(header + counts, ValidationLevel.STRUCTURE, "3 entries")


def test_unknown_types_are_damage() -> None:
    header = struct.pack("<II", 0x424D4553, 1)
    check_damage(header + struct.pack("<IIIIII", 0, 1, 3, 0, 0, 0), ValidationLevel.STRUCTURE, "ImportType")
    exports = struct.pack("<IIIIIIII", 0, 0, 1, 7, 0, 0, 0, 0)
    check_damage(header + exports, ValidationLevel.STRUCTURE, "7 is no ExportType")
    requests = struct.pack("<III", 1, 0, 2) + bytes(20)
    check_damage(header + requests, ValidationLevel.STRUCTURE, "2 is neither 0 nor 1")


def test_text_is_utf8() -> None:
    data = encode(BmesFile(stars=("abc",)))
    check_damage(data.replace(b"abc", b"a\xffc"), ValidationLevel.STRUCTURE, "not UTF-8")


def test_bytes_after_the_bytecode_are_a_trailer_or_damage() -> None:
    data = encode(every_form())
    check_damage(data + b"\0", ValidationLevel.STRUCTURE, "")
    check_damage(data[:-1] + b"\0", ValidationLevel.STRUCTURE, "closing magic")
    check_damage(data[:-8] + struct.pack("<I", 1) + data[-4:], ValidationLevel.STRUCTURE, "length is not")
    check_damage(encode(BmesFile()) + bytes(5000), ValidationLevel.STRUCTURE, "are no trailer")


@pytest.mark.parametrize(
    "file",
    [
        BmesFile(requests=(BmesRequest("\ud800"),)),
        BmesFile(trailer=BmesTrailer("module", "node", b"short")),
        BmesFile(trailer=BmesTrailer("module", "n" * 5000, bytes(32))),
    ],
    ids=["lone surrogate", "short hash", "long trailer"],
)
def test_encode_refuses_values_that_decode_would_reject(file: BmesFile) -> None:
    with pytest.raises(ValueError, match=r"surrogates|32 bytes|trailer"):
        encode(file)
