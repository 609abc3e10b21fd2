"""Makes the server, registers its features and hands it messages; knows nothing of what a feature does."""

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
    """A server that shows nobody its faults, which a person could do nothing about: they are lines in the log."""

    protocol: Protocol

    def report_server_error(self, error: Exception, source: object) -> None:
        """Do nothing: it was written into the log where it was found."""


def version() -> str:
    """Return the version of the installed distribution, which cache and server share."""
    return metadata.version("esmcache")


async def serve(server: Server, channels: AbstractAsyncContextManager[Channel]) -> None:
    """Serve the client at the other end of a channel until it says exit or goes away."""
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
            # The next message may be found behind it; until then there is but one line in the log.
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
    """Return a server that registers every feature when a client says who it is.

    With `is_remote` the client names no program and no directory of this machine.
    """
    server = Server(NAME, version(), protocol_cls=Protocol)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        """Begin the session: what the client can do is known from here on."""
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
        """Do what is to be done first."""
        await session.start()

    @server.feature(types.SHUTDOWN)
    def shutdown(_: None) -> None:
        """End what is being done."""
        session.end()
        session.exit_code = 0

    @server.feature(types.EXIT)
    def leave(_: None) -> None:
        """End what is being done, also without a shutdown before, which LSP has exit with 1."""
        session.exit_code = 1 if session.exit_code is None else session.exit_code
        session.end()

    logging.captureWarnings(True)
    return server


def _end_with(process_id: int, ended: asyncio.Event) -> None:
    """End when the client's process does, which a connection need not tell."""
    try:
        descriptor = os.pidfd_open(process_id)
    except (OSError, AttributeError):
        # It is a process of another machine or container; or this is no Linux.
        return
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
