"""The commands that a user can run: their names and their answers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcRequestCancelled
from pygls.lsp.server import LanguageServer

from esmcache.cache import Cache
from esmcache.errors import CacheError
from esmcache.ide.workspace import Workspace
from esmcache_lsp.answers import explanation_to_json, graph_to_json, statistics_to_json, summary_to_json
from esmcache_lsp.convert import path_from_uri, uri_from_path
from esmcache_lsp.protocol import answered
from esmcache_lsp.session import Session
from esmcache_lsp.warmer import Stopped
from esmcache_lsp.workers import ProcessEnded

_LINES_OF_LOG = 200

Command = Callable[..., Awaitable[Any]]


def register(server: LanguageServer, session: Session) -> None:
    """Register the commands."""
    commands = _Commands(server, session)
    named: dict[str, Command] = {
        "esmcache.warm": commands.warm,
        "esmcache.warmWorkspace": commands.warm_workspace,
        "esmcache.rebuild": commands.rebuild,
        "esmcache.clear": commands.clear,
        "esmcache.stats": commands.stats,
        "esmcache.graph": commands.graph,
        "esmcache.explain": commands.explain,
        "esmcache.showOutput": commands.show_output,
        "esmcache.launch": commands.launch,
    }
    for name, command in named.items():
        server.command(name)(_answering(command))


def _answering(command: Command) -> Command:
    """Return a handler that checks the arguments and turns each failure into a response error of one line."""
    signature = inspect.signature(command)

    async def handler(*arguments: Any) -> Any:
        try:
            signature.bind(*arguments)
        except TypeError as error:
            raise JsonRpcInvalidParams(str(error)) from None
        try:
            return await command(*arguments)
        except Stopped:
            raise JsonRpcRequestCancelled from None
        except (CacheError, OSError, ProcessEnded) as error:
            raise JsonRpcException(str(error)) from None

    return handler


class _Commands:
    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server = server
        self._session = session

    async def warm(self, uri: str, options: object = None) -> dict[str, Any]:
        """Warm a file and all that it reaches, or the file alone if `reach` is false."""
        path = _path(uri)
        reach = options.get("reach", True) if isinstance(options, dict) else getattr(options, "reach", True)
        if reach:
            return summary_to_json(await self._session.warm([path]))
        update = await self._session.change_cache(Cache.update, [Path(path)], self._session.settings.conditions)
        return summary_to_json(update)

    async def warm_workspace(self) -> dict[str, Any]:
        """Warm all folders."""
        return summary_to_json(await self._session.warm(self._session.folders))

    async def rebuild(self, uri: str | None = None) -> dict[str, Any]:
        """Forget a file, or the workspace's own modules, and warm again."""
        session = self._session
        own = [_path(uri)] if uri else await session.ask(Workspace.own_modules, session.folders)
        await session.change_cache(Cache.forget, [Path(path) for path in own])
        return summary_to_json(await session.warm(own if uri else session.folders))

    async def clear(self) -> dict[str, Any]:
        """Remove everything from the cache."""
        collected = await self._session.change_cache(Cache.clear)
        return {"bytesBefore": collected.bytes_before, "bytesAfter": collected.bytes_after}

    async def stats(self) -> dict[str, Any]:
        """Return counts and sizes of the whole cache."""
        return statistics_to_json(await self._session.use_cache(Cache.statistics))

    async def graph(self, uri: str | None = None) -> dict[str, Any]:
        """Return the module graph of a file or of the workspace."""
        path = None if uri is None else _path(uri)
        return graph_to_json(await self._session.ask(Workspace.graph, path, self._session.folders))

    async def explain(self, uri: str) -> dict[str, Any]:
        """Return why a file is served or not."""
        return explanation_to_json(await self._session.ask(Workspace.explain, _path(uri)))

    async def show_output(self) -> dict[str, Any]:
        """Show the log if the client can show documents; return the log's last lines."""
        path = self._session.log_path
        if path is None:
            return {"path": None, "text": "the log goes to stderr; start esmcache-lsp with --log-file to keep it"}
        absolute_path, text = await asyncio.to_thread(_end_of_log, path)
        window = self._server.client_capabilities.window
        if window is not None and window.show_document is not None and window.show_document.support:
            uri = uri_from_path(absolute_path)
            shown = self._server.window_show_document_async(types.ShowDocumentParams(uri, take_focus=True))
            await answered(shown, None)
        return {"path": absolute_path, "text": text}

    async def launch(self, uri: str) -> dict[str, Any]:
        """Return the command line that starts a file with the cache."""
        hook = str(await self._session.use_cache(Cache.install_hook))
        build = await self._session.use_cache(Cache.supported_node)
        cache_dir, conditions = self._session.settings.cache_dir, self._session.settings.conditions
        return {
            "executable": build.executable,
            "args": ["--require", hook, *(f"--conditions={one}" for one in conditions), _path(uri)],
            "env": {"ESMCACHE_DIR": cache_dir} if cache_dir else {},
            "hook": hook,
        }


def _end_of_log(path: str) -> tuple[str, str]:
    """Return the log's absolute path and its last lines."""
    lines = Path(path).read_text("utf-8", "replace").splitlines()[-_LINES_OF_LOG:]
    return str(Path(path).absolute()), "\n".join(lines)


def _path(uri: object) -> str:
    path = path_from_uri(uri) if isinstance(uri, str) else None
    if path is None:
        raise JsonRpcInvalidParams(f"{uri!r} is no file: URI")
    return path
