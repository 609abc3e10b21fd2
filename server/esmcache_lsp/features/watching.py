"""File changes outside the editor: reported by the client, or watched by the server if the client cannot do that."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from watchfiles import Change, DefaultFilter, awatch

from esmcache_lsp.convert import path_from_uri
from esmcache_lsp.protocol import answered
from esmcache_lsp.session import Session

# Sources, files that influence resolution, and the files that package managers write last.
_PATTERNS = (
    "**/*.{js,mjs,cjs,ts,mts,cts,json}",
    "**/node_modules/{.package-lock.json,.modules.yaml,.yarn-state.yml}",
    "**/{pnpm-lock.yaml,yarn.lock}",
)
_SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json")
_INSTALLED = ("node_modules/.package-lock.json", "node_modules/.modules.yaml", "node_modules/.yarn-state.yml")


def register(server: LanguageServer, session: Session) -> None:
    """Register for changes of files."""
    workspace = server.client_capabilities.workspace
    watched = workspace.did_change_watched_files if workspace else None

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        session.files_changed([path for one in params.changes if (path := path_from_uri(one.uri)) is not None])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_workspace_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        removed = {path_from_uri(folder.uri) for folder in params.event.removed}
        added = [path for folder in params.event.added if (path := path_from_uri(folder.uri)) is not None]
        session.change_folders([*(one for one in session.folders if one not in removed), *added])
        watch.stop.set()

    async def at_start() -> None:
        if watched is not None and watched.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher(pattern) for pattern in _PATTERNS]
            )
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            request = server.client_register_capability_async(
                types.RegistrationParams([types.Registration("esmcache-files", method, options)])
            )
            await answered(request, None)
        else:
            session.spawn(watch.run(session))

    watch = _Watch()
    session.at_start.append(at_start)


class _Watch:
    """The server's own watch of the workspace folders; `stop` ends it, and it begins again with the current folders."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()

    async def run(self, session: Session) -> None:
        """Report changes below the workspace folders to the session."""
        look = session.files_changed if session.settings.warm_on_start else session.look_again
        while True:
            self.stop.clear()
            folders = _existing(session.folders)
            if not folders:
                await self.stop.wait()
                continue
            is_first = True
            async for changes in awatch(
                *folders, watch_filter=_Sources(), stop_event=self.stop, rust_timeout=1000, yield_on_timeout=True
            ):
                if is_first:
                    # Changes before the watch began may have been missed, so everything counts as changed once.
                    look(folders)
                    look, is_first = session.look_again, False
                if changes:
                    session.files_changed([path for _, path in changes])


def _existing(folders: Sequence[str]) -> list[str]:
    return [folder for folder in folders if os.path.isdir(folder)]


class _Sources(DefaultFilter):
    """Accepts files that affect modules or their resolution; in node_modules, only those that installers write last."""

    ignore_dirs: Sequence[str] = tuple(name for name in DefaultFilter.ignore_dirs if name != "node_modules")

    def __call__(self, change: Change, path: str) -> bool:
        if f"{os.sep}node_modules{os.sep}" in path:
            return path.endswith(_INSTALLED)
        return path.endswith(_SUFFIXES) and super().__call__(change, path)
