"""Files that are renamed, moved or deleted in the editor: their importers are edited, and old facts are forgotten."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.errors import CacheError
from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import (
    edits_from_changes,
    path_from_uri,
    uri_from_path,
    uri_from_url,
    workspace_edit_from_edits,
)
from esmcache_lsp.session import Session

_FILTERS = types.FileOperationRegistrationOptions(
    [
        types.FileOperationFilter(
            types.FileOperationPattern("**/*.{js,mjs,cjs,ts,mts,cts,json}", types.FileOperationPatternKind.File), "file"
        ),
        types.FileOperationFilter(types.FileOperationPattern("**", types.FileOperationPatternKind.Folder), "file"),
    ]
)


def register(server: LanguageServer, session: Session) -> None:
    """Register for the file operations that the client reports."""
    workspace = server.client_capabilities.workspace
    told = workspace.file_operations if workspace else None
    can_version = bool(workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes)

    if told is not None and told.will_rename:

        @server.feature(types.WORKSPACE_WILL_RENAME_FILES, _FILTERS)
        async def will_rename(params: types.RenameFilesParams) -> types.WorkspaceEdit | None:
            if not session.is_enabled:
                return None
            moves = _moves(params)
            try:
                changes = await session.ask(Workspace.moved, moves, session.folders)
            except CacheError:
                return None
            names = _Names(session, [old for old, _ in moves])
            versions = {document.uri: document.version for document in session.documents.values()}
            edits = {names.uri(url): edits_from_changes(some) for url, some in changes.items()}
            return workspace_edit_from_edits(edits, versions if can_version else None) if edits else None

    if told is not None and told.did_rename:

        @server.feature(types.WORKSPACE_DID_RENAME_FILES, _FILTERS)
        def did_rename(params: types.RenameFilesParams) -> None:
            session.files_changed([path for pair in _moves(params) for path in pair])

    if told is not None and told.did_delete:

        @server.feature(types.WORKSPACE_DID_DELETE_FILES, _FILTERS)
        def did_delete(params: types.DeleteFilesParams) -> None:
            session.files_changed([path for file in params.files if (path := path_from_uri(file.uri)) is not None])


class _Names:
    """The client's names of files: those of open documents, else those below the folders and files that it named."""

    def __init__(self, session: Session, paths: Sequence[str]) -> None:
        self._session = session
        known = {os.path.realpath(path): path for path in (*paths, *session.folders)}
        # The longest prefix comes first, since the nearest folder gives the best name.
        self._known = sorted(known.items(), key=lambda one: -len(one[0]))

    def uri(self, url: str) -> str:
        """Return the client's URI for a module's URL, in which all symbolic links are resolved."""
        uri = uri_from_url(url)
        real_path = path_from_uri(uri)
        if real_path is None:
            return uri
        document = self._session.documents.get(self._session.documents.shown_path(real_path))
        if document is not None:
            return document.uri
        for real, named in self._known:
            if real_path == real or real_path.startswith(real.rstrip("/") + "/"):
                return uri_from_path(named + real_path[len(real) :])
        return uri


def _moves(params: types.RenameFilesParams) -> list[tuple[str, str]]:
    pairs = [(path_from_uri(file.old_uri), path_from_uri(file.new_uri)) for file in params.files]
    return [(old, new) for old, new in pairs if old is not None and new is not None]
