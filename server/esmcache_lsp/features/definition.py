"""Go to definition: the file of a specifier, or the origin of a name through all re-exports."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import definition_to_lsp, path_from_uri, position_from_lsp
from esmcache_lsp.session import Session


def register(server: LanguageServer, session: Session) -> None:
    """Register for definitions."""
    text = server.client_capabilities.text_document
    as_link = bool(text and text.definition and text.definition.link_support)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: types.DefinitionParams) -> types.Location | list[types.LocationLink] | None:
        path = path_from_uri(params.text_document.uri)
        if path is None:
            return None
        found = await session.answer(None, Workspace.definition, path, position_from_lsp(params.position))
        return None if found is None else definition_to_lsp(found, as_link=as_link)
