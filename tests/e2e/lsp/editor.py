"""An editor for tests: a client's open folder, with its files, and positions in texts."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities

from e2e.lsp.connection import WATCHDOG_S, Connection, User, connected

T = TypeVar("T")

PROJECT = {"package.json": '{"name": "demo", "type": "module", "main": "app.js"}\n'}

# These parse a large file at each call.
_capabilities_of = cache(client_capabilities)


def visual_studio_code() -> types.ClientCapabilities:
    """Return the capabilities of VS Code, which pulls diagnostics and supports all refresh requests."""
    capabilities = copy.deepcopy(_capabilities_of("visual-studio-code"))
    assert capabilities.text_document and capabilities.workspace and capabilities.general
    capabilities.text_document.diagnostic = types.DiagnosticClientCapabilities(
        dynamic_registration=True, related_document_support=False, related_information=True
    )
    capabilities.text_document.inlay_hint = types.InlayHintClientCapabilities(dynamic_registration=True)
    capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    capabilities.workspace.inlay_hint = types.InlayHintWorkspaceClientCapabilities(refresh_support=True)
    capabilities.general.position_encodings = [types.PositionEncodingKind.Utf16]
    capabilities.experimental = {"esmcacheStatus": True}
    return capabilities


def neovim() -> types.ClientCapabilities:
    """Return the capabilities of Neovim before 0.10, which gets diagnostics pushed and supports no refresh requests."""
    return copy.deepcopy(_capabilities_of("neovim@v0.9.1"))


def neovim_pulling() -> types.ClientCapabilities:
    """Return the capabilities of Neovim 0.11, which pulls diagnostics and can count columns in bytes."""
    return copy.deepcopy(_capabilities_of("neovim@v0.11.0"))


def with_encoding(
    capabilities: types.ClientCapabilities, encoding: types.PositionEncodingKind
) -> types.ClientCapabilities:
    """Return the capabilities with `encoding` as the only position encoding."""
    capabilities = copy.deepcopy(capabilities)
    capabilities.general = capabilities.general or types.GeneralClientCapabilities()
    capabilities.general.position_encodings = [encoding]
    return capabilities


@dataclass
class Editor:
    """A client's open folder; file names are relative to the folder."""

    connection: Connection
    root: Path
    # The settings with which the folder was opened; those that `configure` leaves out keep these values.
    settings: Mapping[str, Any] = field(default_factory=dict)
    # The last version of each open document.
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def client(self) -> LanguageClient:
        return self.connection.client

    @property
    def user(self) -> User:
        return self.connection.user

    @property
    def capabilities(self) -> types.ClientCapabilities:
        return self.connection.capabilities

    @property
    def server_capabilities(self) -> types.ServerCapabilities:
        return self.connection.server_capabilities

    @property
    def status(self) -> Mapping[str, Any]:
        return self.connection.status

    @property
    def refreshed(self) -> Mapping[str, int]:
        return self.connection.refreshed

    def uri(self, name: str) -> str:
        """Return the URI of a file."""
        return (self.root / name).as_uri()

    def write(self, name: str, text: str) -> None:
        """Write a file as another program would, without a message to the server."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="")

    def touched(self, *names: str) -> None:
        """Report changed files to the server, as the client's file watcher does."""
        changes = [types.FileEvent(self.uri(name), types.FileChangeType.Changed) for name in names]
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))

    def open(self, name: str, text: str | None = None) -> str:
        """Open a file, with a text that differs from the one on disk if `text` is given; return its URI."""
        if text is None:
            text = (self.root / name).read_bytes().decode()
        self.versions[name] = 1
        language = "typescript" if name.endswith("ts") else "javascript"
        item = types.TextDocumentItem(self.uri(name), language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return self.uri(name)

    def edit(self, name: str, *changes: tuple[types.Range, str]) -> None:
        """Type in an open file; the changes are applied in order."""
        self._change(name, [types.TextDocumentContentChangePartial(text=text, range=place) for place, text in changes])

    def retype(self, name: str, text: str) -> None:
        """Replace the text of an open file."""
        self._change(name, [types.TextDocumentContentChangeWholeDocument(text)])

    def save(self, name: str, text: str) -> None:
        """Replace the text of an open file, and save it."""
        self.retype(name, text)
        self.write(name, text)
        self.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        )

    def close(self, name: str) -> None:
        """Close an open file."""
        self.versions.pop(name, None)
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        )

    def place(self, name: str) -> types.TextDocumentIdentifier:
        """Return a file's identifier for requests."""
        return types.TextDocumentIdentifier(self.uri(name))

    async def command(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a command of the server."""
        parameters = types.ExecuteCommandParams(name, list(arguments))
        return plain(await asyncio.wait_for(self.client.workspace_execute_command_async(parameters), WATCHDOG_S))

    async def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to one of esmcache's own requests."""
        send: Callable[[str, Any], Awaitable[Any]] = self.client.protocol.send_request_async
        answer: dict[str, Any] = plain(await asyncio.wait_for(send(method, params), WATCHDOG_S))
        return answer

    async def warm(self) -> None:
        """Warm the folder."""
        await self.command("esmcache.warmWorkspace")

    async def pulled(self, name: str) -> list[types.Diagnostic]:
        """Return the diagnostics that the server gives for a file on request."""
        parameters = types.DocumentDiagnosticParams(self.place(name))
        report = await self.client.text_document_diagnostic_async(parameters)
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        return list(report.items)

    async def news(self) -> None:
        """Wait until the server sends something."""
        await self.connection.news()

    async def until(self, condition: Callable[[], T | None]) -> T:
        """Return the first true value of a condition, which is checked whenever the server has sent a message."""
        return await self.connection.until(condition)

    async def asked(self, ask: Callable[[], Awaitable[T]], condition: Callable[[T], object]) -> T:
        """Return the first answer for which a condition holds; it is asked again after each message of the server."""
        return await self.connection.asked(ask, condition)

    async def diagnostics(
        self, name: str, condition: Callable[[list[types.Diagnostic]], object] = lambda found: True
    ) -> list[types.Diagnostic]:
        """Return a file's diagnostics, pushed or pulled, when the condition holds for them."""
        if self.server_capabilities.diagnostic_provider is None:
            # The server sends nothing for a file without diagnostics. It answers this request only after it has handled
            # all earlier messages.
            await self.client.text_document_document_link_async(types.DocumentLinkParams(self.place(name)))
            uri = self.uri(name)
            await self.until(lambda: condition(list(self.client.diagnostics.get(uri, ()))))
            return list(self.client.diagnostics.get(uri, ()))
        return await self.asked(partial(self.pulled, name), condition)

    async def codes(self, name: str, expected: Sequence[str]) -> list[types.Diagnostic]:
        """Return a file's diagnostics when they have these codes, in any order."""
        return await self.diagnostics(name, lambda found: sorted(str(one.code) for one in found) == sorted(expected))

    def configure(self, **settings: Any) -> None:
        """Change settings and make the server request them."""
        self.connection.configure({**self.settings, **settings})

    def noting(self, method: str) -> Callable[[], bool]:
        """Return a condition that holds once the server has sent a refresh request of this method."""
        seen = self.refreshed.get(method, 0)
        return lambda: self.refreshed.get(method, 0) > seen

    def _change(self, name: str, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        self.versions[name] += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=self.uri(name), version=self.versions[name])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, list(changes)))


