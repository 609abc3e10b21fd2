"""A server that many tests share: each test opens a folder of its own and closes it at the end.

The server warms nothing by itself: it would warm an opened folder after a pause, while a test needs it cold. A test may
set `warmOnSave` for its folder if it saves files only; after reports of changed files the server warms after a pause,
too, so such tests need a server of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types

from e2e.lsp.connection import Connection, connected
from e2e.lsp.editor import PROJECT, Editor, a_user


class SharedServer:
    """One server, started for the first test that needs it and again after it has ended."""

    def __init__(
        self, directory: Path, node: Path | None, capabilities: Callable[[], types.ClientCapabilities]
    ) -> None:
        self._user = a_user(directory, node)
        self._capabilities = capabilities
        self._connection: Connection | None = None
        self._running = AsyncExitStack()

    async def connection(self) -> Connection:
        """Return the connection to the running server."""
        if self._connection is None or not self._connection.is_alive:
            await self.end()
            self._connection = Connection(self._user, self._capabilities())
            await self._running.enter_async_context(connected(self._connection, None, warmOnSave=False))
        return self._connection

    @asynccontextmanager
    async def a_folder(
        self, directory: Path, files: Mapping[str, str], *, is_open: bool = True, **settings: Any
    ) -> AsyncIterator[Editor]:
        """Yield an editor of a new folder below `directory`, with its own files and settings.

        At the end, the documents and all folders are closed, and the settings are reset. Without `is_open` the folder
        is not opened, as when a user opens a single file.
        """
        editor = Editor(await self.connection(), directory / "project", settings)
        connection = editor.connection
        editor.root.mkdir()
        for name, text in {**PROJECT, **files}.items():
            editor.write(name, text)
        try:
            if is_open:
                connection.change_folders(added=[editor.root])
            if settings:
                await connection.apply(settings)
            yield editor
        finally:
            if connection.is_alive:
                await _leave(editor)

    async def end(self) -> None:
        """End the server if it runs."""
        self._connection = None
        await self._running.aclose()


async def _leave(editor: Editor) -> None:
    """Close all that a test has opened. A server that has ended or hangs fails this test, not the next one."""
    connection = editor.connection
    try:
        await connection.catch_up()
        for name in list(editor.versions):
            editor.close(name)
        await connection.apply({})
        connection.change_folders(removed=connection.folders)
        await connection.catch_up()
    except TimeoutError:
        await connection.kill()
        raise
