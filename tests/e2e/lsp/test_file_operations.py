"""Renames and moves: what the editor is told to write anew leaves a program that still runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.uris import to_fs_path

from e2e.lsp.editor import WATCHDOG_S, Editor, an_editor, visual_studio_code

pytestmark = pytest.mark.asyncio

FILES = {
    "package.json": json.dumps(
        {
            "name": "demo",
            "type": "module",
            "main": "./src/app.js",
            "exports": {".": "./src/app.js", "./parts/*": "./src/parts/*.js"},
            "imports": {"#tool": {"node": "./src/tool.js", "default": "./src/other.js"}},
        },
        indent=2,
    ),
    "src/app.js": (
        "import { a } from './a.js';\n"
        "export * from './parts/one.js';\n"
        "import * as two from 'demo/parts/two';\n"
        "import tool from '#tool';\n"
        "const late = await import('./parts/one.js');\n"
        "console.log(a, two.two, tool, late.one);\n"
    ),
    "src/a.js": "import { one } from './parts/one.js';\nexport const a = 'a' + one;\n",
    "src/parts/one.js": "import helper from '../helper.cjs';\nexport const one = 'one' + helper;\n",
    "src/parts/two.js": "import { one } from './one.js';\nexport const two = `two ${one}`;\n",
    "src/helper.cjs": "module.exports = require('./deep') + require('./table.json').length;\n",
    "src/deep.cjs": "",
    "src/deep.js": "",
    "src/deep/index.js": "module.exports = 'deep';\n",
    "src/deep/package.json": "{}",
    "src/table.json": "[1, 2]\n",
    "src/tool.js": "export default 'tool';\n",
    "src/other.js": "export default 'other';\n",
}
MOVES = {
    "a file": [("src/a.js", "src/lib/letters/a.js")],
    "a file with importers in its own folder": [("src/parts/one.js", "src/parts/uno.js")],
    "a file up": [("src/parts/one.js", "one.js")],
    "a folder": [("src/parts", "src/pieces")],
    "a pattern's file within the pattern": [("src/parts/two.js", "src/parts/deux.js")],
    "CommonJS and what it requires": [("src/helper.cjs", "lib/helper.cjs")],
    "a file behind a name without extension": [("src/table.json", "src/data/table.json")],
    "a folder's index": [("src/deep", "src/deeper")],
    "a target of imports": [("src/tool.js", "src/lib/tool.js")],
    "the entry point": [("src/app.js", "main.js")],
    "two at once": [("src/a.js", "src/b/a.js"), ("src/parts/one.js", "src/b/one.js")],
    "a name with what URLs do not take": [("src/a.js", "src/a #1?%.js")],
}


@pytest.mark.parametrize("name", MOVES)
async def test_the_program_does_the_same(name: str, tmp_path: Path, node: Path) -> None:
    files = {path: text for path, text in FILES.items() if text}
    async with an_editor(tmp_path, node, files, visual_studio_code()) as editor:
        await editor.warm()
        before = _run(editor, node, "src/app.js")
        moves = MOVES[name]
        edit = await _will_rename(editor, moves)
        assert edit is not None
        _apply(edit)
        for old, new in moves:
            (editor.root / new).parent.mkdir(parents=True, exist_ok=True)
            (editor.root / old).rename(editor.root / new)
        editor.client.workspace_did_rename_files(_renames(editor, moves))
        assert _run(editor, node, dict(moves).get("src/app.js", "src/app.js")) == before
        assert not (await editor.command("esmcache.warmWorkspace"))["problems"]


async def test_a_file_that_nobody_imports_needs_no_edit(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, {"app.js": "import 'node:fs';\n", "notes.js": ""}) as editor:
        await editor.warm()
        assert await _will_rename(editor, [("notes.js", "other.js")]) is None


async def test_unsaved_text_is_what_is_edited(tmp_path: Path, node: Path) -> None:
    files = {"app.js": "import './a.js';\n", "a.js": "export {};\n"}
    async with an_editor(tmp_path, node, files, visual_studio_code()) as editor:
        await editor.warm()
        editor.open("app.js", "// typed\n\nimport   './a.js';\n")
        edit = await _will_rename(editor, [("a.js", "b.js")])
        assert edit is not None and edit.document_changes is not None
        change = edit.document_changes[0]
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == 1
        assert [(one.range.start.line, one.range.start.character) for one in change.edits] == [(2, 10)]


async def test_what_was_deleted_is_forgotten(tmp_path: Path, node: Path) -> None:
    files = {"app.js": "import './a/a.js';\n", "a/a.js": "export {};\n"}
    async with an_editor(tmp_path, node, files, visual_studio_code()) as editor:
        await editor.warm()
        editor.open("app.js")
        (editor.root / "a" / "a.js").unlink()
        (editor.root / "a").rmdir()
        deleted = [types.FileDelete(editor.uri("a"))]
        editor.client.workspace_did_delete_files(types.DeleteFilesParams(deleted))
        await editor.diagnostics("app.js", lambda found: [one for one in found if one.code == "unresolved-import"])
        assert (await editor.request("esmcache/lookup", uri=editor.uri("a/a.js")))["state"] != "fresh"


async def test_a_client_that_does_not_tell_of_renames(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, {}, types.ClientCapabilities()) as editor:
        assert editor.server_capabilities.workspace is not None
        assert editor.server_capabilities.workspace.file_operations in (None, types.FileOperationOptions())


async def _will_rename(editor: Editor, moves: list[tuple[str, str]]) -> types.WorkspaceEdit | None:
    request = editor.client.workspace_will_rename_files_async(_renames(editor, moves))
    return await asyncio.wait_for(request, WATCHDOG_S)


def _renames(editor: Editor, moves: list[tuple[str, str]]) -> types.RenameFilesParams:
    return types.RenameFilesParams([types.FileRename(editor.uri(old), editor.uri(new)) for old, new in moves])


def _apply(edit: types.WorkspaceEdit) -> None:
    for change in edit.document_changes or ():
        assert isinstance(change, types.TextDocumentEdit)
        path = Path(to_fs_path(change.text_document.uri) or "")
        lines = path.read_text().split("\n")
        for one in sorted(change.edits, key=lambda one: (one.range.start.line, one.range.start.character))[::-1]:
            assert isinstance(one, types.TextEdit) and one.range.start.line == one.range.end.line
            line = lines[one.range.start.line]
            lines[one.range.start.line] = (
                line[: one.range.start.character] + one.new_text + line[one.range.end.character :]
            )
        path.write_text("\n".join(lines))


def _run(editor: Editor, node: Path, entry: str) -> str:
    result = subprocess.run([node, editor.root / entry], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout
