"""A part of `make conformance` that takes seconds: we accept the modules that engines accept, and read them alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.comparison import rows_of
from conformance.inputs import (
    InputSet,
    Module,
    hard_case_files,
    parser_tests,
    real_files,
    typescript_case_files,
    typescript_files,
)
from conformance.known import below_bar
from conformance.typescript import TypeScriptComparison, compare_typescript, sum_of

NODE = Path(__file__).parent.parent / ".cache" / "node" / "node24"
pytestmark = pytest.mark.usefixtures("esmcache_home")


def check_reaches_the_bar(inputs: InputSet) -> None:
    assert [failure for row in rows_of(inputs, NODE) for failure in below_bar(row)] == []


def check_typescript(inputs: InputSet, directory: Path) -> TypeScriptComparison:
    compared = compare_typescript(inputs, directory, NODE)
    assert [*(failure for row in compared.rows for failure in below_bar(row)), *compared.faults] == []
    return compared


def test_real_files_are_read_as_the_engines_read_them() -> None:
    check_reaches_the_bar(real_files(200))


def test_parser_tests_of_test262_are_read_as_the_engines_read_them() -> None:
    check_reaches_the_bar(parser_tests(600))


def test_hard_cases_are_read_as_the_engines_read_them(tmp_path: Path) -> None:
    check_reaches_the_bar(hard_case_files(tmp_path, limit=1500))


def test_typescript_is_read_as_the_engines_read_what_node_makes_of_it(tmp_path: Path) -> None:
    total = sum_of("all", check_typescript(typescript_files(60), tmp_path).packages)
    assert total.files == 60
    assert total.equal > total.refused_by_node > 0


def test_hard_typescript_is_read_as_the_engines_read_what_node_makes_of_it(tmp_path: Path) -> None:
    check_typescript(typescript_case_files(tmp_path), tmp_path)


@pytest.mark.parametrize("name", ["a'b", "U+2028: \u2028", "line\nend", "\U0001f600"])
def test_names_are_compared_as_they_are(tmp_path: Path, name: str) -> None:
    written = "".join(f"\\u{{{ord(character):x}}}" for character in name)
    file = tmp_path / "names.mjs"
    file.write_text(f"export {{'{written}' as x, y as '{written}'}} from '{written}'; export * from '{written}'")
    check_reaches_the_bar(InputSet("names", (Module(file, name),)))
