"""A client of one `esmcache-lsp` over stdio, which measures how long the server's answers take."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from common import Failure

SERVER = Path(sys.executable).with_name("esmcache-lsp")
WATCHDOG_S = 120
_RELATIVE = re.compile(r"""(?:from|import)\s*['"](?P<specifier>\.[^'"]*)['"]""")
_LANGUAGES = {".js": "javascript", ".ts": "typescript"}


@dataclass(frozen=True)
class Edit:
    """A line that replaces the line of the edit before; the first is inserted into the text.

    The milliseconds from `didSave` to published diagnostics are appended to `diagnostics`, and those to a cache from
    which the next start is served to `served`. The server publishes only diagnostics that have changed, so an edit that
    does not change them has None for `diagnostics`.
    """

    line: str
    diagnostics: list[float] | None
    served: list[float] | None


class Session:
    """A client of one server."""

    def __init__(
        self,
        workspace: Path,
        node: Path,
        cache_dir: Path,
        environment: Mapping[str, str],
        entries: Sequence[str] = (),
    ) -> None:
        self._workspace = workspace
        self._options = {"node": str(node), "cacheDir": str(cache_dir), "entries": list(entries)}
        self._environment = environment
        self._client = LanguageClient("benchmark", "1")
        self._diagnostics: dict[str, asyncio.Future[list[types.Diagnostic]]] = {}
        self._quiescent = asyncio.Event()
        self._is_quiescent = False
        # pygls sets attributes on the handler, and a bound method does not allow that.
        self._client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._note_diagnostics(params))
        self._client.feature("esmcache/status")(lambda params: self._note_status(params))

    async def begin(self) -> None:
        """Start the server and wait until the workspace is warm."""
        await self._client.start_io(str(SERVER), "--stdio", env=dict(self._environment))
        folder = types.WorkspaceFolder(self._workspace.as_uri(), "workspace")
        capabilities = types.ClientCapabilities(experimental={"esmcacheStatus": True})
        await self._client.initialize_async(
            types.InitializeParams(
                capabilities=capabilities,
                process_id=os.getpid(),
                workspace_folders=[folder],
                initialization_options=self._options,
            )
        )
        self._client.initialized(types.InitializedParams())
        await self._command("esmcache.warmWorkspace")

    async def end(self) -> None:
        """End the server."""
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self._client.stop()  # type: ignore[no-untyped-call]

    async def saved(self, path: Path) -> None:
        """Report a save of a file's text on disk, and wait until the cache contains it."""
        identifier = types.TextDocumentIdentifier(path.as_uri())
        document = _document(path, path.read_text("utf-8"))
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        self.await_news()
        self._client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
        await self.settled()
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def await_news(self) -> None:
        """Make `settled` wait for events from now on."""
        self._quiescent.clear()

    async def settled(self) -> None:
        """Wait until the server has handled all reported and watched changes."""
        await asyncio.wait_for(self._quiescent.wait(), WATCHDOG_S)

    async def save(self, path: Path, at: int, edits: Sequence[Edit], answers: list[float]) -> str:
        """Open a module, make and save each edit, and wait for the results; return the last text.

        Args:
            at: The offset in the text, at the beginning of a line or at the end, where lines are inserted.
            answers: Gets the milliseconds that the event loop took to answer during each save.
        """
        uri, text = path.as_uri(), path.read_text("utf-8", "replace")
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(_document(path, text)))
        before, after = text[:at], text[at:]
        start = types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)
        end = start
        for version, edit in enumerate(edits, 2):
            whole = before + edit.line + after
            change = types.TextDocumentContentChangePartial(types.Range(start, end), edit.line)
            end = types.Position(start.line + 1, 0)
            identifier = types.VersionedTextDocumentIdentifier(version, uri)
            path.write_text(whole, "utf-8")
            self._client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
            published = self._diagnostics[uri] = asyncio.get_running_loop().create_future()
            self._quiescent.clear()
            began = perf_counter()
            self._client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))
            answering = asyncio.create_task(self._request("esmcache/unknown", None, answers))
            if edit.diagnostics is not None:
                await asyncio.wait_for(published, WATCHDOG_S)
                edit.diagnostics.append((perf_counter() - began) * 1000)
            await asyncio.wait_for(self._quiescent.wait(), WATCHDOG_S)
            if edit.served is not None:
                edit.served.append((perf_counter() - began) * 1000)
            await answering
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        return whole

    async def ask_around(self, paths: Sequence[Path], links: list[float], hovers: list[float]) -> None:
        """Request document links and a hover over the first specifier of each module, and append the milliseconds."""
        for path in paths:
            text = path.read_text("utf-8", "replace")
            self._client.text_document_did_open(types.DidOpenTextDocumentParams(_document(path, text)))
            found = _RELATIVE.search(text)
            identifier = types.TextDocumentIdentifier(path.as_uri())
            asked = types.DocumentLinkParams(identifier)
            # The first answer waits for the server to open the document, so it is not counted.
            await self._request(types.TEXT_DOCUMENT_DOCUMENT_LINK, asked, [])
            await self._request(types.TEXT_DOCUMENT_DOCUMENT_LINK, asked, links)
            if found is not None:
                at = found.start("specifier") + 1
                line = text.count("\n", 0, at)
                position = types.Position(line, at - (text.rfind("\n", 0, at) + 1))
                hover = types.HoverParams(identifier, position)
                await self._request(types.TEXT_DOCUMENT_HOVER, hover, hovers)
            self._client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def _request(self, method: str, params: object, times: list[float]) -> None:
        began = perf_counter()
        try:
            await asyncio.wait_for(self._client.protocol.send_request_async(method, params), WATCHDOG_S)
        except TimeoutError:
            raise Failure(f"{method} is not answered") from None
        except JsonRpcException:
            # An unknown method is refused by the event loop itself, and that is the time to measure.
            if params is not None:
                raise
        times.append((perf_counter() - began) * 1000)

    async def _command(self, name: str) -> None:
        command: Callable[[types.ExecuteCommandParams], Awaitable[Any]] = self._client.workspace_execute_command_async
        await asyncio.wait_for(command(types.ExecuteCommandParams(name, [])), WATCHDOG_S)

    def _note_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        waiting = self._diagnostics.get(params.uri)
        if waiting is not None and not waiting.done():
            waiting.set_result(list(params.diagnostics))

    def _note_status(self, params: Any) -> None:
        if params.quiescent and not self._is_quiescent:
            self._quiescent.set()
        self._is_quiescent = params.quiescent


def _document(path: Path, text: str) -> types.TextDocumentItem:
    return types.TextDocumentItem(path.as_uri(), _LANGUAGES[path.suffix], 1, text)
