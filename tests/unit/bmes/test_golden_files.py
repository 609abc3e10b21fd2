"""Golden files: bytes that must stay decodable forever, next to hexadecimal text for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bmes_values import every_form
from esmcache.bmes import BmesFile, BmesImport, BmesRequest, ImportType, decode, encode

GOLDEN = Path(__file__).parents[2] / "golden" / "bmes"
EXPECTED = {
    "empty": BmesFile(),
    "every-form": every_form(),
    # The first implementation wrote this for attributes: they are present, but there are none.
    "attributes-stub": BmesFile(
        requests=(BmesRequest("./a.json"),),
        imports=(BmesImport(ImportType.SINGLE, "./a.json", "default", "a"),),
    ),
}


def bytes_of_annotated_hex(text: str) -> bytes:
    """Return the bytes at the beginning of each line; two spaces end them, and # begins a comment line."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return b"".join(bytes.fromhex(re.split(" {2,}", line)[0]) for line in lines)


def test_every_golden_file_has_an_expected_value() -> None:
    assert {path.stem for path in GOLDEN.glob("*.bin")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_annotated_hex_is_the_file(name: str) -> None:
    annotated = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert bytes_of_annotated_hex(annotated) == (GOLDEN / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_golden_file_decodes(name: str) -> None:
    assert decode((GOLDEN / f"{name}.bin").read_bytes()) == EXPECTED[name]


@pytest.mark.parametrize("name", ["empty", "every-form"])
def test_a_golden_file_is_written_again(name: str) -> None:
    assert encode(EXPECTED[name]) == (GOLDEN / f"{name}.bin").read_bytes()
