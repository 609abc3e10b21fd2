"""A server under faults: killed workers, a cache that vanishes, a full disk, and clients that disconnect."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.editor import Editor, an_editor, another, neovim, visual_studio_code
from e2e.lsp.shared_server import SharedServer
from processes import descendants_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {"app.js": "import { a } from './a.js';\nconsole.log(a);\n", "a.js": "export const a = 1;\n"}


async def test_nodes_worker_is_killed(pulling: SharedServer, tmp_path: Path, node: Path) -> None:
    async with pulling.a_folder(tmp_path, FILES, warmOnSave=True) as editor:
        await editor.warm()
        for number in range(3):
            for pid in _descendants(editor):
                if os.path.samefile(f"/proc/{pid}/exe", node):
                    os.kill(pid, signal.SIGKILL)
            await _saves(editor, number)


async def test_the_process_with_the_texts_is_killed(pushing: SharedServer, tmp_path: Path) -> None:
    async with pushing.a_folder(tmp_path, FILES) as editor:
        await editor.warm()
        editor.open("app.js")
        await editor.codes("app.js", [])
        editor.retype("app.js", "import { b } from './a.js';\n")
        await editor.codes("app.js", ["missing-export"])
        for pid in _descendants(editor):
            os.kill(pid, signal.SIGKILL)
        # The text was not saved, so the new process must get the typed text.
        editor.edit("app.js", (types.Range(types.Position(1, 0), types.Position(1, 0)), "import './gone.js';\n"))
        await editor.codes("app.js", ["missing-export", "unresolved-import"])


async def test_the_cache_directory_vanishes(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, FILES, visual_studio_code()) as editor:
        await editor.warm()
        # A rename removes the directory at once, even while the server writes into it.
        editor.user.cache_dir.rename(tmp_path / "removed")
        await _saves(editor, 1)
        assert (await editor.command("esmcache.warmWorkspace"))["modules"] == 2
        assert (await editor.request("esmcache/lookup", uri=editor.uri("a.js")))["state"] == "fresh"


async def test_the_index_is_damaged(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, FILES, visual_studio_code()) as editor:
        await editor.warm()
    (editor.user.cache_dir / "index.db").write_bytes(b"no database" * 1000)
    async with another(editor) as again:
        assert (await again.command("esmcache.warmWorkspace"))["modules"] == 2
        await _saves(again, 1)


async def test_the_disk_is_full_for_a_while(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, FILES, visual_studio_code()) as editor:
        await editor.warm()
        # After this, the process that saves is one of the descendants.
        await _saves(editor, 0)
        editor.open("a.js")
        pids = _descendants(editor)
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        editor.save("a.js", "export const a = 'no room for this one';\n")
        await editor.until(lambda: editor.status.get("health") == "error")
        assert "\n" not in editor.status["message"]
        for pid in set(pids) & set(_descendants(editor)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        editor.close("a.js")
        await _saves(editor, 1)
        await editor.until(lambda: editor.status.get("health") == "ok")


@pytest.mark.parametrize("client", [visual_studio_code, neovim], ids=["pull", "push"])
@pytest.mark.parametrize("is_file", [True, False], ids=["file", "writable by others"])
async def test_a_cache_directory_that_cannot_be_used(
    client: Callable[[], types.ClientCapabilities],
    is_file: bool,
    tmp_path: Path,
    node: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    cache = tmp_path / "home" / "cache"
    cache.parent.mkdir(mode=0o700)
    if is_file:
        cache.write_text("")
    else:
        cache.mkdir()
        cache.chmod(0o777)
    async with an_editor(tmp_path, node, FILES, client()) as editor:
        # Diagnostics that need no cache are shown, and no others.
        editor.open("app.js", "import { b } from './a.js';\nimport './gone.js';\n")
        await editor.codes("app.js", ["missing-export", "unresolved-import"])
        editor.retype("app.js", "let a; )\n")
        await editor.codes("app.js", ["syntax-error"])
        editor.retype("app.js", FILES["app.js"])
        await editor.codes("app.js", [])
        for command in ("esmcache.explain", "esmcache.warm"):
            with pytest.raises(JsonRpcException, match="cache directory refused"):
                await editor.command(command, editor.uri("app.js"))
        assert [one.message for one in editor.client.messages if "refused" in one.message][1:] == []

        # The cache is used as soon as that is possible.
        if is_file:
            cache.unlink()
        else:
            cache.chmod(0o700)
        await editor.codes("app.js", ["cache-cold"])


async def test_several_servers_and_command_lines_on_one_cache(tmp_path: Path, node: Path) -> None:
    files = {f"m{number}.js": f"export const a = {number};\n" for number in range(12)}
    files["app.js"] = "".join(f"import './{name}';\n" for name in files)
    async with (
        an_editor(tmp_path, node, files, visual_studio_code()) as first,
        another(first) as second,
        another(first) as third,
    ):
        await first.warm()
        for number in range(4):
            for place, editor in enumerate((first, second, third)):
                name = f"m{number + 4 * place}.js"
                editor.open(name)
                editor.save(name, f"export const a = 'saved {number}';\n")
            await first.user.esmcache("warm", "--quiet", first.root / "app.js")
        for place, editor in enumerate((first, second, third)):
            for number in range(4):
                await _until_fresh(editor, f"m{number + 4 * place}.js")
            assert editor.status["health"] == "ok"
            assert not [one for one in editor.client.messages if "lock" in one.message.lower()]


@pytest.mark.parametrize("how", ["exit", "gone", "terminated"])
async def test_nothing_is_left_when_a_client_leaves_without_a_word(how: str, tmp_path: Path, node: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "ESMCACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "app.js").write_text("export {};\n")
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "esmcache_lsp", "--stdio"),
        env={**environment, "ESMCACHE_NODE": str(node)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin and server.stdout
    _send(server.stdin, {"id": 1, "method": "initialize", "params": {"capabilities": {}, "rootUri": tmp_path.as_uri()}})
    await asyncio.wait_for(server.stdout.readuntil(b"}}"), WATCHDOG_S)
    _send(server.stdin, {"method": "initialized", "params": {}})
    _send(server.stdin, {"id": 2, "method": "workspace/executeCommand", "params": {"command": "esmcache.stats"}})
    await asyncio.wait_for(server.stdout.readuntil(b"totalBytes"), WATCHDOG_S)
    children = descendants_of(server.pid)
    assert children
    if how == "exit":
        _send(server.stdin, {"method": "exit"})
    elif how == "gone":
        server.stdin.close()
    else:
        server.terminate()
    code = await asyncio.wait_for(server.wait(), WATCHDOG_S)
    assert code == {"exit": 1, "gone": 0, "terminated": -signal.SIGTERM}[how]
    async with asyncio.timeout(WATCHDOG_S):
        while any(Path(f"/proc/{pid}/cmdline").exists() and _is_alive(pid) for pid in children):
            await asyncio.to_thread(os.sched_yield)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _send(pipe: asyncio.StreamWriter, message: dict[str, object]) -> None:
    content = json.dumps({"jsonrpc": "2.0", **message}).encode()
    pipe.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))


def _descendants(editor: Editor) -> list[int]:
    server = editor.client._server
    assert server is not None
    return descendants_of(server.pid)


async def _saves(editor: Editor, number: int) -> None:
    """Save a module, and wait until its new text is cached."""
    editor.open("a.js")
    editor.save("a.js", f"export const a = 'saved {number}';\n")
    await _until_fresh(editor, "a.js")
    editor.close("a.js")


async def _until_fresh(editor: Editor, name: str) -> None:
    async with asyncio.timeout(WATCHDOG_S):
        while (await editor.request("esmcache/lookup", uri=editor.uri(name)))["state"] != "fresh":
            await editor.news()
