"""The promises of the analysis for any bytes: correct offsets, any size and nesting, and never an exception."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmcache.analysis import Analysis, analyse_commonjs, analyse_module
from esmcache.diagnostics import DiagnosticKind
from esmcache.records import CallKind, ModuleCall, ModuleRequest
from esmcache.spans import Span

BOM = b"\xef\xbb\xbf"
WORDS = (
    "import export default from as * {a} 'b' with {type:'json'} await ( ) [ ] { } => ` ${ / // /* */ <!-- --> \\u0061"
    " \\ class static function async if new Worker require const , ; = #! void"
)
FRAGMENTS = st.sampled_from([*re.findall(r"\S+", WORDS), "\n", "\r", "\u2028", "\u00a0", "\ufeff", "\0", "\ud800"])


def specifiers(analysis: Analysis) -> list[str]:
    return [request.specifier for request in analysis.record.requested_modules]


def kinds(analysis: Analysis) -> list[DiagnosticKind]:
    return [diagnostic.kind for diagnostic in analysis.diagnostics]


def test_spans_are_offsets_into_the_bytes_given() -> None:
    source = BOM + "#!/usr/bin/node\r\n/* é */ import {a as b} from 'x';export {b as c};import('y')".encode()
    analysis = analyse_module(source)

    def text(span: Span | None) -> bytes:
        assert span is not None
        return source[span.start : span.end]

    record = analysis.record
    assert analysis.complete
    assert text(record.requested_modules[0].span) == b"'x'"
    assert text(record.import_entries[0].span) == b"b"
    assert text(record.indirect_export_entries[0].span) == b"c"
    assert text(record.calls[0].span) == b"'y'"


def test_a_request_has_the_span_of_its_first_occurrence() -> None:
    record = analyse_module(b"import a from 'x'; import b from 'x';").record
    assert [request.span for request in record.requested_modules] == [Span(14, 17)]
    assert [entry.module_request.span for entry in record.import_entries] == [Span(14, 17), Span(33, 36)]


def test_a_call_without_a_literal_has_the_span_of_the_whole_call() -> None:
    call = analyse_module(b"f(); import(a + 'b');").record.calls[0]
    assert call == ModuleCall(CallKind.IMPORT, None)
    assert call.span == Span(5, 20)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_every_line_end_ends_a_declaration(line_end: str) -> None:
    lines = ["#!node import 'no'", "import 'a'", "export {x} from 'b' // import 'no'", "import 'c'", ""]
    analysis = analyse_module(line_end.join(lines).encode())
    assert specifiers(analysis) == ["a", "b", "c"]
    assert analysis.complete


def test_white_space_beyond_ascii_is_white_space() -> None:
    analysis = analyse_module("import\u00a0a\u3000from 'x\u00a0y'\u00a0\nimport 'b'\ufeff\n".encode())
    assert specifiers(analysis) == ["x\u00a0y", "b"]
    assert analysis.complete


# Node leaves such white space where it removes a type: U+00A0 for a letter of two bytes, and as many lines as before.
@pytest.mark.parametrize("blanks", ["\n\u00a0\n", "\u00a0\n" * 1000, " " * 2000 + "\n", "\u202f" * 1000 + "\n"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export const aBLANKS= 1, bBLANKS= 2", ["a", "b"]),
        # No error shows that the grammar ends the statement before the template.
        ("export const a = fBLANKS`c`, b = 2", ["a", "b"]),
        ("export let aBLANKSexport let b", ["a", "b"]),
        ("export let a, bBLANKS[a, b]", ["a", "b"]),
        ("export class C { aBLANKS['b']BLANKS*c() {} }", ["C"]),
    ],
)
def test_white_space_of_any_length_is_white_space(text: str, names: list[str], blanks: str) -> None:
    analysis = analyse_module(text.replace("BLANKS", blanks).encode())
    assert [entry.export_name for entry in analysis.record.local_export_entries] == names
    assert analysis.complete


def test_the_parameters_of_an_arrow_function_are_no_pattern_in_parentheses() -> None:
    # The export makes the grammar fail, so the analysis parses a respelled text.
    assert analyse_module(b"f(b, ([a]) => a)\nexport {b as catch}; let b, f\n").complete


def test_a_line_end_survives_in_a_comment_that_reads_like_an_export() -> None:
    # The declarations make the grammar fail, so the analysis parses a respelled text.
    source = b"import a from 'a'\nwith {type: 'json'}\n// export\nconst b = 1; // {c}\nexport {b as void}\n"
    analysis = analyse_module(source)
    assert analysis.complete
    assert [entry.export_name for entry in analysis.record.local_export_entries] == ["void"]
    assert kinds(analysis) == []


def test_invalid_utf8_is_read_but_not_complete() -> None:
    analysis = analyse_module(b"import 'a'; // \xff\nimport 'b';")
    assert specifiers(analysis) == ["a", "b"]
    assert kinds(analysis) == [DiagnosticKind.INVALID_UTF8]
    assert analysis.diagnostics[0].span == Span(15, 16)
    assert not analysis.complete


def test_lone_surrogates_stay_in_specifiers() -> None:
    assert specifiers(analyse_module(rb"import '\ud83d\ude00 \ud83d'")) == ["😀 \ud83d"]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (rb"'\b\t\n\v\f\r\0'", "\b\t\n\v\f\r\0"),
        (rb"'\x41\u0042\u{43}\u{00001F600}'", "ABC😀"),
        (b"'a\\\nb\\\r\nc\\\rd\\\xe2\x80\xa8e'", "abcde"),
        (rb"""'\'\"\\\q\/'""", "'\"\\q/"),
        ("'\u2028é'".encode(), "\u2028é"),
        (rb"'\u{110000}\u{ffffffffffffffffffff}'", "\ufffd\ufffd"),
        (b"''", ""),
    ],
)
def test_escapes_in_string_literals_are_decoded(literal: bytes, value: str) -> None:
    assert specifiers(analyse_module(b"import " + literal)) == [value]


def test_an_empty_text_is_a_module() -> None:
    assert analyse_module(b"").complete
    assert analyse_module(BOM).complete


def test_commonjs_has_only_calls() -> None:
    source = b"const a = require('./a'); import('./b'); return await_; var await; await: 1"
    analysis = analyse_commonjs(source)
    assert [call.specifier for call in analysis.record.calls] == ["./a", "./b"]
    assert not analysis.record.has_tla
    assert analysis.record.requested_modules == ()


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("import(", ")"),
        ("`${", "}`"),
        ("a=>", ""),
        ("a?b:", ""),
        ("function f(){", "}"),
        ("class{static{", "}}"),
        ("a+", ""),
        ("if(1)", ""),
        ("await ", ""),
        ("new Worker(", ")"),
    ],
)
def test_deep_nesting_is_read(opening: str, closing: str) -> None:
    depth = 10_000
    for middle in ("await 1", "import('x')"):
        source = f"{opening * depth}{middle}{closing * depth}\nexport {{y}} from 'y';".encode()
        analyse_module(source)
        analyse_commonjs(source)
        analyse_module(source[: len(source) // 2])


def test_nested_patterns_are_read_to_their_end() -> None:
    depth = 10_000
    source = b"export const " + b"[" * depth + b"a" + b"]" * depth + b" = b;"
    assert [entry.export_name for entry in analyse_module(source).record.local_export_entries] == ["a"]


@pytest.mark.parametrize(
    "line",
    [
        "export const a{0} = {0};",
        "export {{a{0}}} from './{0}.js';",
        "import {{a{0} as void{0}}} from './{0}.js'; export {{a{0} as b{0}}};",
        "import('./{0}.js');",
        "async () => {{ await {0} }};",
        "export {{a{0} as void}} from './{0}.js' with {{type: 'json'}};",
        "const = {0};",
        "export\n{{a{0}}};",
    ],
)
def test_time_grows_with_the_text(line: str) -> None:
    def seconds(count: int) -> float:
        source = "\n".join(line.format(number) for number in range(count)).encode()
        start = time.process_time()
        analyse_module(source)
        return time.process_time() - start

    seconds(10)
    # Quadratic work would take sixteen times as long, which is hundreds of seconds at this size.
    assert seconds(20_000) < 10 * seconds(5_000) + 1


@pytest.mark.parametrize(
    ("opening", "repeated", "closing"),
    [
        ("", "await ", "1;"),
        ("1", " + await 1", ";"),
        ("class A { #x; m() { return 1", " + this.#x", "; } }"),
        ("function f() { return 1", " + new.target", "; }"),
        ("for (;;) { if (a) break;", " else if (a) break;", "}"),
        ("for (;;) { ", "{ break; ", "}" * 20_000 + "}"),
    ],
)
def test_time_does_not_grow_with_the_depth(opening: str, repeated: str, closing: str) -> None:
    source = (opening + repeated * 20_000 + closing).encode()
    start = time.process_time()
    assert analyse_module(source).complete
    # A walk from each word up to the root would take a minute.
    assert time.process_time() - start < 10


@given(st.binary(max_size=200))
def test_any_bytes_are_analysed(source: bytes) -> None:
    for analysis in (analyse_module(source), analyse_commonjs(source)):
        assert all(0 <= item.span.start <= item.span.end <= len(source) for item in analysis.diagnostics)


@given(st.lists(FRAGMENTS, max_size=30), st.sampled_from(["", " ", "\n"]))
def test_any_words_are_analysed(words: list[str], space: str) -> None:
    source = space.join(words).encode("utf-8", "surrogatepass")
    analysis = analyse_module(source)
    assert analysis.complete or analysis.diagnostics
    analyse_commonjs(source)


NAME = st.from_regex(r"[a-z]{1,6}[0-9]", fullmatch=True)
VALUE = st.text(max_size=8)


def quoted(text: str) -> str:
    """Return a string literal with every character escaped."""
    units = text.encode("utf-16-be")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "'" + "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs) + "'"


@given(st.lists(st.tuples(NAME, VALUE), max_size=5), st.sampled_from([" ", "\n", "\r\n", "/**/"]))
def test_written_imports_are_read(imports: list[tuple[str, str]], space: str) -> None:
    source = "".join(
        f"import{space}*{space}as{space}{name}{space}from{space}{quoted(specifier)};" for name, specifier in imports
    )
    record = analyse_module(source.encode()).record
    read = [(entry.local_name, entry.module_request.specifier) for entry in record.import_entries]
    assert read == imports
    assert record.requested_modules == tuple(
        ModuleRequest(specifier) for specifier in dict.fromkeys(specifier for _, specifier in imports)
    )
