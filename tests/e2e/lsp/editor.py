"""An editor for tests, with the real server over stdio, its own project, and its own user with a cache.

Nothing here sleeps: a condition is checked again whenever the server has sent a message.
"""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, Union

from cattrs import Converter
from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient, client_capabilities
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES

from conftest import FOREIGN_VARIABLES

T = TypeVar("T")

# A loaded machine is slow; only a server that hangs takes longer than this.
WATCHDOG_S = 120

PROJECT = {"package.json": '{"name": "demo", "type": "module", "main": "app.js"}\n'}
SERVER = [sys.executable, "-m", "esmcache_lsp", "--stdio"]


def visual_studio_code() -> types.ClientCapabilities:
    """Return the capabilities of VS Code, which pulls diagnostics and supports all refresh requests."""
    capabilities = copy.deepcopy(client_capabilities("visual-studio-code"))
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
    return copy.deepcopy(client_capabilities("neovim@v0.9.1"))


def neovim_pulling() -> types.ClientCapabilities:
    """Return the capabilities of Neovim 0.11, which pulls diagnostics and can count columns in bytes."""
    return copy.deepcopy(client_capabilities("neovim@v0.11.0"))


def with_encoding(
    capabilities: types.ClientCapabilities, encoding: types.PositionEncodingKind
) -> types.ClientCapabilities:
    """Return the capabilities with `encoding` as the only position encoding."""
    capabilities = copy.deepcopy(capabilities)
    capabilities.general = capabilities.general or types.GeneralClientCapabilities()
    capabilities.general.position_encodings = [encoding]
    return capabilities


@dataclass(frozen=True)
class User:
    """A user's own directories; `environment` points a process to them."""

    home: Path
    node: Path

    @property
    def cache_dir(self) -> Path:
        return self.home / "cache"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
        }

    async def esmcache(self, *arguments: str | Path, codes: Sequence[int] = (0,)) -> None:
        """Run the command line while other work continues; `codes` are the expected exit codes."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "esmcache",
            *map(str, arguments),
            env={**self.environment, "ESMCACHE_DIR": str(self.cache_dir), "ESMCACHE_NODE": str(self.node)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await asyncio.wait_for(process.communicate(), WATCHDOG_S)
        assert process.returncode in codes, errors.decode()


@dataclass
class Editor:
    """A client with an open folder; file names are relative to the folder."""

    client: LanguageClient
    root: Path
    user: User
    capabilities: types.ClientCapabilities
    server_capabilities: types.ServerCapabilities = field(default_factory=types.ServerCapabilities)
    status: dict[str, Any] = field(default_factory=dict)
    registered: list[str] = field(default_factory=list)
    refreshed: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

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
        item = types.TextDocumentItem(self.uri(name), "javascript", 1, text)
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
        self._news.clear()
        await asyncio.wait_for(self._news.wait(), WATCHDOG_S)

    async def until(self, condition: Callable[[], T | None]) -> T:
        """Return the first true value of a condition, which is checked whenever the server has sent a message."""
        async with asyncio.timeout(WATCHDOG_S):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
        return value

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

    async def asked(self, ask: Callable[[], Awaitable[T]], condition: Callable[[T], object]) -> T:
        """Return the first answer for which a condition holds; it is asked again after each message of the server.

        Clients, too, ask again only after a message from the server.
        """
        async with asyncio.timeout(WATCHDOG_S):
            while True:
                self._news.clear()
                answer = await ask()
                if condition(answer):
                    return answer
                await self._news.wait()

    async def codes(self, name: str, expected: Sequence[str]) -> list[types.Diagnostic]:
        """Return a file's diagnostics when they have these codes, in any order."""
        return await self.diagnostics(name, lambda found: sorted(str(one.code) for one in found) == sorted(expected))

    def configure(self, **settings: Any) -> None:
        """Change settings and make the server request them."""
        self.client.set_configuration({"esmcache": settings})
        self.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

    def noting(self, method: str) -> Callable[[], bool]:
        """Return a condition that holds once the server has sent a refresh request of this method."""
        seen = self.refreshed.get(method, 0)
        return lambda: self.refreshed.get(method, 0) > seen

    def note(self) -> None:
        """Make all waiting conditions check again."""
        self._news.set()

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
    *,
    folders: bool = True,
    **settings: Any,
) -> AsyncIterator[Editor]:
    """Yield an editor with a new project and a user of its own, both below `directory`.

    Without `folders` no folder is open, as when a user opens a single file.
    """
    root, user = directory / "project", User(directory / "home", node or directory / "no-node")
    user.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.mkdir()
    editor = Editor(LanguageClient(converter_factory=_converter), root, user, capabilities or visual_studio_code())
    for name, text in {**PROJECT, **files}.items():
        editor.write(name, text)
    async with connected(editor, folders=folders, **settings):
        yield editor


