"""Makes the server, registers its features and passes messages to it. It must not know what a feature does."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AbstractAsyncContextManager
from importlib import metadata

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache_lsp.convert import path_from_uri, unit_from_encoding
from esmcache_lsp.features import FEATURES
from esmcache_lsp.protocol import Protocol
from esmcache_lsp.session import Session
from esmcache_lsp.settings import initial_settings
from esmcache_lsp.transport import Channel, MessageTooLarge, NotAMessage

NAME = "esmcache-lsp"

logger = logging.getLogger(__name__)


class Server(LanguageServer):
    """A server that does not show its internal errors to users, who cannot act on them; they are written to the log."""

    protocol: Protocol

    def report_server_error(self, error: Exception, source: object) -> None:
        """Do nothing; the error is already in the log."""


def version() -> str:
    """Return the version of the installed distribution, which contains the cache and the server."""
    return metadata.version("esmcache")


async def serve(server: Server, channels: AbstractAsyncContextManager[Channel]) -> None:
    """Serve the client of a channel until it sends `exit` or disconnects."""
    async with channels as channel:
        server.protocol.set_writer(channel.writer)
        reading = asyncio.create_task(_take_all(server.protocol, channel))
        await server.protocol.ended.wait()
        reading.cancel()


async def _take_all(protocol: Protocol, channel: Channel) -> None:
    is_lost = False
    while not protocol.ended.is_set():
        try:
            body = await channel.next()
        except NotAMessage as error:
            # The next message may follow these bytes. Until it is found, only the first error is logged.
            if not is_lost:
                logger.error("%s", error)
            is_lost = True
            continue
        except MessageTooLarge as error:
            protocol.refuse_unread(str(error))
            continue
        is_lost = False
        if body is None:
            protocol.ended.set()
            return
        try:
            protocol.take(body)
        except Exception:
            logger.exception("a message could not be handled")


def create_server(session: Session, *, is_remote: bool = False) -> Server:
    """Return a server that registers every feature when it receives `initialize`.

    Args:
        is_remote: Whether the client is connected by TCP; its settings may then not name a program or a directory of
            this machine.
    """
    server = Server(NAME, version(), protocol_cls=Protocol)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        """Begin the session; from here on the client's capabilities are known."""
        session.initial_settings = initial_settings(params.initialization_options, is_remote=is_remote)
        for register in FEATURES:
            register(server, session)
        folders = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        encoding = server.workspace.position_encoding
        session.begin(
            [path for uri in folders if (path := path_from_uri(uri)) is not None],
            unit_from_encoding(encoding),
            session.initial_settings.settings,
        )
        if params.process_id is not None:
            _end_with(params.process_id, server.protocol.ended)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        """Start the features."""
        await session.start()

    @server.feature(types.SHUTDOWN)
    def shutdown(_: None) -> None:
        """End all work."""
        session.end()
        session.exit_code = 0

    @server.feature(types.EXIT)
    def leave(_: None) -> None:
        """End all work; without a previous `shutdown`, LSP requires the exit code 1."""
        session.exit_code = 1 if session.exit_code is None else session.exit_code
        session.end()

    logging.captureWarnings(True)
    return server


def _end_with(process_id: int, ended: asyncio.Event) -> None:
    """Set `ended` when the client's process ends; a transport does not always notice that."""
    try:
        descriptor = os.pidfd_open(process_id)
    except (OSError, AttributeError):
        # The process is on another machine or in another container, or this system is not Linux.
        return
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
