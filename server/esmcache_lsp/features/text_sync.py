"""Documents as the client opens, changes, saves and closes them."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache_lsp.convert import change_from_lsp, path_from_uri
from esmcache_lsp.protocol import UNKNOWN_VERSION
from esmcache_lsp.session import Session


def register(server: LanguageServer, session: Session) -> None:
    """Register for document changes; the session applies them in the order in which they arrive."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if (path := path_from_uri(document.uri)) is not None:
            session.open(document.uri, path, document.version, document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        if (path := path_from_uri(params.text_document.uri)) is not None:
            changes = [change_from_lsp(change) for change in params.content_changes]
            version = params.text_document.version
            session.edit(path, None if version == UNKNOWN_VERSION else version, changes)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        if (path := path_from_uri(params.text_document.uri)) is not None:
            session.saved(path)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        if (path := path_from_uri(params.text_document.uri)) is not None:
            session.close(path)
