"""Every diagnostic: shown where it should be, and removed when fixed; pushed or pulled as the client prefers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from conftest import PROJECT
from e2e.lsp.editor import (
    Editor,
    at,
    marked,
)
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ERROR, WARNING, INFORMATION, HINT = (
    types.DiagnosticSeverity.Error,
    types.DiagnosticSeverity.Warning,
    types.DiagnosticSeverity.Information,
    types.DiagnosticSeverity.Hint,
)
# The first half of these tests ignores the diagnostics of the cache.
QUIET = {"cache-cold": "off", "cache-stale": "off", "not-served": "off"}


@pytest_asyncio.fixture(loop_scope="session", params=["pull", "push"])
async def editor(
    request: pytest.FixtureRequest, pulling: SharedServer, pushing: SharedServer, tmp_path: Path
) -> AsyncIterator[Editor]:
    server = pulling if request.param == "pull" else pushing
    async with server.a_folder(tmp_path, {}, severity=QUIET) as editor:
        yield editor


@dataclass(frozen=True)
class Case:
    """A project whose main.js is opened, the diagnostic of main.js, and a text of main.js without diagnostics.

    A place is a text of a file with « and » around the marked part; `related` is a file, a place and a message.
    """

    name: str
    files: Mapping[str, str]
    code: str
    place: str
    message: str
    related: tuple[tuple[str, str, str], ...] = ()
    replacement: str | None = None
    mended: str = "export {};\n"


A_JS = "export const a = 1;\nexport const b = 2;\n"
CASES = [
    Case("syntax error", {"main.js": "let a;\n)\n"}, "syntax-error", "«)»", "')' is not understood here"),
    Case(
        "early error",
        {"main.js": "export const a = 1;\nexport { a };\n"},
        "duplicate-export",
        "{ «a» }",
        "duplicate export name 'a'",
        (("main.js", "const «a»", "first exported here"),),
    ),
    Case(
        "relative specifier",
        {"main.js": 'import "./gone.js";\n'},
        "unresolved-import",
        '«"./gone.js"»',
        "ERR_MODULE_NOT_FOUND: Cannot find module 'ROOT/gone.js' imported from ROOT/main.js",
    ),
    Case(
        "missing extension",
        {"main.js": "import './a';\n", "a.js": A_JS},
        "unresolved-import",
        "'«./a»'",
        "ERR_MODULE_NOT_FOUND: Cannot find module 'ROOT/a' imported from ROOT/main.js\ndid you mean \"./a.js\"?",
        replacement="./a.js",
        mended='import "./a.js";\n',
    ),
    Case(
        "wrong case",
        {"main.js": 'export * from "./Lib/a.js";\n', "lib/a.js": A_JS},
        "unresolved-import",
        '"«./Lib/a.js»"',
        "ERR_MODULE_NOT_FOUND: Cannot find module 'ROOT/Lib/a.js' imported from ROOT/main.js"
        '\ndid you mean "./lib/a.js"?',
        replacement="./lib/a.js",
        mended='export * from "./lib/a.js";\n',
    ),
    Case(
        "directory",
        {"main.js": 'import "./lib";\n', "lib/index.js": A_JS},
        "unresolved-import",
        '"«./lib»"',
        "ERR_UNSUPPORTED_DIR_IMPORT: Directory import 'ROOT/lib' is not supported resolving ES modules imported"
        ' from ROOT/main.js\ndid you mean "./lib/index.js"?',
        replacement="./lib/index.js",
        mended='import "./lib/index.js";\n',
    ),
    Case(
        "package",
        {"main.js": 'import "tool";\n', "node_modules/other/index.js": A_JS},
        "unresolved-import",
        '«"tool"»',
        "ERR_MODULE_NOT_FOUND: Cannot find package 'tool' imported from ROOT/main.js\ntried ROOT/node_modules/tool"
        "\ntried PROJECT/node_modules\ntried DIRECTORY/node_modules",
    ),
    Case(
        "missing export",
        {"main.js": 'import { a, c as d } from "./a.js";\n', "a.js": A_JS},
        "missing-export",
        "c as «d»",
        "a.js has no export named 'c'",
        (("a.js", "«»export const a", "a.js is here"),),
        mended='import { a, b as d } from "./a.js";\n',
    ),
    Case(
        "missing export behind re-exports",
        {
            "main.js": 'export { x } from "./one.js";\n',
            "one.js": 'export { x } from "./two.js";\n',
            "two.js": 'export { y as x } from "./a.js";\n',
            "a.js": A_JS,
        },
        "missing-export",
        "{ «x» }",
        "one.js has no export named 'x'",
        (("one.js", "{ «x» }", "re-exported here"), ("two.js", "y as «x»", "re-exported here")),
    ),
    Case(
        "ambiguous export",
        {
            "main.js": 'import { a } from "./both.js";\n',
            "both.js": 'export * from "./one.js";\nexport * from "./two.js";\n',
            "one.js": "export const a = 1;\n",
            "two.js": "const a = 2;\nexport { a };\n",
        },
        "ambiguous-export",
        "{ «a» }",
        "both.js exports 'a' from more than one module",
        (("one.js", "const «a»", "one of the bindings"), ("two.js", "{ «a» }", "one of the bindings")),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_shown_and_gone_when_mended(editor: Editor, case: Case) -> None:
    folder = case.name.replace(" ", "-")
    for name, text in case.files.items():
        editor.write(f"{folder}/{name}", text)
    editor.open(f"{folder}/main.js")
    (found,) = await editor.diagnostics(f"{folder}/main.js", len)

    assert (found.source, found.code, found.severity) == ("esmcache", case.code, ERROR)
    message = found.message.replace(str(editor.root / folder), "ROOT").replace(str(editor.root), "PROJECT")
    assert message.replace(str(editor.root.parent), "DIRECTORY") == case.message
    assert found.range == marked(case.files["main.js"], case.place)
    can = editor.capabilities.text_document
    assert can is not None and can.publish_diagnostics is not None
    if can.publish_diagnostics.code_description_support:
        assert found.code_description is not None
        page, _, section = found.code_description.href.partition("#")
        assert (page, section) == ((PROJECT / "docs" / "reference" / "diagnostics.md").as_uri(), case.code)
    else:
        assert found.code_description is None
    assert list(found.related_information or ()) == [
        types.DiagnosticRelatedInformation(
            types.Location(editor.uri(f"{folder}/{name}"), marked(case.files[name], place)), message
        )
        for name, place, message in case.related
    ]
    assert found.data == (None if case.replacement is None else {"replacement": case.replacement})

    editor.retype(f"{folder}/main.js", case.mended)
    await editor.codes(f"{folder}/main.js", [])


async def test_exports_of_commonjs_are_not_known(editor: Editor) -> None:
    editor.write("known/old.cjs", "exports.a = 1;\n")
    editor.write(
        "known/main.js", 'import { b } from "./old.cjs";\nexport * from "./old.cjs";\nimport { EOL } from "os";\n'
    )
    editor.write("known/user.js", 'import { c } from "./main.js";\n')
    for name in ("known/main.js", "known/user.js"):
        editor.open(name)
        await editor.codes(name, [])
        editor.close(name)


async def test_commonjs_may_have_await_as_a_name(editor: Editor) -> None:
    editor.write("plain/package.json", "{}")
    editor.write("plain/main.js", "const await = 1;\nexports.number = 010;\nif (await) return;\n")
    editor.open("plain/main.js")
    await editor.codes("plain/main.js", [])


async def test_cycles_are_shown_to_those_who_want_it(editor: Editor) -> None:
    text = 'import { b } from "./b.js";\nimport "./c.js";\nexport const a = () => b;\n'
    editor.write("cycle/a.js", text)
    editor.write("cycle/b.js", 'import { a } from "./a.js";\nexport const b = a;\n')
    editor.write("cycle/c.js", 'import "./c.js";\n')
    editor.open("cycle/a.js")
    await editor.codes("cycle/a.js", [])
    editor.configure(severity={**QUIET, "import-cycle": "information"})
    (found,) = await editor.codes("cycle/a.js", ["import-cycle"])
    assert (found.severity, found.range) == (INFORMATION, marked(text, 'from «"./b.js"»'))
    assert found.message == "part of a cycle of 2 modules that import one another"
    assert [(one.location.uri, one.location.range) for one in found.related_information or ()] == [
        (editor.uri("cycle/b.js"), at(0, 0, 0))
    ]
    editor.configure(severity=QUIET)
    await editor.codes("cycle/a.js", [])


async def test_severities_are_settings(editor: Editor) -> None:
    editor.write("severe/main.js", 'import "./gone.js";\n')
    editor.open("severe/main.js")
    for chosen, expected in (("hint", HINT), ("warning", WARNING), ("information", INFORMATION), ("error", ERROR)):
        editor.configure(severity={**QUIET, "unresolved-import": chosen})
        await editor.diagnostics("severe/main.js", partial(_is_of_severity, expected))
    editor.configure(severity={**QUIET, "unresolved-import": "off"})
    await editor.codes("severe/main.js", [])
    editor.configure(severity=QUIET, enable=False)
    await editor.codes("severe/main.js", [])
    editor.configure(severity=QUIET)
    await editor.codes("severe/main.js", ["unresolved-import"])


async def test_importers_see_a_removed_export_at_once(editor: Editor) -> None:
    editor.write("removed/a.js", A_JS)
    editor.write("removed/through.js", 'export * from "./a.js";\n')
    text = 'import { a } from "./through.js";\n'
    editor.write("removed/main.js", text)
    for name in ("removed/a.js", "removed/main.js"):
        editor.open(name)
        await editor.codes(name, [])
    editor.save("removed/a.js", "export const b = 1;\n")
    (found,) = await editor.codes("removed/main.js", ["missing-export"])
    assert found.range == marked(text, "{ «a» }")
    editor.save("removed/a.js", A_JS)
    await editor.codes("removed/main.js", [])


async def test_files_that_come_and_go(editor: Editor) -> None:
    """Git changes files in this way: none of them is open, and the client reports the changes."""
    editor.write("coming/main.js", 'import "./late.js";\n')
    editor.open("coming/main.js")
    await editor.codes("coming/main.js", ["unresolved-import"])
    editor.write("coming/late.js", A_JS)
    editor.touched("coming/late.js")
    await editor.codes("coming/main.js", [])
    (editor.root / "coming/late.js").unlink()
    editor.touched("coming/late.js")
    await editor.codes("coming/main.js", ["unresolved-import"])


def _is_of_severity(expected: types.DiagnosticSeverity, found: list[types.Diagnostic]) -> bool:
    return [one.severity for one in found] == [expected]


async def test_what_another_open_document_would_hold_when_saved(editor: Editor) -> None:
    """Names disappear and return in an unsaved text; its importers get diagnostics, also through a re-export."""
    editor.write("unsaved/a.js", A_JS)
    editor.write("unsaved/all.js", "export * from './a.js';\n")
    editor.write("unsaved/one.js", "import { a } from './a.js';\n")
    editor.write("unsaved/two.js", "import { a } from './all.js';\n")
    for name in ("a.js", "one.js", "two.js"):
        editor.open(f"unsaved/{name}")
    for text, expected in (("export {};\n", ["missing-export"]), (A_JS, [])):
        editor.retype("unsaved/a.js", text)
        for name in ("one.js", "two.js"):
            await editor.codes(f"unsaved/{name}", expected)
