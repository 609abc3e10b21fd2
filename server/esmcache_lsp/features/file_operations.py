"""Files that are renamed, moved or deleted in the editor: what has to be written anew, and what is to be forgotten."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.engine.errors import EngineError
from esmcache.engine.workspace.workspace import Workspace
from esmcache_lsp.convert import path_from_uri, workspace_edit_from_changes
from esmcache_lsp.session import Session

_FILTERS = types.FileOperationRegistrationOptions(
    [
        types.FileOperationFilter(
            types.FileOperationPattern("**/*.{js,mjs,cjs,json}", types.FileOperationPatternKind.File), "file"
        ),
        types.FileOperationFilter(types.FileOperationPattern("**", types.FileOperationPatternKind.Folder), "file"),
    ]
)


def register(server: LanguageServer, session: Session) -> None:
    """Register for what happens to files, as far as the client tells of it."""
    workspace = server.client_capabilities.workspace
    told = workspace.file_operations if workspace else None
    can_version = bool(workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes)

    if told is not None and told.will_rename:

        @server.feature(types.WORKSPACE_WILL_RENAME_FILES, _FILTERS)
        async def will_rename(params: types.RenameFilesParams) -> types.WorkspaceEdit | None:
            if not session.is_enabled:
                return None
            try:
                changes = await session.ask(Workspace.moved, _moves(params))
            except EngineError:
                return None
            versions = {document.uri: document.version for document in session.documents.values()}
            return workspace_edit_from_changes(changes, versions if can_version else None)

    if told is not None and told.did_rename:

        @server.feature(types.WORKSPACE_DID_RENAME_FILES, _FILTERS)
        def did_rename(params: types.RenameFilesParams) -> None:
            session.files_changed([path for pair in _moves(params) for path in pair])

    if told is not None and told.did_delete:

        @server.feature(types.WORKSPACE_DID_DELETE_FILES, _FILTERS)
        def did_delete(params: types.DeleteFilesParams) -> None:
            session.files_changed([path for file in params.files if (path := path_from_uri(file.uri)) is not None])


def _moves(params: types.RenameFilesParams) -> list[tuple[str, str]]:
    pairs = [(path_from_uri(file.old_uri), path_from_uri(file.new_uri)) for file in params.files]
    return [(old, new) for old, new in pairs if old is not None and new is not None]
