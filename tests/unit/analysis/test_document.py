"""An edited document has the same analysis as a new document with its text, mostly without a new parse of all of it."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import EVERYTHING, PROJECT
from esmcache.analysis import Analysis, Document, Edit, analyse_module
from esmcache.spans import ColumnUnit, LineIndex, Position, Span

PACKAGES = PROJECT / "tests" / "fixtures" / "packages" / "node_modules"

# Texts that break a module, repair it, or change the meaning of the statements around them.
FRAGMENTS = (
    *("{", "}", "(", ")", "[0]", "'", "`", "/*", "*/", "//", "/", "<!--", "-->", "++", "=>", ".", ",", "?", ":", "="),
    *(";", "\n", "\r", "\r\n", "\u2028", "\ufeff", "é", "😀", "#!x\n", "\nfrom 'a'", "\n(b)", "\n`x`", "{a}", " as "),
    *(
        "import a from 'x';\n",
        "import {b as c} from 'y'\n",
        "import 'x';",
        "import('q')",
        "import",
        "in ",
        "if(a)",
        "else",
    ),
    *("export {c};", "export {a, b as d}\n", "export * from 'z'\n", "export default ", "export", "default", "from 'z'"),
    *("let a;", "var a;", "const a=1,", "function f(){", "class A{#x}", "async ", "static", "await", "await x;", "#x"),
    *("break;", "continue a;", "a: ", "for(;;)", "return;", "delete x;", "with(a){}", "with {type:'json'}", "010"),
    *("new.target", "new Worker(new URL('./w',import.meta.url))", "async()=>{await 1}", "x.#y;", "'\\1';"),
)
WRITTEN = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("\n".join)

# Nested functions, mostly without syntax errors.
STATEMENTS = (
    *(
        "f();\n",
        "a\n",
        "(b)\n",
        "let v = 1;\n",
        "if (a) b; else c\n",
        "// d\n",
        "/* e */",
        "import('q');\n",
        "a: a: b;\n",
    ),
    *("this.#p;\n", "break;\n", "for (;;) { break; }\n", "await 1;\n", "arguments;\n", "return;\n", "import 'x';\n"),
)
AROUND = (
    *("function f() {\n%s}\n", "x = () => {\n%s}\n", "f(async function () {%s});\n", "o = { m() {%s}, n: 1 };\n"),
    *("class A { #p; m() {%s} #p; static {%s} }\n", "a: for (;;) {%s}\n", "if (a) {%s} else b()\n"),
)
NESTED = st.recursive(
    st.sampled_from(STATEMENTS),
    lambda inner: st.builds(
        lambda around, content: around.replace("%s", "".join(content)),
        st.sampled_from(AROUND),
        st.lists(inner, min_size=2, max_size=6),
    ),
    max_leaves=30,
)
NESTED_TEXTS = st.lists(NESTED, min_size=4, max_size=16).map("".join)


@cache
def real_files() -> tuple[bytes, ...]:
    """Return some small texts of packages; they are small so that many can be tried."""
    paths = sorted(path for suffix in ("js", "mjs") for path in PACKAGES.rglob(f"*.{suffix}"))
    small = [path for path in paths if 200 < path.stat().st_size < 20_000]
    return tuple(path.read_bytes() for path in random.Random(7).sample(small, 120))


def spans(analysis: Analysis) -> list[Span | None]:
    """Return all spans of a record, since comparing records ignores them."""
    record = analysis.record
    exports = (*record.local_export_entries, *record.indirect_export_entries, *record.star_export_entries)
    requests = [entry.module_request for entry in record.import_entries]
    requests += [entry.module_request for entry in exports if entry.module_request]
    return [
        *[item.span for item in (*record.requested_modules, *requests)],
        *[item.span for item in record.import_entries],
        *[item.span for item in exports],
        *[item.span for item in record.calls],
    ]


def check_analysis(document: Document) -> None:
    """Assert that the document's analysis equals that of its text."""
    analysis, fresh = document.analysis(), analyse_module(document.source)
    assert analysis == fresh
    assert spans(analysis) == spans(fresh)


def check_edit(text: str, edit: Edit, expected: str, unit: ColumnUnit = ColumnUnit.UTF16) -> None:
    """Assert that one edit turns `text` into `expected`."""
    document = Document(text.encode())
    document.edit([edit], unit)
    assert document.source.decode() == expected


@pytest.mark.parametrize(
    ("unit", "column"), [(ColumnUnit.UTF8, 6), (ColumnUnit.UTF16, 3), (ColumnUnit.UTF32, 2)], ids=lambda item: str(item)
)
def test_columns_are_in_the_unit_that_is_named(unit: ColumnUnit, column: int) -> None:
    edit = Edit(Position(1, column), Position(1, column + 1), "-")
    check_edit("a\né😀b\nc", edit, "a\né😀-\nc", unit)


def test_positions_beyond_the_text_are_its_ends() -> None:
    check_edit("a\nb", Edit(Position(0, 9), Position(7, 0), "!"), "a!")


