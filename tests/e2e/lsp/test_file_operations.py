"""Renames and moves: after the editor has applied the server's edits, the program still runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.uris import to_fs_path

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.editor import Editor
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {
    "package.json": json.dumps(
        {
            "name": "demo",
            "type": "module",
            "main": "./src/app.js",
            "exports": {".": "./src/app.js", "./parts/*": "./src/parts/*.js"},
            "imports": {
                "#tool": {"node": "./src/tool.js", "default": "./src/other.js"},
                "#inner/*": {"browser": "./web/*.js", "default": "./src/inner/*.js"},
            },
        },
        indent=2,
    ),
    "src/app.js": (
        "import { a } from './a.js';\n"
        "export * from './parts/one.js';\n"
        "import * as two from 'demo/parts/two';\n"
        "import tool from '#tool';\n"
        "const late = await import('./parts/one.js');\n"
        "import { deep } from '#inner/low/deep';\n"
        "import again from './asked.js?again=1#part';\n"
        "import 'demo/parts/one';\n"
        'const asked = ["./asked.js", await import(`./asked.js`), await import("./asked.js#?")];\n'
        "console.log(a, two.two, tool, late.one, deep, again, asked.length);\n"
    ),
    "src/inner/low/deep.js": "import { a } from '../../a.js';\nexport const deep = `deep ${a}`;\n",
    "src/asked.js": "import { deep } from '#inner/low/deep';\nexport default new URL(import.meta.url).search + deep;\n",
    "src/a.js": "import { one } from './parts/one.js';\nexport const a = 'a' + one;\n",
    "src/parts/one.js": "import helper from '../helper.cjs';\nexport const one = 'one' + helper;\n",
    "src/parts/two.js": "import { one } from './one.js';\nexport const two = `two ${one}`;\n",
    "src/helper.cjs": "module.exports = require('./deep').name + require('./table.json').length;\n",
    "src/deep.cjs": "",
    "src/deep.js": "",
    "src/deep/index.js": "exports.name = 'deep';\nrequire('./other.cjs');\n",
    "src/deep/other.cjs": "require('.').name += 'er';\n",
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
    "a folder with its index": [("src/deep", "src/deeper")],
    "a folder's index": [("src/deep/index.js", "src/deep/main.js")],
    "a target of imports": [("src/tool.js", "src/lib/tool.js")],
    "the entry point": [("src/app.js", "main.js")],
    "two at once": [("src/a.js", "src/b/a.js"), ("src/parts/one.js", "src/b/one.js")],
    "a name with what URLs do not take": [("src/a.js", "src/a #1?%.js")],
    "what is asked for with a query and a fragment": [("src/asked.js", "src/late/asked.js")],
    "a name with what strings do not take": [("src/asked.js", "src/é'\"`${b} %41?#.js")],
    "the same for require": [("src/table.json", "src/é'\"`${b}\\ %41?#.json")],
    "out of a pattern of imports": [("src/inner/low/deep.js", "src/deep er.js")],
    "within a pattern of imports": [("src/inner/low/deep.js", "src/inner/#high/é.js")],
    "a folder within a pattern": [("src/inner/low", "src/inner/high")],
    "all of a pattern": [("src/inner", "src/outer")],
    "out of a pattern of exports, for the package itself": [("src/parts/two.js", "two.js")],
    "two files that change places": [("src/a.js", "src/asked.js"), ("src/asked.js", "src/a.js")],
    "a file out of a folder that moves": [("src/inner", "src/outer"), ("src/inner/low/deep.js", "deep.js")],
}


# A warm is not required; after a warm, the index also knows importers.
WARM = ("a file", "a folder", "CommonJS and what it requires", "what is asked for with a query and a fragment")


@pytest.mark.parametrize(("name", "is_warm"), [*((name, False) for name in MOVES), *((name, True) for name in WARM)])
async def test_the_program_does_the_same(
    name: str, is_warm: bool, pulling: SharedServer, tmp_path: Path, node: Path
) -> None:
    files = {path: text for path, text in FILES.items() if text}
    async with pulling.a_folder(tmp_path, files) as editor:
        if is_warm:
            await editor.warm()
        before = _run(editor, node, "src/app.js")
        moves = MOVES[name]
        edit = await _will_rename(editor, moves)
        assert edit is not None
        _apply(edit)
        # The deepest files move first, one after the other, through temporary names.
        for number, (old, _) in reversed(list(enumerate(moves))):
            (editor.root / old).rename(editor.root / f"moving-{number}")
        for number, (_, new) in enumerate(moves):
            (editor.root / new).parent.mkdir(parents=True, exist_ok=True)
            (editor.root / f"moving-{number}").rename(editor.root / new)
        editor.client.workspace_did_rename_files(_renames(editor, moves))
        assert _run(editor, node, dict(moves).get("src/app.js", "src/app.js")) == before
        assert not (await editor.command("esmcache.warmWorkspace"))["problems"]


async def test_what_other_packages_cannot_reach_any_more_is_left_alone(pulling: SharedServer, tmp_path: Path) -> None:
    files = {
        "package.json": '{"name": "all", "workspaces": ["*"]}',
        "lib/package.json": '{"name": "lib", "type": "module", "exports": {"./*": "./src/*.js"}}',
        "lib/src/a.js": "export const a = 1;\n",
        "app/package.json": '{"name": "app", "type": "module"}',
        "app/app.js": "import { a } from 'lib/a';\n",
    }
    async with pulling.a_folder(tmp_path, files) as editor:
        (editor.root / "node_modules").mkdir()
        (editor.root / "node_modules/lib").symlink_to("../lib")
        within = await _will_rename(editor, [("lib/src/a.js", "lib/src/b/c.js")])
        assert within is not None
        assert _edited(within) == {editor.uri("app/app.js"): ["lib/b/c"]}
        assert await _will_rename(editor, [("lib/src/a.js", "lib/a.js")]) is None


async def test_files_are_called_as_the_client_calls_them(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import './a.js';\n", "b.js": "import './a.js';\n", "a.js": "export {};\n"}
    async with pulling.a_folder(tmp_path, files, is_open=False) as editor:
        linked = tmp_path / "a link"
        linked.symlink_to(editor.root)
        editor.root = linked
        editor.connection.change_folders(added=[linked])
        editor.open("b.js")
        edit = await _will_rename(editor, [("a.js", "lib/a.js")])
        assert edit is not None
        assert _edited(edit) == {editor.uri("app.js"): ["./lib/a.js"], editor.uri("b.js"): ["./lib/a.js"]}


async def test_a_link_that_is_renamed(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import './link.js';\nimport './a.js';\n", "a.js": "export {};\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        (editor.root / "link.js").symlink_to("a.js")
        edit = await _will_rename(editor, [("link.js", "other.js")])
        assert edit is not None
        assert _edited(edit) == {editor.uri("app.js"): ["./other.js"]}


async def test_letters_stay_as_they_are_written(pulling: SharedServer, tmp_path: Path) -> None:
    """Characters that the user wrote without percent-encoding stay so, although encoding them is allowed."""
    files = {"app.js": "import './ä b/a.js';\nimport './%C3%A4%20b/a.js';\n", "ä b/a.js": "export {};\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        edit = await _will_rename(editor, [("ä b/a.js", "ä b/ö.js")])
        assert edit is not None
        assert _edited(edit) == {editor.uri("app.js"): ["./ä b/ö.js", "./%C3%A4%20b/%C3%B6.js"]}


async def test_a_file_that_nobody_imports_needs_no_edit(pulling: SharedServer, tmp_path: Path) -> None:
    async with pulling.a_folder(tmp_path, {"app.js": "import 'node:fs';\n", "notes.js": ""}) as editor:
        await editor.warm()
        assert await _will_rename(editor, [("notes.js", "other.js")]) is None


async def test_unsaved_text_is_what_is_edited(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import './a.js';\n", "a.js": "export {};\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        await editor.warm()
        editor.open("app.js", "// typed\n\nimport   './a.js';\n")
        edit = await _will_rename(editor, [("a.js", "b.js")])
        assert edit is not None and edit.document_changes is not None
        change = edit.document_changes[0]
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == 1
        assert [(one.range.start.line, one.range.start.character) for one in change.edits] == [(2, 10)]


async def test_what_was_deleted_is_forgotten(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import './a/a.js';\n", "a/a.js": "export {};\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        await editor.warm()
        editor.open("app.js")
        (editor.root / "a" / "a.js").unlink()
        (editor.root / "a").rmdir()
        deleted = [types.FileDelete(editor.uri("a"))]
        editor.client.workspace_did_delete_files(types.DeleteFilesParams(deleted))
        await editor.diagnostics("app.js", lambda found: [one for one in found if one.code == "unresolved-import"])
        assert (await editor.request("esmcache/lookup", uri=editor.uri("a/a.js")))["state"] != "fresh"


async def _will_rename(editor: Editor, moves: list[tuple[str, str]]) -> types.WorkspaceEdit | None:
    request = editor.client.workspace_will_rename_files_async(_renames(editor, moves))
    return await asyncio.wait_for(request, WATCHDOG_S)


def _renames(editor: Editor, moves: list[tuple[str, str]]) -> types.RenameFilesParams:
    return types.RenameFilesParams([types.FileRename(editor.uri(old), editor.uri(new)) for old, new in moves])


def _edited(edit: types.WorkspaceEdit) -> dict[str, list[str]]:
    """Return the new texts by the URIs of their files."""
    changes = [one for one in edit.document_changes or () if isinstance(one, types.TextDocumentEdit)]
    return {
        one.text_document.uri: [text.new_text for text in one.edits if isinstance(text, types.TextEdit)]
        for one in sorted(changes, key=lambda one: one.text_document.uri)
    }


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
