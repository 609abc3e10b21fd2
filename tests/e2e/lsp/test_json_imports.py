"""Imports of JSON: Node's errors are shown, with a fix if one is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, at, marked
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET = {"cache-cold": "off", "cache-stale": "off", "not-served": "off"}
FILES = {
    "data.json": '{"a": 1}\n',
    "broken.json": '{\n  "a": 1,\n}\n',
    "m.js": "export const a = 1;\n",
}
FIX_ALL = "source.fixAll.esmcache"


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES, severity=QUIET) as editor:
        yield editor


async def found_in(editor: Editor, name: str, text: str) -> list[types.Diagnostic]:
    editor.write(name, text)
    editor.open(name)
    return await editor.diagnostics(name)


async def offered(
    editor: Editor, name: str, diagnostics: Sequence[types.Diagnostic], only: str
) -> list[types.CodeAction]:
    context = types.CodeActionContext(list(diagnostics), [only])
    place = diagnostics[0].range if diagnostics else at(0, 0, 0)
    found = await editor.client.text_document_code_action_async(
        types.CodeActionParams(editor.place(name), place, context)
    )
    return [one for one in found or () if isinstance(one, types.CodeAction)]


def edited(text: str, action: types.CodeAction) -> str:
    """Return a text after an action's edits; each of its lines is one statement."""
    assert action.edit is not None and action.edit.document_changes is not None
    (document,) = action.edit.document_changes
    assert isinstance(document, types.TextDocumentEdit)
    lines = text.split("\n")
    for edit in sorted(document.edits, key=lambda one: -one.range.start.character):
        assert isinstance(edit, types.TextEdit)
        start, end = 2 * edit.range.start.character, 2 * edit.range.end.character
        line = lines[edit.range.start.line].encode("utf-16-le")
        after = line[:start] + edit.new_text.encode("utf-16-le") + line[end:]
        lines[edit.range.start.line] = after.decode("utf-16-le")
    return "\n".join(lines)


MENDED = [
    ('import d from "./data.json";', 'import d from "./data.json" with { type: "json" };', 'Add with { type: "json" }'),
    ("export * from './data.json'\n", "export * from './data.json' with { type: 'json' }\n", None),
    ("/* 😀 */ import './data.json';", "/* 😀 */ import './data.json' with { type: 'json' };", None),
    (
        "await import('./data.json' /* now */);",
        "await import('./data.json', { with: { type: 'json' } } /* now */);",
        "Add { with: { type: 'json' } }",
    ),
    ("await import(`./data.json`);", 'await import(`./data.json`, { with: { type: "json" } });', None),
    (
        "import d from './data';",
        "import d from './data.json' with { type: 'json' };",
        "Change to \"./data.json\" with { type: 'json' }",
    ),
    ('export { default } from "./data";', 'export { default } from "./data.json" with { type: "json" };', None),
    ("import d from './data' with { type: 'json' };", "import d from './data.json' with { type: 'json' };", None),
    ("import d from './data' /* a */ with {};", "import d from './data.json' /* a */ with {};", None),
]


@pytest.mark.parametrize(("text", "mended", "title"), MENDED)
async def test_mending(editor: Editor, text: str, mended: str, title: str | None) -> None:
    (found,) = await found_in(editor, "main.js", text)
    (action,) = await offered(editor, "main.js", [found], "quickfix")
    assert title in (None, action.title)
    assert edited(text, action) == mended
    (all_of_it,) = await offered(editor, "main.js", [], FIX_ALL)
    assert edited(text, all_of_it) == mended


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "import d from './data.json' with {};\n",
            "from «'./data.json'»",
            'ERR_IMPORT_ATTRIBUTE_MISSING: Module "ROOT/data.json" needs an import attribute of "type: json"',
        ),
        (
            "import './m.js' with { type: 'json' };\n",
            "«'./m.js'»",
            'ERR_IMPORT_ATTRIBUTE_TYPE_INCOMPATIBLE: Module "ROOT/m.js" is not of type "json"',
        ),
        (
            "import './data.json' with { type: 'text' };\n",
            "«'./data.json'»",
            'ERR_IMPORT_ATTRIBUTE_UNSUPPORTED: Import attribute "type" with value "text" is not supported',
        ),
        (
            "import './data.json' with { type: 'json', a: 'b' };\n",
            "«'./data.json'»",
            'ERR_IMPORT_ATTRIBUTE_UNSUPPORTED: Import attribute "a" with value "b" is not supported',
        ),
    ],
)
async def test_what_nobody_knows_how_to_mend(editor: Editor, text: str, place: str, message: str) -> None:
    (found,) = await found_in(editor, "main.js", text)
    assert (found.code, found.severity) == ("attribute-mismatch", types.DiagnosticSeverity.Error)
    assert found.message.replace(editor.root.as_uri(), "ROOT") == message
    assert found.range == marked(text, place)
    assert await offered(editor, "main.js", [found], "quickfix") == []


@pytest.mark.parametrize(
    "text",
    [
        "import d from './data.json' with { type: 'json' };\n",
        "await import('./data.json', options);\n",
        "await import('./m.js');\n",
        "import { readFile } from 'fs';\n",
        "import { SourceTextModule } from 'node:vm';\n",
        "import { send } from 'node:process';\n",
    ],
)
async def test_what_may_be_right(editor: Editor, text: str) -> None:
    assert await found_in(editor, "main.js", text) == []


async def test_json_that_is_none(editor: Editor) -> None:
    text = "import d from './broken.json' with { type: 'json' };\n"
    (found,) = await found_in(editor, "main.js", text)
    assert (found.code, found.range) == ("invalid-json", marked(text, "from «'./broken.json'»"))
    reason = "expecting property name enclosed in double quotes"
    assert found.message == f"broken.json is not JSON: {reason} (line 3, column 1)"
    (related,) = found.related_information or ()
    assert (related.location.uri, related.location.range) == (editor.uri("broken.json"), at(2, 0, 0))

    editor.write("broken.json", '{"a": 1}\n')
    editor.touched("broken.json")
    await editor.codes("main.js", [])


@pytest.mark.parametrize(
    ("text", "place", "module"),
    [
        ("import { a } from './data.json' with { type: 'json' };\n", "{ «a» }", "data.json"),
        ("import { readFil as a } from 'fs';\n", "as «a»", "node:fs"),
        ("import { a } from 'data:text/javascript,export const b = 1';\n", "{ «a» }", "data:text/javascript,export"),
    ],
)
async def test_names_that_are_not_there(editor: Editor, text: str, place: str, module: str) -> None:
    (found,) = await found_in(editor, "main.js", text)
    assert (found.code, found.range) == ("missing-export", marked(text, place))
    assert found.message.startswith(module)