def test_edits_build_on_one_another() -> None:
    document = Document(b"let a;\nlet b;\n")
    document.edit([Edit(Position(0, 0), Position(0, 0), "x;\n"), Edit(Position(1, 4), Position(1, 5), "b")])
    assert document.source == b"x;\nlet b;\nlet b;\n"
    (error,) = document.analysis().diagnostics
    assert error.span == Span(14, 15)


def test_an_edit_between_statements_parses_only_an_excerpt() -> None:
    lines = b"".join(b"export const a%d = import('./%d.js');\n" % (number, number) for number in range(500))
    document = Document(b"import 'a';\n" + lines)
    check_analysis(document)
    document.edit([Edit(Position(250, 0), Position(250, 0), "await f();\n")])
    check_analysis(document)
    assert not document.work.from_scratch
    assert document.work.bytes_analysed < 500


def test_a_repaired_text_is_not_parsed_from_scratch() -> None:
    document = Document(b"import 'a';\n" + b"f();\n" * 1000)
    check_analysis(document)
    document.replace(100, 100, b"{")
    check_analysis(document)
    assert document.work.from_scratch
    document.replace(100, 100, b"}")
    check_analysis(document)
    document.replace(100, 102, b"")
    check_analysis(document)
    assert not document.work.from_scratch


@pytest.mark.parametrize(
    ("before", "at", "old", "new"),
    [
        ("export {a}\nlet a", 10, "", " from 'b'"),
        ("export {a}\nfrom\n'b'", 11, "from", "let a;"),
        ("a\n(b)", 1, "", ";"),
        ("await 1; await 2", 0, "await 1", ""),
        ("await 1; f(async () => await 2)", 0, "await 1", ""),
        ("import {a} from 'a'; export {a}", 0, "import {a} from 'a'", "let a"),
        ("let a; f(); let b", 16, "b", "a"),
        ("import 'a'; f(); import 'a'", 0, "import 'a';", ""),
        ("#!x\nimport 'a'", 0, "#!x\n", ""),
        ("a = `\n`; b = `\n`", 6, "`", ""),
        ("f(); // import 'a'\nimport 'b'", 5, "//", "  "),
    ],
)
def test_effects_of_an_edit_elsewhere_are_found(before: str, at: int, old: str, new: str) -> None:
    assert before[at : at + len(old)] == old
    document = Document(before.encode())
    for start, removed, written in ((at, old, new), (at, new, old)):
        check_analysis(document)
        document.replace(start, start + len(removed.encode()), written.encode())
    check_analysis(document)
    assert document.source == before.encode()


MANY = b"f();\n" * 400


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        (b"await 1;\n" + MANY + b"g(async () => await 2);", b"await 1;", b""),
        (b"await 1;\n" + MANY + b"await 2;", b"await 1;", b""),
        (b"x;\n" + MANY + b"class A { #x; #x }", b"x;", b"xyz;"),
        (b"x;\n" + MANY + b"import {a} from 'a'; export {a, a as b, nobody}; let a", b"x;", b"let x;"),
        (MANY + b"// a import 'b'\n" + MANY, b" import", b"\rimport"),
        (MANY + b"import 'a';\n" + MANY + b"import 'a';", b"import 'a'", b"import 'b'"),
        (MANY + b"export {a}\n" + MANY + b"let a", b"export {a}\n", b"export {a}\nfrom 'b'\n"),
    ],
)
def test_spans_far_from_an_edit_are_shifted(before: bytes, old: bytes, new: bytes) -> None:
    document = Document(before)
    at = before.index(old)
    check_analysis(document)
    document.replace(at, at + len(old), new)
    check_analysis(document)
    document.replace(at, at + len(new), old)
    check_analysis(document)
    assert document.source == before


def within(head: str, tail: str) -> Document:
    """Return a document with one statement, a function that contains many others."""
    return Document(head.encode() + MANY + b"x(y);\nimport('a');\n" + MANY + tail.encode())


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("(function () {\n", "})();"),
        ("export const f = async () => {\n", "}, g = import('b');"),
        ("import(async function* () {\n", "});"),
        ("export default { m() { return function f() {\n", "}; }, n: 1 };"),
        ("class A { #x; #y; m() {\n", "} #x; n() { this.#z; } };"),
        ("a: for (;;) { (() => {\n", "})(); break a; continue b; }"),
        ("class A { static { f(function () {\n", "}); await 1; return; } }"),
        ("f(() => { a: { g(function () {\n", "}); b: b: break a; } });"),
        ("await f(async function () {\n", "});"),
    ],
)
def test_an_edit_within_a_function_parses_only_an_excerpt(head: str, tail: str) -> None:
    document = within(head, tail)
    check_analysis(document)
    for new in (
        b"import('b');\n",
        b"break; a: continue a;\n",
        b"break a; await 1; new.target; arguments;\n",
        b"this.#x; this.#y; class B { #x; #x; m() { this.#y; this.#z; } }\n",
        b"export {a}; import 'b'; return;\n",
        b"class B { static { await 1; arguments; } }\n",
    ):
        at = document.source.index(b"x(y);")
        document.replace(at, at, new)
        check_analysis(document)
        assert document.work.bytes_parsed < 600
        document.replace(at, at + len(new), b"")
        check_analysis(document)
        assert document.work.bytes_parsed < 600


