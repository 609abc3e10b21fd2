"""Hints after imports, with the modules that each import loads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, between, has
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = """\
import { a } from "./a.js";
import "node:fs";
import {
  b,
} from "./b.js";
export * from "./b.js";
import "./gone.js";
const later = import("./later.js");
"""
FILES = {
    "app.js": APP,
    "a.js": f'import "./b.js";\n//{"a" * 11_980}\nexport const a = 1;\n',
    "b.js": "export const b = 1;\n",
    "later.js": "export const later = 1;\n",
}
EVERYWHERE = types.Range(types.Position(0, 0), types.Position(100, 0))


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        await editor.warm()
        editor.open("app.js")
        yield editor


async def hints(editor: Editor, within: types.Range = EVERYWHERE) -> list[tuple[object, types.Position]]:
    found = await editor.client.text_document_inlay_hint_async(types.InlayHintParams(editor.place("app.js"), within))
    assert found is not None
    return [(one.label, one.position) for one in found]


async def test_hints_of_static_imports(editor: Editor) -> None:
    """Imports of builtins, unresolved imports, and dynamic imports have no hints."""
    assert await hints(editor) == [
        ("2 modules, 12 kB", between(APP, '"./a.js"').end),
        ("1 module, 20 B", between(APP, '"./b.js"').end),
        ("1 module, 20 B", between(APP, '"./b.js"', occurrence=1).end),
    ]


async def test_hints_of_the_visible_lines(editor: Editor) -> None:
    visible = types.Range(types.Position(1, 0), types.Position(4, 100))
    assert await hints(editor, visible) == [("1 module, 20 B", between(APP, '"./b.js"').end)]


async def test_hints_follow_unsaved_text(editor: Editor) -> None:
    editor.retype("app.js", "\n" + APP)
    position = between(APP, '"./a.js"').end
    assert (await hints(editor))[0][1] == types.Position(1, position.character)


async def test_setting(editor: Editor) -> None:
    for is_on, expected in ((False, 0), (True, 3)):
        is_refreshed = editor.noting(types.WORKSPACE_INLAY_HINT_REFRESH)
        editor.configure(inlayHints=is_on)
        await editor.asked(partial(hints, editor), has(expected))
        assert is_refreshed()


async def test_hints_are_asked_for_anew_once_there_are_some(editor: Editor) -> None:
    editor.write("new.js", "export const anew = 1;\n")
    editor.retype("app.js", 'import "./new.js";\n')
    assert await hints(editor) == []
    is_refreshed = editor.noting(types.WORKSPACE_INLAY_HINT_REFRESH)
    await editor.command("esmcache.warm", editor.uri("new.js"))
    expected = [("1 module, 23 B", types.Position(0, 17))]
    await editor.asked(partial(hints, editor), lambda found: found == expected)
    assert is_refreshed()
