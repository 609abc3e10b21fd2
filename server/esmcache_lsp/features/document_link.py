"""Document links from specifiers to the files that they resolve to."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import links_to_lsp, path_from_uri
from esmcache_lsp.session import Session


def register(server: LanguageServer, session: Session) -> None:
    """Register for links."""

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK)
    async def document_link(params: types.DocumentLinkParams) -> list[types.DocumentLink]:
        path = path_from_uri(params.text_document.uri)
        return [] if path is None else links_to_lsp(await session.answer((), Workspace.links, path))
