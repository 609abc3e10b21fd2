"""A test's client, connected to the real server over stdio, for a user with directories of its own.

Nothing here sleeps: a condition is checked again whenever the server has sent a message.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, Union

from cattrs import Converter
from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES

from conftest import user_environment

T = TypeVar("T")

# A loaded machine is slow; only a server that hangs takes longer than this.
WATCHDOG_S = 120

SERVER = [sys.executable, "-m", "esmcache_lsp", "--stdio"]


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
        return user_environment(self.home)

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


@cache
def _converter() -> Converter:
    """Return pygls' converter, corrected: it takes a code action with a command for a command (lsprotocol 2025.0).

    All clients share it, since its first messages of each type are slow.
    """
    make: Callable[[], Converter] = default_converter
    converter = make()

    def action_or_command(value: dict[str, Any], _: object) -> types.CodeAction | types.Command:
        if isinstance(value.get("command"), str):
            return converter.structure(value, types.Command)
        return converter.structure(value, types.CodeAction)

    converter.register_structure_hook(types.Command | types.CodeAction, action_or_command)
    converter.register_structure_hook(Union[types.Command, types.CodeAction], action_or_command)  # noqa: UP007
    return converter


@dataclass
class Connection:
    """A client and what the server has sent to it. The editors of several folders can share a connection."""

    user: User
    capabilities: types.ClientCapabilities
    client: LanguageClient = field(default_factory=partial(LanguageClient, converter_factory=_converter))
    server_capabilities: types.ServerCapabilities = field(default_factory=types.ServerCapabilities)
    status: dict[str, Any] = field(default_factory=dict)
    registered: list[str] = field(default_factory=list)
    refreshed: dict[str, int] = field(default_factory=dict)
    given_configurations: int = 0
    # The folders that the client has opened since the start.
    folders: list[Path] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_alive(self) -> bool:
        """Return whether the server runs and has sent only messages that the client understands."""
        server = self.client._server
        return server is not None and server.returncode is None and self.client.error is None

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

    def note(self) -> None:
        """Make all waiting conditions check again."""
        self._news.set()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings and make the server request them."""
        self.client.set_configuration({"esmcache": dict(settings)})
        self.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

    async def apply(self, settings: Mapping[str, Any]) -> None:
        """Change settings and wait until the server has applied them."""
        before = self.given_configurations
        self.configure(settings)
        await self.until(lambda: self.given_configurations > before)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Wait until the server has handled all messages that were sent before."""
        place = types.TextDocumentIdentifier((self.user.home / "no.js").as_uri())
        request = self.client.text_document_document_link_async(types.DocumentLinkParams(place))
        await asyncio.wait_for(request, WATCHDOG_S)

    def change_folders(self, added: Sequence[Path] = (), removed: Sequence[Path] = ()) -> None:
        """Open and close folders."""
        self.folders = [one for one in self.folders if one not in removed] + list(added)
        event = types.WorkspaceFoldersChangeEvent([_folder(one) for one in added], [_folder(one) for one in removed])
        self.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    async def kill(self) -> None:
        """Kill the server if it still runs."""
        server = self.client._server
        if server is not None:
            with suppress(ProcessLookupError):
                server.kill()
            await server.wait()


@asynccontextmanager
async def connected(connection: Connection, root: Path | None, **settings: Any) -> AsyncIterator[None]:
    """Start the server for a client, and end it as clients do; a server that has ended already is left as it is.

    Without a `root` no folder is open, as when a user opens a single file.
    """
    client, user = connection.client, connection.user
    _register(connection)
    client.set_configuration({"esmcache": settings})
    await client.start_io(*SERVER, env=user.environment)
    options = {"warmOnStart": False, "cacheDir": str(user.cache_dir), "node": str(user.node), **settings}
    parameters = types.InitializeParams(
        capabilities=connection.capabilities,
        root_uri=None if root is None else root.as_uri(),
        workspace_folders=None if root is None else [_folder(root)],
        initialization_options=options,
    )
    try:
        result = await asyncio.wait_for(client.initialize_session(parameters), WATCHDOG_S)
        connection.server_capabilities = result.capabilities
        yield
    finally:
        if connection.is_alive:
            await asyncio.wait_for(client.shutdown_session(), WATCHDOG_S)
        # pytest-lsp has no types for this.
        stop: Callable[[], Awaitable[None]] = client.stop
        await asyncio.wait_for(stop(), WATCHDOG_S)


def _folder(path: Path) -> types.WorkspaceFolder:
    return types.WorkspaceFolder(path.as_uri(), path.name)


def _register(connection: Connection) -> None:
    """Register the handlers of this client: pytest-lsp's own, with a note of each message."""
    client = connection.client

    def counting(method: str) -> Callable[[Any], None]:
        def count(_: Any) -> None:
            connection.refreshed[method] = connection.refreshed.get(method, 0) + 1
            connection.note()

        return count

    def register_capability(parameters: types.RegistrationParams) -> None:
        connection.registered += [one.method for one in parameters.registrations]
        connection.note()

    def give_configuration(parameters: types.ConfigurationParams) -> Any:
        connection.given_configurations += 1
        connection.note()
        return DEFAULT_CLIENT_FEATURES[types.WORKSPACE_CONFIGURATION](client, parameters)

    def take_status(parameters: Any) -> None:
        connection.status = {name: getattr(parameters, name) for name in parameters._fields}
        connection.note()

    def progress(parameters: types.ProgressParams) -> None:
        DEFAULT_CLIENT_FEATURES[types.PROGRESS](client, parameters)
        connection.note()

    def publish(parameters: types.PublishDiagnosticsParams) -> None:
        client.diagnostics[parameters.uri] = parameters.diagnostics
        connection.note()

    own: dict[str, Callable[[Any], Any]] = {
        types.CLIENT_REGISTER_CAPABILITY: register_capability,
        types.WORKSPACE_CONFIGURATION: give_configuration,
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
