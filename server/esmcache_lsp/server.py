"""Makes the server and registers its features; knows nothing of what a feature does."""

from __future__ import annotations

import logging
from importlib import metadata

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache_lsp.convert import path_from_uri, unit_from_encoding
from esmcache_lsp.features import FEATURES
from esmcache_lsp.protocol import Protocol
from esmcache_lsp.session import Session
from esmcache_lsp.settings import initial_settings

NAME = "esmcache-lsp"


def version() -> str:
    """Return the version of the installed distribution, which engine and server share."""
    return metadata.version("esmcache")


def create_server(session: Session) -> LanguageServer:
    """Return a server that registers every feature when a client says who it is."""
    server = LanguageServer(NAME, version(), protocol_cls=Protocol)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        """Begin the session: what the client can do is known from here on."""
        session.initialization_options = params.initialization_options
        for register in FEATURES:
            register(server, session)
        folders = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        encoding = server.workspace.position_encoding
        session.begin(
            [path for uri in folders if (path := path_from_uri(uri)) is not None],
            unit_from_encoding(encoding),
            initial_settings(params.initialization_options),
        )

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
