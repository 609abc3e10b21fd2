"""A part of `make conformance` that takes seconds: we accept the modules that engines accept, and read them alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.__main__ import rows_of
from conformance.inputs import InputSet, Module, hard_case_files, parser_tests, real_files
from conformance.known import below_bar

NODE = Path(__file__).parent.parent / ".cache" / "node" / "node24"


def check_reaches_the_bar(inputs: InputSet) -> None:
    assert [failure for row in rows_of(inputs, NODE) for failure in below_bar(row)] == []


def test_real_files_are_read_as_the_engines_read_them() -> None:
    check_reaches_the_bar(real_files(200))


def test_parser_tests_of_test262_are_read_as_the_engines_read_them() -> None:
    check_reaches_the_bar(parser_tests(600))


def test_hard_cases_are_read_as_the_engines_read_them(tmp_path: Path) -> None:
    check_reaches_the_bar(hard_case_files(tmp_path, limit=1500))


@pytest.mark.parametrize("name", ["a'b", "U+2028: \u2028", "line\nend", "\U0001f600"])
def test_names_are_compared_as_they_are(tmp_path: Path, name: str) -> None:
    written = "".join(f"\\u{{{ord(character):x}}}" for character in name)
    file = tmp_path / "names.mjs"
    file.write_text(f"export {{'{written}' as x, y as '{written}'}} from '{written}'; export * from '{written}'")
    check_reaches_the_bar(InputSet("names", (Module(file, name),)))
