"""Early errors name the bytes that cause them, and their kinds have codes."""

from __future__ import annotations

import pytest

from esmcache.analysis import analyse_module
from esmcache.diagnostics import DiagnosticKind

# A kind of diagnostic, and a module; double pointed marks enclose the cause, single ones the related place.
CULPRITS = (
    (DiagnosticKind.DUPLICATE_EXPORT, "let a; export {‹a›}; export {a as x, a as «'a'»}"),
    (DiagnosticKind.UNDECLARED_EXPORT, "export {«a»}"),
    (DiagnosticKind.DUPLICATE_IMPORT, "import ‹a› from 'a'; import {b as «a»} from 'b'"),
    (DiagnosticKind.IMPORT_REDECLARED, "import ‹é› from 'a'; { var [«é»] = x }"),
    (DiagnosticKind.IMPORT_REDECLARED, "let ‹a›; import {«a»} from 'a'"),
    (DiagnosticKind.DUPLICATE_DECLARATION, "function ‹a›() {} const {x: «a»} = 1"),
    (DiagnosticKind.RESERVED_BINDING, "import {x as «arguments»} from 'a'"),
    (DiagnosticKind.ILL_FORMED_NAME, r"export * as «'\ud800'» from 'a'"),
    (DiagnosticKind.DUPLICATE_ATTRIBUTE, "import 'a' with {‹type›: 'json', «'type'»: 'css'}"),
    (DiagnosticKind.DUPLICATE_ATTRIBUTE, "export * from 'a' with {‹b›: 'json', «b»: 'css'}"),
    (DiagnosticKind.RESERVED_AWAIT, "let {x: «await»} = y"),
    (DiagnosticKind.MISPLACED_AWAIT, "function f() { «await» x }"),
    (DiagnosticKind.UNDEFINED_LABEL, "a: for (;;) { b: { continue «b» } }"),
    (DiagnosticKind.DUPLICATE_LABEL, "‹a›: «a»: x"),
    (DiagnosticKind.DUPLICATE_LABEL, "‹a›: b: { «a»: for (;;); }"),
    (DiagnosticKind.MISPLACED_BREAK, "for (;;) { () => { «break» } }"),
    (DiagnosticKind.MISPLACED_CONTINUE, "switch (1) { case 1: «continue» }"),
    (DiagnosticKind.MISPLACED_RETURN, "if (1) { «return 1;» }"),
    (DiagnosticKind.MISPLACED_NEW_TARGET, "x = () => «new.target»"),
    (DiagnosticKind.MISPLACED_ARGUMENTS, "class A { x = () => [«arguments»] }"),
    (DiagnosticKind.MISPLACED_DECLARATION, "{ «import» 'a' }"),
    (DiagnosticKind.MISPLACED_DECLARATION, "() => { a: «export» let b }"),
    (DiagnosticKind.INVALID_DELETE, "«delete (x)»"),
    (DiagnosticKind.INVALID_DELETE, "class A { #x; m() { «delete this.#x» } }"),
    (DiagnosticKind.WITH_STATEMENT, "() => { «with» (x) {} }"),
    (DiagnosticKind.OCTAL_LITERAL, "x = [10, «010»]"),
    (DiagnosticKind.OCTAL_ESCAPE, r"x = '\\1\0 «\1»'"),
    (DiagnosticKind.UNDECLARED_PRIVATE_NAME, "class A { #y; m() { this.«#x» } }"),
    (DiagnosticKind.DUPLICATE_PRIVATE_NAME, "class A { ‹#x›; «#x»() {} }"),
)


@pytest.mark.parametrize(("kind", "marked"), CULPRITS)
def test_errors_name_the_offending_text(kind: DiagnosticKind, marked: str) -> None:
    source = marked
    for mark in "«»‹›":
        source = source.replace(mark, "")
    (found,) = analyse_module(source.encode()).diagnostics

    def between(opening: str, closing: str) -> str:
        return (
            marked.replace("«" if opening == "‹" else "‹", "")
            .replace("»" if closing == "›" else "›", "")
            .partition(opening)[2]
            .partition(closing)[0]
        )

    raw = source.encode()
    assert found.kind is kind
    assert raw[found.span.start : found.span.end].decode() == between("«", "»")
    assert [raw[item.span.start : item.span.end].decode() for item in found.related] == (
        [between("‹", "›")] if "‹" in marked else []
    )


def test_every_kind_of_error_has_a_unique_code() -> None:
    codes = [kind.code for kind in DiagnosticKind]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower().replace("_", "-") for code in codes)
