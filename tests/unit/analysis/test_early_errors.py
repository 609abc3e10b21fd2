"""Early errors agree with V8, name the bytes that cause them, and do not occur in real packages."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import PROJECT
from esmcache.analysis import analyse_module
from esmcache.diagnostics import Diagnostic, DiagnosticKind, Severity

PACKAGES = PROJECT / "tests" / "fixtures" / "packages" / "node_modules"

# The code in which statements are tried.
CONTEXTS = (
    "%s",
    "{ %s }",
    "if (1) { %s }",
    "function f() { %s }",
    "async function f() { %s }",
    "function* f() { %s }",
    "() => { %s }",
    "async () => { %s }",
    "class A { m() { %s } }",
    "class A { async m() { %s } }",
    "class A { static { %s } }",
    "class A { x = () => { %s } }",
    "for (;;) { %s }",
    "switch (1) { case 1: %s }",
    "a: { %s }",
    "a: for (;;) { %s }",
    "for (;;) { () => { %s } }",
    "a: for (;;) { class B { static { %s } } }",
    "try { %s } catch { %s }",
    "({ get x() { %s } })",
    "export default function () { %s }",
    "export const f = async function g() { %s };",
    "do { %s } while (0)",
    "class P { #p; m() { %s } }",
)

# Statements that are valid in some contexts and invalid in others; V8 decides which.
STATEMENTS = (
    "break;",
    "continue;",
    "break a;",
    "continue a;",
    "a: ;",
    "a: a: ;",
    "a: a: x;",
    "b: { b: x; }",
    "b: b: x.y\nz;",
    "b: c: b: x;",
    "b: { c: { b: x; } }",
    "b: x; b: y;",
    "b: (() => { b: x; })();",
    "b: c: for (;;) { continue b; continue c; }",
    "b: c: { for (;;) { continue b; } }",
    "b: { b: for (;;) { continue b; } }",
    "b: for (;;) { c: for (;;) { continue b; } break c; }",
    "\\u0062: b: x;",
    "b: { x; b: y; }",
    "a: { b: { a: ; } }",
    "b: for (;;) { continue b; }",
    "b: { continue b; }",
    "b: { break b; }",
    "c: d: for (;;) { continue c; }",
    "a: for (;;) { a: for (;;) ; }",
    "a: for(;;); a: for(;;);",
    "return;",
    "return 1;",
    "new.target;",
    "() => new.target;",
    "with (x) {}",
    "delete x;",
    "delete (x);",
    "delete ((x));",
    "delete x.y;",
    "delete this;",
    "delete x[y];",
    "delete (x, y);",
    "010;",
    "08;",
    "0o10;",
    "0;",
    "0.5;",
    "'\\01';",
    "'\\0';",
    "'\\08';",
    "'\\8';",
    "'\\\\1';",
    "`\\01`;",
    "f`\\01`;",
    "/\\1(a)/;",
    "await;",
    "await x;",
    "await (x);",
    "await [x];",
    "x = await;",
    "await = 1;",
    "await.x;",
    "var await;",
    "let {await} = x;",
    "let {await: y} = x;",
    "({await: 1});",
    "({await});",
    "x.await;",
    "({await() {}});",
    "function await() {}",
    "(function await() {});",
    "class await {}",
    "(class await {});",
    "await => 1;",
    "(await) => 1;",
    "async (x = await 1) => 1;",
    "async x => await x;",
    "(x = await 1) => 1;",
    "try {} catch (await) {}",
    "for (await of x);",
    "for await (x of y);",
    "await: 1;",
    "\\u0061wait;",
    "x.\\u0061wait;",
    "var aw\\u0061it;",
    "x.#p;",
    "#p in x;",
    "delete x.#p;",
    "x?.#q;",
    "class Q { #q; m() { x.#q } }",
    "class Q { #q; #q }",
    "class Q { #q; #q() {} }",
    "class Q { get #q() {} set #q(v) {} }",
    "class Q { get #q() {} get #q() {} }",
    "class Q { static get #q() {} set #q(v) {} }",
    "class Q { static get #q() {} static set #q(v) {} }",
    "class Q { #q; m() { class R { n() { x.#q } } } }",
    "class Q { m() { x.#q } #q }",
    "class Q extends x.#q { #q }",
    "class Q { [x.#q]; #q }",
    "class Q { x = await; }",
    "class Q { x = await 1; }",
    "class Q { [await 1]; }",
    "class Q { [await 1]() {} }",
    "class Q { [new.target]() {} }",
    "class Q { async [x = await 1]() {} }",
    "class Q { static { await; } }",
    "class Q { static { await: 1; } }",
    "class Q { x = new.target; [new.target] }",
    "class Q { await() {} await = 1 }",
    "async function g(x = await 1) {}",
    "async function g() { function h() { await 1 } }",
    "function g() { async () => { await 1 } }",
    "await `x`;",
    "await +1;",
    "await /x/;",
    "!await 1;",
    "-await x;",
    "(await x).y;",
    "x = {[await 1]: 1};",
    "`${await 1}`;",
    "`${010}`;",
    "`${'\\01'}`;",
    "f`${'\\01'}`;",
    "eval;",
    "arguments;",
    '"use strict"; 0.1.toFixed();',
    "a = {b: {a: {b: 1}}};",
    "x ? a : {a: 1};",
    "switch (1) { default: { switch (2) { default: {} } } }",
    "a: { } { a: { } }",
    "a: { () => { a: { } } }",
    "foo: if (1) { foo: if (2) ; }",
    "foo: bar: foo: ;",
    "function g(a = new.target) {}",
    "(a = new.target) => 1;",
    "x = function () { return new.target };",
    "await using z = x;",
    "new new.target;",
    "label: { break label\n}",
    "for (;;) { break\na }",
    "for (;;) { if (1) continue; else break }",
    "for (var i = 0, return_ = 1; ;) break;",
    "0n; 0_0",
    "00;",
    "0x1f;",
    "-01;",
    "[00, 1]",
    "({010: 1})",
    "({'\\01': 1})",
    "import('\\01')",
    "1.01;",
    "x01;",
    "'a\\\n01'",
    "x = arguments;",
    "({arguments});",
    "({arguments: 1});",
    "x.arguments = () => arguments;",
    "f(() => [arguments, ...arguments]);",
    "function g(a = arguments) { arguments }",
    "class Q { [arguments] = 1 }",
    "class Q { [arguments]() {} }",
    "class Q { x = typeof arguments }",
    "class Q { x = function () { arguments } }",
    "class Q { arguments = 1; arguments() {} }",
    "class Q extends arguments {}",
    "({ m() { arguments }, get y() { return arguments } });",
    "`${arguments}`;",
    "\\u0061rguments;",
    "arg\\u{75}ments;",
    "using z = x;",
    "using /* a */ z = x, y = 1;",
    "{ using z = x; }",
    "for (using z = x;;) {}",
    "for (using z of x) {}",
    "using = 1",
    "import 'a';",
    "import a from 'a';",
    "import {a} from 'a';",
    "import * as a from 'a';",
    "import('a');",
    "import /* x */ ('a');",
    "import . meta.url;",
    "export {};",
    "export let q;",
    "export default 1;",
    "export default function () {}",
    "export * from 'a';",
    "export * as q from 'a';",
    "({import: 1, export: 2});",
    "x.import; x.export;",
    "class Q { import() {} export = 1 }",
    "if (1) import 'a';",
    "l: export {};",
    "/* import 'a' */ 'import a'; // export {}\n",
    "`${import('a')}`;",
    "() => import('x').then((a) => a.export);",
)

# Whole modules, valid and invalid ones.
MODULES = (
    "import a from 'a'; import a from 'b'",
    "import a, {a} from 'a'",
    "import * as a from 'a'; import {b as a} from 'a'",
    "import {a, b} from 'a'; let b",
    "import {a} from 'a'; var a",
    "import {a} from 'a'; function a() {}",
    "import {a} from 'a'; class a {}",
    "import {a} from 'a'; { let a }",
    "import {a} from 'a'; { var a }",
    "import {a} from 'a'; for (var a of x);",
    "import {a} from 'a'; for (let a of x);",
    "import {a} from 'a'; function f() { var a }",
    "import {a} from 'a'; () => { var a }",
    "import {a} from 'a'; if (1) var a;",
    "import {a} from 'a'; x: { try {} catch (e) { var a } }",
    "import {a} from 'a'; try {} finally { var [b, {a}] = x }",
    "import {a} from 'a'; switch (1) { case 1: var a }",
    "import {a} from 'a'; class B { static { var a } }",
    "import {a} from 'a'; (class a {}); (function a() {})",
    "import {a} from 'a'; { function a() {} }",
    "let a; let a",
    "let a; const a = 1",
    "let a; var a",
    "var a; let a",
    "var a; var a",
    "let a; { var a }",
    "{ var a } let a",
    "let a; { let a }",
    "function a() {} function a() {}",
    "function a() {} var a",
    "var a; function a() {}",
    "class a {} function a() {}",
    "class a {} class a {}",
    "let [a, a] = x",
    "let {a, b: a} = x",
    "let {a, b: {a: c}} = x",
    "var [a, a] = x",
    "const a = 1, a = 2",
    "export let a; let a",
    "export function a() {} let a",
    "export default function a() {} let a",
    "export default class a {} var a",
    "export default (class a {}); let a",
    "export default function* a() {} function a() {}",
    "export default async function a() {} const a = 1",
    "export default a; let a; let a",
    "for (let a;;) ; let a",
    "for (var a;;) ; let a",
    "for (var a in x) ; let a",
    "while (1) { var a } class a {}",
    "if (1) ; else var a; let a",
    "let a; function f(a) { var a }",
    "let \\u0061; let a",
    "using a = x; let a",
    "export {a}; export {a as b}; let a",
    "export {a, a}; let a",
    "export {a}; export let a",
    "export {a}",
    "export {a}; var a",
    "export {a}; { var a }",
    "export {a}; { let a }",
    "export {a}; function f() { var a }",
    "export {a}; if (1) { for (var a of x); }",
    "export {a} from 'a'",
    "export {a as b} from 'a'; export {b} from 'b'",
    "export * from 'a'; export * from 'a'",
    "export * as a from 'a'; export * as a from 'b'",
    "export * as default from 'a'; export default 1",
    "export default 1; export default 2",
    "export default 1; export {a as default}; let a",
    "export {Array}",
    "export {undefined}",
    "export {a as undefined}; let a",
    "export {eval}",
    "export let a, b; export {b as a}",
    "export function f() {} export {f}",
    "export class f {} export {f as g}",
    "import {a} from 'a'; export {a}; export {a as b}",
    "import {a} from 'a'; export {a}; export {a}",
    "export const {a, b: [c, d = 1, ...e]} = x; export {e}",
    "export {a as 'b'}; export {a as 'b'}; let a",
    "export {a as '\\ud800'}; let a",
    "export {a as '\\ud83d\\ude00'}; let a",
    "export {'\\ud800' as a} from 'a'",
    "export * as '\\udc00' from 'a'",
    "import {'\\ud800' as a} from 'a'",
    "import {'a b' as a} from 'a'",
    "export {'a'}; let a",
    "export {'a' as b}; let a",
    "export {'a'} from 'a'",
    "export {a as b, 'a' as c} from 'a'",
    "import {eval} from 'a'",
    "import arguments from 'a'",
    "import * as eval from 'a'",
    "import {eval as a} from 'a'",
    "import {a as eval} from 'a'",
    "import {yield} from 'a'",
    "import {static} from 'a'",
    "import let from 'a'",
    "import {let as a} from 'a'",
    "import {await} from 'a'",
    "import {await as a} from 'a'",
    "import await from 'a'",
    "import * as await from 'a'",
    "import {a as await} from 'a'",
    "export {await}",
    "export {await as a}",
    "export {await} from 'a'",
    "export {a as await}; let a",
    "export * as await from 'a'",
    "export * as eval from 'a'",
    "let eval",
    "var arguments",
    "let implements",
    "function eval() {}",
    "class static {}",
    "let [arguments] = x",
    "var {eval: a} = x",
    "import a from 'a' with {type: 'json'}",
    "import a from 'a' with {type: 'json', type: 'json'}",
    "import a from 'a' with {type: 'json', 'type': 'css'}",
    "import a from 'a' with {type: 'json', 'typ\\u0065': 'css'}",
    "import 'a' with {}",
    "export {a} from 'a' with {type: 'a', type: 'b'}",
    "export * from 'a' with {type: 'a', type: 'b'}",
    "export * from 'a' with {type: 'a', kind: 'b'}",
    "export {a} from 'a' with {type: 'a', kind: 'b'}",
    "import a from 'a' with {type: 'json'}; import b from 'a' with {type: 'css'}",
    "let async; let of; let get; let as; let from; export {async as as, of as of}",
    "export {x}; export default x; var x",
    "let a; a: { let a }",
    "import a from 'a'; a: for (;;) { break a }",
    "import {a as b} from 'a'; import {b as a} from 'a'",
    "export {if as x} from 'a'",
    "import {if as x} from 'a'; export {x as if}",
    "export default async () => await 1",
    "let undefined",
    "var undefined",
    "import {undefined} from 'a'",
    "var a = function () { let a; let b }",
)

# Statements whose errors are left to the engine; their records are correct nonetheless.
LEFT_TO_THE_ENGINE = {
    "arguments: ;",  # within fields and static blocks, where ECMA-262 allows such a label
    # Labels that are written with escapes, and those of expressions after other statements.
    "\\u0062: b: x;",
    "b: { x; b: y; }",
    # Declarations in functions and blocks: collecting them all would take a third of the parse's time.
    "let y; let y;",
    "let y; { var y; }",
    "class y {} function y() {}",
    "try {} catch (y) { let y; }",
    "switch (1) { case 1: let y; default: let y; }",
    "for (let y of x) { var y; }",
    "(y) => { let y; };",
    "function g(y, y) {}",
}

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

# This runs in Node and returns V8's refusal of each module text.
REFUSALS = """
const vm = require('node:vm');
const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(texts.map((text) => {
  try { new vm.SourceTextModule(text); return null } catch (error) { return error.message }
})));
"""


def refusals(node: Path, texts: Sequence[str]) -> list[str | None]:
    """Return V8's message for each text, or None if V8 accepts it."""
    command = [str(node), "--experimental-vm-modules", "--no-warnings", "-e", REFUSALS]
    result = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
    answer: list[str | None] = json.loads(result.stdout)
    return answer