@asynccontextmanager
async def another(editor: Editor, **settings: Any) -> AsyncIterator[Editor]:
    """Yield a second editor of the same user and project, with its own server."""
    client = LanguageClient(converter_factory=_converter)
    second = Editor(client, editor.root, editor.user, editor.capabilities)
    async with connected(second, **settings):
        yield second


@asynccontextmanager
async def connected(editor: Editor, *, folders: bool = True, **settings: Any) -> AsyncIterator[None]:
    """Start the server for an editor, and end it as clients do."""
    client = editor.client
    _register(editor)
    client.set_configuration({"esmcache": settings})
    await client.start_io(*SERVER, env=editor.user.environment)
    options = {"warmOnStart": False, "cacheDir": str(editor.user.cache_dir), "node": str(editor.user.node), **settings}
    parameters = types.InitializeParams(
        capabilities=editor.capabilities,
        root_uri=editor.root.as_uri() if folders else None,
        workspace_folders=[types.WorkspaceFolder(editor.root.as_uri(), editor.root.name)] if folders else None,
        initialization_options=options,
    )
    try:
        result = await asyncio.wait_for(client.initialize_session(parameters), WATCHDOG_S)
        editor.server_capabilities = result.capabilities
        yield
    finally:
        await asyncio.wait_for(client.shutdown_session(), WATCHDOG_S)
        # pytest-lsp has no types for this.
        stop: Callable[[], Awaitable[None]] = client.stop
        await asyncio.wait_for(stop(), WATCHDOG_S)


def _register(editor: Editor) -> None:
    """Register the handlers of this client: pytest-lsp's own, with a note of each message."""
    client = editor.client

    def counting(method: str) -> Callable[[Any], None]:
        def count(_: Any) -> None:
            editor.refreshed[method] = editor.refreshed.get(method, 0) + 1
            editor.note()

        return count

    def register_capability(parameters: types.RegistrationParams) -> None:
        editor.registered += [one.method for one in parameters.registrations]
        editor.note()

    def take_status(parameters: Any) -> None:
        editor.status = {name: getattr(parameters, name) for name in parameters._fields}
        editor.note()

    def progress(parameters: types.ProgressParams) -> None:
        DEFAULT_CLIENT_FEATURES[types.PROGRESS](client, parameters)
        editor.note()

    def publish(parameters: types.PublishDiagnosticsParams) -> None:
        client.diagnostics[parameters.uri] = parameters.diagnostics
        editor.note()

    own: dict[str, Callable[[Any], None]] = {
        types.CLIENT_REGISTER_CAPABILITY: register_capability,
        types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: publish,
        types.PROGRESS: progress,
        "esmcache/status": take_status,
        **{
            method: counting(method)
            for method in (
                types.WORKSPACE_CODE_LENS_REFRESH,
                types.WORKSPACE_INLAY_HINT_REFRESH,
                types.WORKSPACE_DIAGNOSTIC_REFRESH,
            )
        },
    }
    for method, handler in DEFAULT_CLIENT_FEATURES.items():
        if method not in own:
            client.feature(method)(handler)
    for method, handler in own.items():
        client.feature(method)(handler)


def _converter() -> Converter:
    """Return pygls' converter, corrected: it takes a code action with a command for a command (lsprotocol 2025.0)."""
    make: Callable[[], Converter] = default_converter
    converter = make()

    def action_or_command(value: dict[str, Any], _: object) -> types.CodeAction | types.Command:
        if isinstance(value.get("command"), str):
            return converter.structure(value, types.Command)
        return converter.structure(value, types.CodeAction)

    converter.register_structure_hook(types.Command | types.CodeAction, action_or_command)
    converter.register_structure_hook(Union[types.Command, types.CodeAction], action_or_command)  # noqa: UP007
    return converter


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