@pytest.mark.parametrize(
    "new", ["} f(function () {", "}", "/*", "`", "{", "(", "if (a) ", "x = ", "else b;", "\n--> c\n"]
)
def test_effects_of_an_edit_within_a_function_are_found_around_it(new: str) -> None:
    document = within("(function () {\n", "})();")
    check_analysis(document)
    for place in (b"x(y);", b"import(", b"(y);\nimp", b"\nimport"):
        at = document.source.index(place)
        document.replace(at, at, new.encode())
        check_analysis(document)
        document.replace(at, at + len(new), b"")
        check_analysis(document)


def test_positions_of_earlier_edits_are_tracked() -> None:
    document = within("if (a) (function () {\n", "})();")
    check_analysis(document)
    for place, new in (
        (b"x(y);\nimport", b"if (b) /* c */ "),
        (b"import('a')", b"else z; import('b');\n"),
        (b"f();\nif (b)", b"function g() { break; }\n"),
        (b"break; }", b"import('c'); "),
        (b"function g", b"async "),
        (b"import('c')", b"await 1; "),
        (b"else z", b"x; "),
        (b"x; else", b"if (c) "),
    ):
        at = document.source.index(place)
        document.replace(at, at, new)
        check_analysis(document)


def test_variables_are_found_after_edits_within_functions() -> None:
    document = within("let a;\n(function () {\n", "})();")
    document.analysis()
    at = document.source.index(b"x(y);")
    document.replace(at, at, b"let b; a; b;\n")
    check_analysis(document)
    assert document.module_variable_at(at + 7) == ("a", Span(at + 7, at + 8))
    assert document.module_variable_at(at + 10) is None
    assert document.declaration_of("a") == Span(4, 5)
    document.replace(0, 0, b"let c;\n")
    assert document.declaration_of("a") == Span(11, 12)


class Editing:
    """Edits a document at random places and undoes some edits, which repairs what they broke."""

    def __init__(self, source: bytes, data: st.DataObject) -> None:
        self.document = Document(source)
        self._data = data
        self._done: list[tuple[int, bytes, bytes]] = []

    def edit(self) -> None:
        source = self.document.source
        how = self._data.draw(st.sampled_from(["undo", "insert", "insert line", "delete", "delete line", "move"]))
        if how == "undo" and self._done:
            at, old, new = self._done.pop()
            if source[at : at + len(new)] == new:
                self.document.replace(at, at + len(new), old)
            return
        start = self._data.draw(st.integers(0, len(source)))
        new = b""
        if how.endswith("line"):
            start = source.rfind(b"\n", 0, start) + 1
        end = start
        if how == "delete":
            end = min(len(source), start + self._data.draw(st.integers(1, 20)))
        elif how == "delete line":
            end = source.find(b"\n", start) + 1 or len(source)
        elif how == "move":
            other = self._data.draw(st.integers(0, len(source)))
            new = source[other : other + 60]
        else:
            new = self._data.draw(st.sampled_from(FRAGMENTS)).encode() + (b"\n" if how == "insert line" else b"")
        self._done.append((start, source[start:end], new))
        self.document.replace(start, end, new)


@settings(max_examples=500 if EVERYTHING else 150, deadline=None)
@given(st.one_of(st.integers(0, 119), WRITTEN, NESTED_TEXTS), st.data())
def test_any_edits_give_the_analysis_of_the_text(text: int | str, data: st.DataObject) -> None:
    source = real_files()[text] if isinstance(text, int) else text.encode()
    editing = Editing(source, data)
    check_analysis(editing.document)
    for _ in range(data.draw(st.integers(1, 6))):
        for _ in range(data.draw(st.integers(1, 3))):
            editing.edit()
        check_analysis(editing.document)


TEXT = st.text(alphabet="ab\n\ré😀\u2028", max_size=30)


@given(TEXT, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8), TEXT), max_size=4), st.sampled_from(ColumnUnit))
def test_edits_at_positions_are_edits_of_the_text(
    text: str, edits: list[tuple[int, int, str]], unit: ColumnUnit
) -> None:
    document = Document(text.encode())
    for at, length, new in edits:
        start, end = (min(place, len(text)) for place in (at, at + length))
        offsets = [len(text[:place].encode()) for place in (start, end)]
        places = [document.lines.position(offset, unit) for offset in offsets]
        # A position between CR and LF does not exist; it counts as the end of its line.
        start, end = (len(document.source[: document.lines.byte_offset(place, unit)].decode()) for place in places)
        text = text[:start] + new + text[end:]
        document.edit([Edit(places[0], places[1], new)], unit)
        assert document.source.decode() == text
        fresh = LineIndex(document.source)
        assert [document.lines.position(offset) for offset in range(len(document.source) + 1)] == [
            fresh.position(offset) for offset in range(len(document.source) + 1)
        ]
