"""A lens above a module's first line: the state of the module and of all that it reaches. A click warms it."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.build.targets import is_source_name
from esmcache.ide.values import ModuleState
from esmcache.ide.workspace import Workspace
from esmcache.query.lookup import CacheState
from esmcache.wording import plural, size
from esmcache_lsp.convert import lens_from_text, path_from_uri
from esmcache_lsp.session import Session

_COMMAND = "esmcache.warm"
_WORDS = {
    CacheState.FRESH: "warm",
    CacheState.STALE: "stale",
    CacheState.COLD: "cold",
    CacheState.NATIVE: "native",
}


def register(server: LanguageServer, session: Session) -> None:
    """Register for lenses; they are refreshed when states change, if the client supports that."""

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    async def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        uri = params.text_document.uri
        path = path_from_uri(uri)
        if path is None or not is_source_name(path) or not session.settings.code_lens:
            return []
        state = await session.answer(None, Workspace.state, path)
        return [] if state is None else [lens_from_text(_title(state), _COMMAND, [uri])]

    workspace = server.client_capabilities.workspace
    if workspace is not None and workspace.code_lens is not None and workspace.code_lens.refresh_support:

        def refresh(_: object = None) -> None:
            server.workspace_code_lens_refresh(None)

        session.when_facts_changed.append(refresh)
        session.when_settings_changed.append(refresh)


def _title(state: ModuleState) -> str:
    parts = [f"esmcache: {_WORDS[state.state]}"]
    if state.bytes:
        parts += [plural(state.modules, "module"), size(state.bytes)]
    parts.append(state.engine_version or "no Node")
    return " · ".join(parts)
