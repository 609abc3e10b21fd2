"""The lens above a module's first line: its title, the effect of a click, and its refreshes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, at, has
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {
    "app.js": 'import "./a.js";\n',
    "a.js": 'import "./b.js";\nimport "./data.json" with { type: "json" };\n',
    "b.js": "export const b = 1;\n",
    "data.json": "{}\n",
    "notes.txt": "no module\n",
}


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        yield editor


async def lenses(editor: Editor, name: str) -> list[types.CodeLens]:
    found = await editor.client.text_document_code_lens_async(types.CodeLensParams(editor.place(name)))
    assert found is not None
    return list(found)


async def title(editor: Editor, name: str) -> str:
    """Return the title of a file's only lens, without Node's version."""
    (lens,) = await lenses(editor, name)
    assert lens.command is not None
    words, _, version = lens.command.title.rpartition(" · ")
    assert version.startswith("v24.")
    return words


async def test_life_of_a_lens(editor: Editor) -> None:
    uri = editor.open("app.js")
    assert await title(editor, "app.js") == "esmcache: cold"
    (lens,) = await lenses(editor, "app.js")
    assert lens.range == at(0, 0, 0)
    assert lens.command is not None
    assert (lens.command.command, lens.command.arguments) == ("esmcache.warm", (uri,))
    is_refreshed = editor.noting(types.WORKSPACE_CODE_LENS_REFRESH)
    await editor.command(lens.command.command, *lens.command.arguments or ())
    await editor.asked(partial(title, editor, "app.js"), lambda shown: shown == "esmcache: warm · 4 modules · 101 B")
    assert is_refreshed()
    assert await title(editor, "b.js") == "esmcache: warm · 1 module · 20 B"

    editor.write("app.js", 'import "./b.js";\n')
    assert await title(editor, "app.js") == "esmcache: stale · 4 modules · 101 B"


async def test_what_has_no_lens(editor: Editor) -> None:
    assert await lenses(editor, "notes.txt") == []
    assert await lenses(editor, "data.json") == []
    untitled = types.TextDocumentIdentifier("untitled:Untitled-1")
    assert not await editor.client.text_document_code_lens_async(types.CodeLensParams(untitled))


async def test_module_that_is_not_served(editor: Editor) -> None:
    editor.write("broken.js", "let = (;\n")
    await editor.command("esmcache.warm", editor.uri("broken.js"))
    assert await title(editor, "broken.js") == "esmcache: native · 1 module · 9 B"


async def test_setting(editor: Editor) -> None:
    for name in ("codeLens", "enable"):
        for is_on in (False, True):
            is_refreshed = editor.noting(types.WORKSPACE_CODE_LENS_REFRESH)
            editor.configure(**{name: is_on})
            await editor.asked(partial(lenses, editor, "app.js"), has(int(is_on)))
            assert is_refreshed()


async def test_no_node(tmp_path: Path) -> None:
    async with an_editor(tmp_path, None, FILES) as editor:
        (lens,) = await lenses(editor, "app.js")
        assert lens.command is not None
        assert lens.command.title == "esmcache: cold · no Node"
