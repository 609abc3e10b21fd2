"""The places of called functions after an edit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esmcache.build.called_functions import moved_offsets

LINES = st.lists(st.text(alphabet="ab🦜é", max_size=3), max_size=30)


def _line_starts(lines: list[str]) -> list[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line.encode("utf-16-le")) // 2 + 1
    return starts


def _text(lines: list[str]) -> bytes:
    return "\n".join(lines).encode()


def _line_at(text: bytes, offset: int) -> str:
    rest = text.decode().encode("utf-16-le")[offset * 2 :]
    return rest.decode("utf-16-le").split("\n", 1)[0]


@given(LINES, LINES)
def test_a_moved_offset_is_in_an_equal_line(before: list[str], after: list[str]) -> None:
    old, new = _text(before), _text(after)
    starts = _line_starts(before)
    for start in starts:
        for moved in moved_offsets([start], old, new):
            assert _line_at(new, moved) == _line_at(old, start)


@given(LINES, LINES, LINES)
def test_lines_around_an_edit_are_found_again(above: list[str], edit: list[str], below: list[str]) -> None:
    before = [*above, "function called() {", *below]
    after = [*above, *edit, "function called() {", *below]
    start = _line_starts(before)[len(above)]
    assert len(moved_offsets([start], _text(before), _text(after))) == 1


def test_functions_between_two_edits_are_found_again() -> None:
    before = "import a from 'a';\nfunction f() {\n  return a;\n}\nf();\n"
    after = "import a from 'a';\nimport b from 'b'; // 🦜\nfunction f() {\n  return a + b;\n}\nf();\n"
    start = before.index("f() {\n")
    (moved,) = moved_offsets([start, before.index("  return")], before.encode(), after.encode())
    # The parrot has two UTF-16 code units, but is one character in Python.
    assert moved == after.index("f() {\n") + 1


def test_a_rewritten_text_is_not_searched_at_length() -> None:
    before = "\n".join(f"function f{i}() {{}}" for i in range(5000)).encode()
    after = "\n".join(f"function g{i}() {{}}" for i in range(5000)).encode()
    assert moved_offsets([0, 100], before, b"first\n" + after) == ()
