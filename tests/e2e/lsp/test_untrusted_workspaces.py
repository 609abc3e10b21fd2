"""A workspace that the editor says is not trusted is analysed, but nothing of it gets into the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.editor import Editor, an_editor, between, neovim, visual_studio_code

pytestmark = pytest.mark.asyncio

MARK = "a_name_that_is_nowhere_else"
APP = f"import {{ {MARK} }} from './a.js';\nconsole.log({MARK});\n"
FILES = {"app.js": APP, "a.js": f"export const {MARK} = 1;\n"}
REFUSAL = "this workspace is not trusted: esmcache neither warms nor caches it; trust it in the editor first"
CLIENTS = pytest.mark.parametrize("client", [visual_studio_code, neovim], ids=["pull", "push"])


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory for the server's temporary files."""
    directory = tmp_path / "temporary"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@CLIENTS
async def test_nothing_is_kept_of_it(
    client: Callable[[], types.ClientCapabilities], tmp_path: Path, node: Path, temporary: Path
) -> None:
    async with an_editor(
        tmp_path, node, FILES, client(), trusted=False, warmOnStart=True, severity={"cache-cold": "error"}
    ) as editor:
        editor.open("app.js")
        await editor.codes("app.js", [])
        editor.retype("app.js", "import './gone.js';\n")
        await editor.codes("app.js", ["unresolved-import"])
        editor.save("app.js", APP + "// saved\n")
        editor.write("b.js", f"export const {MARK} = 2;\n")
        editor.touched("a.js", "b.js", "package.json")
        await editor.codes("app.js", [])
        for command, *arguments in (
            ("esmcache.warm", editor.uri("app.js")),
            ("esmcache.warm", editor.uri("app.js"), {"reach": False}),
            ("esmcache.warmWorkspace",),
            ("esmcache.rebuild",),
            ("esmcache.rebuild", editor.uri("app.js")),
            ("esmcache.launch", editor.uri("app.js")),
            ("esmcache.explain", editor.uri("app.js")),
        ):
            with pytest.raises(JsonRpcException) as caught:
                await editor.command(command, *arguments)
            assert caught.value.message == REFUSAL, command
        await still_analysed(editor)
        assert [one.message for one in editor.client.messages] == []
    assert not editor.user.cache_dir.exists()
    assert list(files_that_tell_of(editor, editor.user.home, temporary)) == []


@CLIENTS
async def test_all_begins_when_it_is_trusted(
    client: Callable[[], types.ClientCapabilities], tmp_path: Path, node: Path
) -> None:
    async with an_editor(tmp_path, node, FILES, client(), trusted=False, warmOnStart=True) as editor:
        shows_status = client is visual_studio_code
        if shows_status:
            await editor.until(lambda: editor.status.get("message") == REFUSAL)
            assert editor.status["health"] == "warning"
        editor.open("app.js", APP + "import './gone.js';\n")
        await editor.codes("app.js", ["unresolved-import"])
        await grant(editor)
        if shows_status:
            await editor.until(lambda: editor.status.get("health") == "ok" and editor.status.get("quiescent"))
            assert editor.status["message"] == ""
        # The typed text is still open, and the workspace is warmed as at a start.
        await editor.diagnostics("app.js", lambda found: "unresolved-import" in {one.code for one in found})
        await until_fresh(editor, "a.js")
        editor.open("a.js")
        editor.save("a.js", f"export const {MARK} = 3;\n")
        await until_fresh(editor, "a.js")


@pytest.mark.parametrize("trusted", [None, 0, "true"])
async def test_what_is_not_true_is_not_trusted(trusted: object, tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, FILES, neovim(), trusted=trusted) as editor:
        with pytest.raises(JsonRpcException, match="not trusted"):
            await editor.warm()


async def test_no_configuration_can_grant_trust(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, FILES, visual_studio_code(), trusted=False, warmOnStart=True) as editor:
        editor.configure(trusted=True, codeLens=False)
        none: list[object] = [{"trusted": "true"}, {"trusted": 1}, {}, [], None]
        for params in none:
            editor.client.protocol.notify("esmcache/didChangeTrust", params)
        with pytest.raises(JsonRpcException, match="not trusted"):
            await editor.warm()
    assert not editor.user.cache_dir.exists()


async def test_trust_that_is_withdrawn(tmp_path: Path, node: Path) -> None:
    """The workspace is no longer warmed; the user may still ask for the cache, which other projects share."""
    async with an_editor(tmp_path, node, FILES, visual_studio_code()) as editor:
        await editor.warm()
        before = await editor.command("esmcache.stats")
        editor.client.protocol.notify("esmcache/didChangeTrust", {"trusted": False})
        with pytest.raises(JsonRpcException, match="not trusted"):
            await editor.warm()
        await still_analysed(editor)
        assert (await editor.command("esmcache.stats"))["modules"] == before["modules"] == 2
        assert (await editor.command("esmcache.clear"))["bytesBefore"] > 0


async def grant(editor: Editor) -> None:
    """Report that the user trusts the workspace."""
    editor.client.protocol.notify("esmcache/didChangeTrust", {"trusted": True})


async def still_analysed(editor: Editor) -> None:
    """Assert that features without a cache work: a hover, and the link of an import."""
    place = types.TextDocumentIdentifier(editor.uri("app.js"))
    position = between(APP, "./a.js").start
    hover = await editor.client.text_document_hover_async(types.HoverParams(place, position))
    assert hover is not None and isinstance(hover.contents, types.MarkupContent)
    assert "cache: cold" in hover.contents.value
    links = await editor.client.text_document_document_link_async(types.DocumentLinkParams(place))
    assert [one.target for one in links or ()] == [editor.uri("a.js")]


async def until_fresh(editor: Editor, name: str) -> None:
    """Wait until a file's current text is cached; not every client gets a message about that."""
    async with asyncio.timeout(WATCHDOG_S):
        while (await editor.request("esmcache/lookup", uri=editor.uri(name)))["state"] != "fresh":
            pass


def files_that_tell_of(editor: Editor, *directories: Path) -> Iterator[Path]:
    """Yield the files that contain the project's path or one of its names."""
    for directory in directories:
        for path in directory.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                if str(editor.root).encode() in content or MARK.encode() in content:
                    yield path
