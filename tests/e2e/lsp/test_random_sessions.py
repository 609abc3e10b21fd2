"""After any session, the index equals one that is made from scratch."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcInternalError

from conftest import some
from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.editor import Editor, an_editor, neovim, visual_studio_code
from esmcache import Cache
from esmcache.store.index import Index
from esmcache.store.rows import AnalysisRow, EntryPointRow, ModuleRow, RequestRow
from processes import descendants_of

T = TypeVar("T")

pytestmark = pytest.mark.asyncio

STEPS = 40
NAMES = tuple(f"src/m{number}.js" for number in range(10))


@pytest.mark.parametrize("seed", some(range(6), 2))
async def test_the_index_is_that_of_the_files(seed: int, tmp_path: Path, node: Path) -> None:
    draw = random.Random(seed)
    files = {name: _text(draw, name) for name in NAMES}
    files["app.js"] = "".join(f"import './{name}';\n" for name in NAMES[:5])
    capabilities = neovim() if seed % 2 else visual_studio_code()
    async with an_editor(tmp_path, node, files, capabilities, warmOnStart=True) as editor:
        session = _Session(editor, draw)
        for _ in range(STEPS):
            await session.step()
        for name in list(session.open):
            session.leave(name)
        # The second warm begins without any kill before it.
        for _ in range(2):
            await _after_kills(editor.warm)
        assert await _after_kills(lambda: editor.command("esmcache.explain", editor.uri("app.js")))
    found = _index_of(tmp_path / "home" / "cache", editor.root)
    with Cache.open(cache_dir=str(tmp_path / "fresh"), node=str(node)) as cache:
        cache.warm([editor.root])
    assert found == _index_of(tmp_path / "fresh", editor.root)


async def _after_kills(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to a request, which is sent again as long as the restart of a killed process has to wait."""
    async with asyncio.timeout(WATCHDOG_S):
        while True:
            try:
                return await ask()
            except JsonRpcInternalError as error:
                assert "try again" in str(error)


class _Session:
    """Does random actions of a user and of the user's other programs."""

    def __init__(self, editor: Editor, draw: random.Random) -> None:
        self._editor = editor
        self._draw = draw
        self.open: list[str] = []

    async def step(self) -> None:
        steps = (self._open, self._type, self._save, self._save, self._write, self._move, self._delete, self._ask)
        await self._draw.choice((*steps, self._kill, self._warm_elsewhere))()

    def leave(self, name: str) -> None:
        self._editor.close(name)
        self.open.remove(name)

    async def _open(self) -> None:
        closed = [name for name in self._files() if name not in self.open]
        if closed:
            name = self._draw.choice(closed)
            self._editor.open(name)
            self.open.append(name)

    async def _type(self) -> None:
        if self.open:
            name = self._draw.choice(self.open)
            self._editor.retype(name, _text(self._draw, name))

    async def _save(self) -> None:
        if self.open:
            name = self._draw.choice(self.open)
            self._editor.save(name, _text(self._draw, name))

    async def _write(self) -> None:
        name = self._draw.choice(NAMES)
        self._editor.write(name, _text(self._draw, name))
        self._editor.touched(name)

    async def _move(self) -> None:
        closed = [name for name in self._files() if name not in self.open and name != "app.js"]
        if not closed:
            return
        old, new = self._draw.choice(closed), f"src/{self._draw.choice('xyz')}/n{self._draw.randrange(9)}.js"
        if (self._editor.root / new).exists():
            return
        (self._editor.root / new).parent.mkdir(exist_ok=True)
        (self._editor.root / old).rename(self._editor.root / new)
        self._editor.touched(old, new)

    async def _delete(self) -> None:
        closed = [name for name in self._files() if name not in self.open and name != "app.js"]
        if len(closed) > 3:
            name = self._draw.choice(closed)
            (self._editor.root / name).unlink()
            self._editor.touched(name)

    async def _ask(self) -> None:
        if self.open:
            name = self._draw.choice(self.open)
            await self._editor.client.text_document_hover_async(
                types.HoverParams(self._editor.place(name), types.Position(0, 10))
            )

    async def _kill(self) -> None:
        # These are the server's own processes and Node's workers below them.
        server = self._editor.client._server
        assert server is not None
        victims = descendants_of(server.pid)
        if victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._draw.choice(victims), signal.SIGKILL)

    async def _warm_elsewhere(self) -> None:
        await self._editor.user.esmcache("warm", "--quiet", self._editor.root / "app.js", codes=(0, 1))

    def _files(self) -> list[str]:
        root = self._editor.root
        return sorted(str(path.relative_to(root)) for path in root.rglob("*.js"))


def _text(draw: random.Random, name: str) -> str:
    """Return a module with random imports and exports; some modules have errors."""
    up = "../" * name.count("/")
    lines = []
    for number in range(draw.randrange(4)):
        target = draw.choice((*NAMES, "src/gone.js"))
        form = draw.choice(("import {{ a{0} as b{0} }} from {1};", "export * from {1};", "import {1};", "import({1});"))
        lines.append(form.format(number, repr(f"{up or './'}{target}")))
    lines.append(f"export const a{draw.randrange(4)} = {draw.randrange(1000)};")
    if draw.random() < 0.1:
        lines.append("export const = 1;")
    return "\n".join(lines) + "\n"


def _index_of(cache_dir: Path, root: Path) -> dict[str, object]:
    """Return the index's rows about the project's files, without the times of writing."""
    inside = f"{root}{os.sep}"
    with Index(cache_dir / "index.db") as index:
        modules = {row.url: row for row in index.all(ModuleRow) if row.path.startswith(inside)}
        analyses = {(row.source_sha256, row.kind): row for row in index.all(AnalysisRow)}
        return {
            "modules": {
                url: (row.kind, row.size, row.source_sha256, row.package, row.problem) for url, row in modules.items()
            },
            "analyses": {
                url: (found.requests, found.bindings, found.diagnostics)
                for url, row in modules.items()
                if (found := analyses.get((row.source_sha256, row.kind))) is not None
            },
            "requests": {
                (row.url, row.ordinal): (row.specifier, row.asked, row.resolved_url, row.error_code, row.input_set)
                for row in index.all(RequestRow)
                if row.url in modules
            },
            "entry points": {
                row.path: sorted(one.url for one in index.closure(row.manifest)) for row in index.all(EntryPointRow)
            },
        }
