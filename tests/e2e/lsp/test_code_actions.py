"""Code actions: warming, rebuilding and fixing specifiers; only those that a client asks for and supports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, at, between
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = "import { a } from './lib/A';\nimport { b } from './lib';\nimport { c } from './LIB/a.js';\nimport './gone.js';\n"
FILES = {
    "app.js": APP,
    "lib/A.js": "export const a = 1;\n",
    "lib/index.js": 'import "../one.js";\nexport const b = 1;\n',
    "lib/a.js": "export const c = 1;\n",
    "one.js": "export const one = 1;\n",
    "two.js": 'import "./one.js";\n',
}
SOURCE = "source.esmcache"
FIX_ALL = "source.fixAll.esmcache"


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        editor.open("app.js")
        yield editor


async def offered(
    editor: Editor,
    name: str,
    diagnostics: Sequence[types.Diagnostic] = (),
    only: Sequence[types.CodeActionKind | str] | None = None,
) -> list[types.CodeAction | types.Command]:
    context = types.CodeActionContext(list(diagnostics), only)
    place = diagnostics[0].range if diagnostics else at(0, 0, 0)
    parameters = types.CodeActionParams(editor.place(name), place, context)
    found = await editor.client.text_document_code_action_async(parameters)
    assert found is not None
    return list(found)


def shown(actions: Sequence[types.CodeAction | types.Command]) -> list[tuple[str, str]]:
    assert all(isinstance(one, types.CodeAction) for one in actions)
    return [
        (one.title, str(getattr(one.kind, "value", one.kind))) for one in actions if isinstance(one, types.CodeAction)
    ]


def edited(text: str, action: types.CodeAction | types.Command, uri: str, version: int | None) -> str:
    """Return a text after an action's edits, each of which is within one line."""
    assert isinstance(action, types.CodeAction)
    assert action.edit is not None
    if version is None:
        assert action.edit.document_changes is None
        assert action.edit.changes is not None
        edits = action.edit.changes[uri]
    else:
        assert action.edit.changes is None
        assert action.edit.document_changes is not None
        (document,) = action.edit.document_changes
        assert isinstance(document, types.TextDocumentEdit)
        assert document.text_document == types.OptionalVersionedTextDocumentIdentifier(uri, version)
        edits = [one for one in document.edits if isinstance(one, types.TextEdit)]
    lines = text.split("\n")
    for edit in edits:
        line, start, end = edit.range.start.line, edit.range.start.character, edit.range.end.character
        lines[line] = lines[line][:start] + edit.new_text + lines[line][end:]
    return "\n".join(lines)


async def test_cold_module(editor: Editor) -> None:
    cold = await editor.codes("two.js", ["cache-cold"])
    actions = await offered(editor, "two.js", cold)
    assert shown(actions) == [
        ("Warm this module", "quickfix"),
        ("Warm this module and all it reaches", "quickfix"),
        ("Rebuild its cache", SOURCE),
    ]
    commands = [one.command for one in actions if isinstance(one, types.CodeAction) and one.command]
    uri = editor.uri("two.js")
    assert [(one.command, one.arguments) for one in commands] == [
        ("esmcache.warm", (uri, {"reach": False})),
        ("esmcache.warm", (uri,)),
        ("esmcache.rebuild", (uri,)),
    ]
    assert isinstance(actions[0], types.CodeAction)
    assert actions[0].diagnostics == tuple(cold)


async def test_warming_this_module_leaves_others_cold(editor: Editor) -> None:
    editor.write("reached.js", "export {};\n")
    editor.write("reaching.js", 'import "./reached.js";\n')
    warm, warm_all, rebuild = await offered(editor, "reaching.js", only=[SOURCE])
    for action, expected in ((warm, ["cache-cold"]), (warm_all, []), (rebuild, [])):
        assert isinstance(action, types.CodeAction)
        assert action.command is not None
        await editor.command(action.command.command, *action.command.arguments or ())
        await editor.codes("reaching.js", [])
        await editor.codes("reached.js", expected)


async def test_without_diagnostics_all_are_actions_on_the_source(editor: Editor) -> None:
    assert shown(await offered(editor, "one.js")) == [
        ("Warm this module", SOURCE),
        ("Warm this module and all it reaches", SOURCE),
        ("Rebuild its cache", SOURCE),
    ]
    assert await offered(editor, "one.js", only=[types.CodeActionKind.QuickFix]) == []
    assert await offered(editor, "one.js", only=[types.CodeActionKind.Refactor]) == []
    assert len(await offered(editor, "one.js", only=[types.CodeActionKind.Source])) == 3
    assert len(await offered(editor, "one.js", only=[types.CodeActionKind.Empty])) == 3


async def test_other_files_have_no_actions(editor: Editor) -> None:
    assert await offered(editor, "package.json") == []


async def test_mending_a_specifier(editor: Editor) -> None:
    found = await editor.diagnostics("app.js", lambda found: len(found) > 3)
    unresolved = [one for one in found if one.code == "unresolved-import"]
    assert len(unresolved) == 4
    for diagnostic, before, after in (
        (unresolved[0], "'./lib/A'", "'./lib/A.js'"),
        (unresolved[1], "'./lib'", "'./lib/index.js'"),
        (unresolved[2], "'./LIB/a.js'", "'./lib/a.js'"),
    ):
        (action,) = await offered(editor, "app.js", [diagnostic], [types.CodeActionKind.QuickFix])
        assert isinstance(action, types.CodeAction)
        assert action.title == f'Change to "{after[1:-1]}"'
        assert action.is_preferred
        assert action.diagnostics == (diagnostic,)
        assert edited(APP, action, editor.uri("app.js"), 1) == APP.replace(before, after)
    assert await offered(editor, "app.js", [unresolved[3]], [types.CodeActionKind.QuickFix]) == []


async def test_mending_all_specifiers(editor: Editor) -> None:
    for only in ([types.CodeActionKind.SourceFixAll], [FIX_ALL]):
        (action,) = await offered(editor, "app.js", only=only)
        assert shown([action]) == [("Fix all specifiers", FIX_ALL)]
        expected = APP.replace("/A'", "/A.js'").replace("lib';", "lib/index.js';").replace("LIB", "lib")
        assert edited(APP, action, editor.uri("app.js"), 1) == expected
    assert await offered(editor, "two.js", only=[FIX_ALL]) == []


async def test_diagnostics_of_others_are_left_alone(editor: Editor) -> None:
    foreign = types.Diagnostic(between(APP, "./lib/A"), "?", source="ts", data={"replacement": "./x.js"})
    assert await offered(editor, "app.js", [foreign], [types.CodeActionKind.QuickFix]) == []


async def test_edits_without_versions(pushing: SharedServer, tmp_path: Path) -> None:
    """Neovim before 0.10 needed this; it has the diagnostics that were pushed to it."""
    async with pushing.a_folder(tmp_path, FILES) as editor:
        editor.open("app.js")
        found = await editor.diagnostics("app.js", len)
        (action,) = await offered(editor, "app.js", [found[0]], [types.CodeActionKind.QuickFix])
        assert edited(APP, action, editor.uri("app.js"), None) == APP.replace("/A'", "/A.js'")