@asynccontextmanager
async def an_editor(
    directory: Path,
    node: Path | None,
    files: Mapping[str, str],
    capabilities: types.ClientCapabilities | None = None,
    **settings: Any,
) -> AsyncIterator[Editor]:
    """Yield an editor with a new project and a user of its own, both below `directory`."""
    user = a_user(directory, node)
    editor = Editor(Connection(user, capabilities or visual_studio_code()), directory / "project", settings)
    editor.root.mkdir()
    for name, text in {**PROJECT, **files}.items():
        editor.write(name, text)
    async with connected(editor.connection, editor.root, **settings):
        yield editor


@asynccontextmanager
async def another(editor: Editor, **settings: Any) -> AsyncIterator[Editor]:
    """Yield a second editor of the same user and project, with its own server."""
    second = Editor(Connection(editor.user, editor.capabilities), editor.root, settings)
    async with connected(second.connection, second.root, **settings):
        yield second


def a_user(directory: Path, node: Path | None) -> User:
    """Return a user whose home is below `directory`; without `node`, the user has no Node."""
    user = User(directory / "home", node or directory / "no-node")
    user.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return user


def plain(value: Any) -> Any:
    """Return the answer of one of esmcache's own methods as dictionaries and lists; pygls gives objects."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def has(count: int) -> Callable[[Sequence[object]], bool]:
    """Return the condition that there are `count` items."""
    return lambda found: len(found) == count


def at(line: int, start: int, end: int) -> types.Range:
    """Return a range within one line."""
    return types.Range(types.Position(line, start), types.Position(line, end))


def between(text: str, wanted: str, encoding: str = "utf-16", occurrence: int = 0) -> types.Range:
    """Return the range of a text in another; `occurrence` 0 is the first one."""
    start = -1
    for _ in range(occurrence + 1):
        start = text.index(wanted, start + 1)
    return types.Range(position_of(text, start, encoding), position_of(text, start + len(wanted), encoding))


def marked(text: str, wanted: str, encoding: str = "utf-16") -> types.Range:
    """Return the range of the text between « and » in `wanted`, or of all of it; `wanted` must occur exactly once."""
    before, _, rest = wanted.partition("«")
    inside, _, behind = rest.partition("»")
    assert text.count(before + inside + behind) == 1
    start = text.index(before + inside + behind) + len(before)
    return types.Range(position_of(text, start, encoding), position_of(text, start + len(inside), encoding))


def position_of(text: str, index: int, encoding: str) -> types.Position:
    line = text.count("\n", 0, index)
    before = text[text.rfind("\n", 0, index) + 1 : index]
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    return types.Position(line, len(before.encode(encoding if width == 1 else f"{encoding}-le")) // width)
