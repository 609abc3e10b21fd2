"""Inlay hints after imports: the number and size of the modules that each import loads."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import hints_from_weights, path_from_uri, range_from_lsp
from esmcache_lsp.session import Session


def register(server: LanguageServer, session: Session) -> None:
    """Register for hints; they are refreshed when facts change, if the client supports that."""

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        path = path_from_uri(params.text_document.uri)
        if path is None or not session.settings.inlay_hints:
            return []
        weights = await session.answer((), Workspace.weights, path)
        return hints_from_weights(weights, range_from_lsp(params.range))

    workspace = server.client_capabilities.workspace
    if workspace is not None and workspace.inlay_hint is not None and workspace.inlay_hint.refresh_support:

        def refresh(_: object = None) -> None:
            server.workspace_inlay_hint_refresh(None)

        session.when_facts_changed.append(refresh)
        session.when_settings_changed.append(refresh)