def errors(text: str) -> list[Diagnostic]:
    """Return the diagnostics of a text that make it an invalid module."""
    return [item for item in analyse_module(text.encode()).diagnostics if item.kind.severity is Severity.ERROR]


def test_early_errors_agree_with_v8(node: Path) -> None:
    statements = [text for text in STATEMENTS if text not in LEFT_TO_THE_ENGINE]
    texts = [context.replace("%s", text) for text in statements for context in CONTEXTS] + list(MODULES)
    differing = [
        (text, refusal, [item.message for item in errors(text)])
        for text, refusal in zip(texts, refusals(node, texts), strict=True)
        if bool(errors(text)) != (refusal is not None)
    ]
    assert differing == []


def test_errors_left_to_the_engine_are_still_not_found(node: Path) -> None:
    # FIXME: V8 refuses these in some contexts, and we do not.
    texts = {context.replace("%s", text): text for text in LEFT_TO_THE_ENGINE for context in CONTEXTS}
    found = list(zip(texts, refusals(node, list(texts)), strict=True))
    assert {texts[text] for text, refusal in found if refusal and not errors(text)} == LEFT_TO_THE_ENGINE
    assert [text for text, refusal in found if errors(text) and not refusal] == []


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


def test_packages_have_no_errors(node: Path) -> None:
    files = sorted(path for suffix in ("js", "mjs") for path in PACKAGES.rglob(f"*.{suffix}"))
    assert len(files) > 4000
    sample = random.Random(3).sample(files, 600)
    texts = [path.read_bytes().decode("utf-8-sig") for path in sample]
    for path, text, refusal in zip(sample, texts, refusals(node, texts), strict=True):
        assert bool(errors(text)) == (refusal is not None), (path, refusal, errors(text))


def test_every_kind_of_error_has_a_unique_code() -> None:
    codes = [kind.code for kind in DiagnosticKind]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower().replace("_", "-") for code in codes)
