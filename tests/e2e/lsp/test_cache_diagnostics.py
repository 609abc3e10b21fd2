"""Diagnostics of a module's cache: cold, stale, damaged and not served. They disappear when the module is warm."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, at, neovim, visual_studio_code
from e2e.lsp.shared_server import SharedServer
from esmcache.store.index import Index
from esmcache.store.rows import VerdictRow

pytestmark = pytest.mark.asyncio(loop_scope="session")

WARNING, HINT = types.DiagnosticSeverity.Warning, types.DiagnosticSeverity.Hint
CLIENTS = pytest.mark.parametrize("capabilities", [visual_studio_code, neovim], ids=["pull", "push"])


@pytest_asyncio.fixture(loop_scope="session", params=["pull", "push"])
async def editor(
    request: pytest.FixtureRequest, pulling: SharedServer, pushing: SharedServer, tmp_path: Path
) -> AsyncIterator[Editor]:
    server = pulling if request.param == "pull" else pushing
    async with server.a_folder(tmp_path, {}, warmOnSave=True) as editor:
        yield editor


def a_module(editor: Editor, name: str) -> str:
    """Write a module that no other test has, and return its name."""
    editor.write(f"{name}.js", f"export const name = {name!r};\n")
    return f"{name}.js"


def said(found: list[types.Diagnostic]) -> list[tuple[object, ...]]:
    return [(one.code, one.severity, one.range, one.message) for one in found]


async def code_cache(editor: Editor, name: str) -> Path:
    """Return the path of a module's code cache."""
    answer = await editor.request("esmcache/lookup", uri=editor.uri(name))
    return Path(answer["codeCachePath"])


async def test_cold_until_it_is_saved(editor: Editor) -> None:
    name = a_module(editor, "saved")
    editor.open(name)
    found = await editor.codes(name, ["cache-cold"])
    assert said(found) == [("cache-cold", HINT, at(0, 0, 0), "not cached yet")]
    editor.save(name, "export const saved = 1;\n")
    await editor.codes(name, [])


async def test_cold_until_somebody_else_warms_it(editor: Editor) -> None:
    name = a_module(editor, "elsewhere")
    editor.open(name)
    await editor.codes(name, ["cache-cold"])
    is_refreshed = editor.noting(types.WORKSPACE_DIAGNOSTIC_REFRESH)
    await editor.user.esmcache("warm", editor.root / name)
    if editor.server_capabilities.diagnostic_provider is not None:
        await editor.until(is_refreshed)
    await editor.codes(name, [])


async def test_stale_until_it_is_warmed(editor: Editor) -> None:
    name = a_module(editor, "changed")
    await editor.command("esmcache.warm", editor.uri(name))
    editor.open(name)
    await editor.codes(name, [])
    editor.write(name, "export const other = 1;\n")
    editor.close(name)
    editor.open(name)
    found = await editor.codes(name, ["cache-stale"])
    assert said(found) == [("cache-stale", HINT, at(0, 0, 0), "changed since it was cached")]
    await editor.command("esmcache.warm", editor.uri(name))
    await editor.codes(name, [])


@pytest.mark.parametrize("what", ["code cache", "sound code cache of another source", "source"])
async def test_damaged_until_it_is_rebuilt(editor: Editor, what: str) -> None:
    name = a_module(editor, f"damaged {what}")
    await editor.command("esmcache.warm", editor.uri(name))
    if what != "source":
        path = await code_cache(editor, name)
        entry = bytearray(path.read_bytes())
        entry[-1] ^= 1
        if what != "code cache":
            # Node would accept this entry.
            entry[16:20] = zlib.crc32(entry[20:]).to_bytes(4, "little")
        path.write_bytes(entry)
        detail = "its code cache differs from its SHA-256"
    else:
        source = (editor.root / name).read_bytes()
        (pack,) = (one for one in (editor.user.cache_dir / "packs").rglob("*") if source in _content(one))
        pack.write_bytes(_content(pack).replace(source, source.upper()))
        detail = "its source in the pack differs from its checksum"
    editor.open(name)
    (found,) = await editor.codes(name, ["cache-damaged"])
    assert (found.severity, found.message) == (WARNING, f"the cache of this module is damaged: {detail}")
    await editor.command("esmcache.rebuild", editor.uri(name))
    await editor.codes(name, [])


async def test_quarantined(editor: Editor) -> None:
    """The index gets the row of a Node process that ended while it compiled the source."""
    name = a_module(editor, "quarantined")
    await editor.command("esmcache.warm", editor.uri(name))
    answer = await editor.request("esmcache/lookup", uri=editor.uri(name))
    digest = sha256((editor.root / name).read_bytes()).digest()
    with Index(editor.user.cache_dir / "index.db") as index, index.transaction():
        index.put([VerdictRow(answer["engine"], "module", digest, "quarantined", "the process ended", 0, 0, "[]")])
    editor.open(name)
    (found,) = await editor.codes(name, ["cache-quarantined"])
    assert found.severity is WARNING
    assert found.message == "this module has no code cache: the process ended"


async def test_not_served(editor: Editor) -> None:
    editor.write("plain/package.json", "{}")
    editor.write("plain/main.js", "export const a = 1;\n")
    editor.open("plain/main.js")
    await editor.command("esmcache.warm", editor.uri("plain/main.js"))
    found = await editor.codes("plain/main.js", ["not-served"])
    because = 'a module by its syntax alone (package.json has no "type")'
    assert said(found) == [("not-served", HINT, at(0, 0, 0), f"Node loads this module itself: {because}")]
    editor.write("plain/package.json", '{"type": "module"}')
    editor.touched("plain/package.json")
    await editor.command("esmcache.warm", editor.uri("plain/main.js"))
    await editor.codes("plain/main.js", [])


async def test_text_that_cannot_be_cached_says_so_once(editor: Editor) -> None:
    editor.write("broken.js", "let = (;\n")
    editor.open("broken.js")
    await editor.command("esmcache.warm", editor.uri("broken.js"))
    await editor.codes("broken.js", ["syntax-error"])


async def test_what_is_no_module_has_none(editor: Editor) -> None:
    for name, text in {"data.json": "{}", "notes.md": "import x from './x.js'\n"}.items():
        editor.write(name, text)
        editor.open(name)
        await editor.codes(name, [])
        editor.close(name)


@CLIENTS
async def test_engine_missing_is_said_once(tmp_path: Path, capabilities: Any) -> None:
    files = {"a.js": 'import "./gone.js";\n', "b.js": "export const b = 1;\n"}
    async with an_editor(tmp_path, None, files, capabilities()) as editor:
        editor.open("a.js")
        found = await editor.codes("a.js", ["engine-missing", "unresolved-import"])
        (missing,) = (one for one in found if one.code == "engine-missing")
        assert (missing.severity, missing.range) == (WARNING, at(0, 0, 0))
        assert missing.message.startswith("no Node to compile for: ")
        editor.open("b.js")
        await editor.codes("b.js", [])


async def test_whole_workspace_is_warmed_at_the_start(tmp_path: Path, node: Path) -> None:
    """The warm covers package.json's entry point and modules that it does not reach; open documents become warm."""
    files = {"app.js": 'import "./lib.js";\n', "lib.js": "export {};\n", "alone.js": "export {};\n"}
    async with an_editor(tmp_path, node, files, warmOnStart=True) as editor:
        for name in files:
            editor.open(name)
        for name in files:
            await editor.codes(name, [])
        assert json.loads((editor.root / "package.json").read_text("utf-8"))["main"] == "app.js"


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
