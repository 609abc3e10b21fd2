"""Makes the server and registers its features; knows nothing of what a feature does."""

from __future__ import annotations

from importlib import metadata

from pygls.lsp.server import LanguageServer

from esmcache_lsp.features import FEATURES

NAME = "esmcache-lsp"


def version() -> str:
    """Return the version of the installed distribution, which engine and server share."""
    return metadata.version("esmcache")


def create_server() -> LanguageServer:
    """Return a server with every feature registered, not yet connected to a client."""
    server = LanguageServer(NAME, version())
    for register in FEATURES:
        register(server)
    return server
