"""The processes that work for a session: one analyses, one saves, and one of low priority warms.

This module must not know when they work, or which workspaces they may work for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from operator import methodcaller
from typing import Any, Concatenate, ParamSpec, TypeVar

from esmcache.build.save import Update
from esmcache.build.warm import WarmReport
from esmcache.cache import Cache
from esmcache.ide.workspace import Workspace
from esmcache.settings import ProjectSettings
from esmcache.spans import ColumnUnit
from esmcache_lsp import analyst, warmer
from esmcache_lsp.open_documents import OpenDocuments
from esmcache_lsp.settings import CacheChoices
from esmcache_lsp.warmer import Progress
from esmcache_lsp.workers import ProcessEnded, WorkerProcess

P = ParamSpec("P")
T = TypeVar("T")


class SessionProcesses:
    """The three processes; a process that analyses in place of an ended one gets the open documents again.

    An asynchronous method raises ProcessEnded if its process ends before it can answer.

    Args:
        note_end: Called with each call whose result is not needed, when it has ended.
    """

    def __init__(self, documents: OpenDocuments, progress: Progress, note_end: Callable[[Future[Any]], None]) -> None:
        self._documents = documents
        self._progress = progress
        self._note_end = note_end
        self._is_running = False
        self._make(CacheChoices(), ColumnUnit.UTF16)

    def start(self, choices: CacheChoices, unit: ColumnUnit) -> None:
        """Begin to work for a client, or again after `close` with other settings."""
        self._make(choices, unit)
        self._analyst.on_restart = self.open_again
        # Starting a process takes long, so it starts before the first question.
        self._analyst.send(os.getpid)
        self._is_running = True

    def close(self) -> None:
        """End the processes after the calls that were already sent."""
        self._is_running = False
        for process in (self._analyst, self._saver, self._warmer):
            process.close()

    def expect_saves(self) -> None:
        """Start the process that saves, before there is something to save."""
        with contextlib.suppress(ProcessEnded):
            self._saver.send(os.getpid)

    def open_again(self) -> None:
        """Send all open documents to the process that analyses."""
        for document in self._documents.values():
            self.tell(Workspace.open, document.path, document.text)
            self.tell(Workspace.edit, document.path, list(document.changes))

    def tell(self, method: Callable[Concatenate[Workspace, P], None], *arguments: P.args, **named: P.kwargs) -> None:
        """Make a call to the workspace whose result is not needed; later questions see its effect."""
        if not self._is_running:
            return
        try:
            future = self._analyst.send(analyst.ask, _question(method, *arguments, **named))
            future.add_done_callback(self._note_end)
        except ProcessEnded:
            # The restarted process gets all documents in their current state.
            self._analyst.restart_if_ended()

    async def ask(self, method: Callable[Concatenate[Workspace, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a method of the workspace.

        Raises:
            CacheError: If the method needs a cache that cannot be used.
        """
        answer: T = await self._analyst.call(analyst.ask, _question(method, *arguments, **named))
        return answer

    async def use_cache(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a method of `Cache`, from the process that saves.

        Raises:
            CacheError: If the cache cannot be opened, or the method raises it.
        """
        answer: T = await self._saver.call(warmer.ask, _question(method, *arguments, **named))
        return answer

    async def ask_beside(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a slow method of `Cache`, once no warm is running.

        Raises:
            CacheError: If the cache cannot be opened, or the method raises it.
        """
        answer: T = await self._warmer.call(warmer.ask, _question(method, *arguments, **named))
        return answer

    async def save(self, paths: Sequence[str], conditions: Sequence[str]) -> Update:
        """Update the cache for saved files.

        Raises:
            CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
        """
        return await self._saver.call(warmer.update, paths, conditions)

    async def warm_entries(self, entries: Sequence[str], conditions: Sequence[str]) -> WarmReport:
        """Warm entry points in the process that saves.

        Raises:
            CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
        """
        return await self._saver.call(warmer.warm_entries, entries, conditions)

    async def warm(self, paths: Sequence[str], project: ProjectSettings) -> WarmReport:
        """Warm files and folders at low priority.

        Raises:
            CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
            Stopped: If the warm was cancelled.
        """
        return await self._warmer.call(warmer.warm, list(paths), project)

    def _make(self, choices: CacheChoices, unit: ColumnUnit) -> None:
        self._analyst = WorkerProcess(analyst.begin, choices, unit)
        self._saver = WorkerProcess(warmer.begin, choices, None)
        self._warmer = WorkerProcess(warmer.begin, choices, self._progress)


def _question(method: Callable[..., Any], *arguments: object, **named: object) -> Callable[[Any], Any]:
    # The method's name is sent, since the object that it belongs to exists in the other process only.
    return methodcaller(method.__name__, *arguments, **named)
