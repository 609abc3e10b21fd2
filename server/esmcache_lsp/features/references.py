"""Find references: every import and re-export of a name or a module, in all warmed modules and open documents."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import location_from_place, path_from_uri, position_from_lsp
from esmcache_lsp.session import Session


def register(server: LanguageServer, session: Session) -> None:
    """Register for references."""

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def references(params: types.ReferenceParams) -> list[types.Location]:
        path = path_from_uri(params.text_document.uri)
        if path is None:
            return []
        position, wanted = position_from_lsp(params.position), params.context.include_declaration
        places = await session.answer((), Workspace.references, path, position, with_declaration=wanted)
        return [location_from_place(place) for place in places]
