"""One client's session: its settings, its open documents, and the processes that work for it.

Features call it and register callbacks for changes. It must not know any feature or the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from esmcache.build.save import Update
from esmcache.build.warm import WarmReport
from esmcache.cache import Cache
from esmcache.errors import CacheError, NodeUnavailableError
from esmcache.ide.values import TextChange
from esmcache.ide.workspace import Workspace
from esmcache.settings import EditorSettings
from esmcache.spans import ColumnUnit
from esmcache_lsp import warmer
from esmcache_lsp.activity import Activity
from esmcache_lsp.open_documents import OpenDocument, OpenDocuments
from esmcache_lsp.processes import SessionProcesses
from esmcache_lsp.settings import CacheChoices, ClientSettings, NotTrusted
from esmcache_lsp.warmer import Progress
from esmcache_lsp.workers import ProcessEnded

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

logger = logging.getLogger(__name__)

# The limit of changes that are kept for a restarted process. Beyond it, the current text replaces the changes.
_LONGEST_JOURNAL = 500
# The methods of `Cache` that are allowed in an untrusted workspace: they read nothing of the workspace.
_ASKED_WITHOUT_TRUST = (Cache.statistics, Cache.clear)


class Session:
    """One session, from `begin` at the client's `initialize` to `end`; its coroutines may raise ProcessEnded."""

    def __init__(self, log_path: str | None = None) -> None:
        self.log_path = log_path
        # None until the client sends `shutdown` or `exit`.
        self.exit_code: int | None = None
        self.settings = EditorSettings()
        # An untrusted workspace is analysed but never warmed, and the cache takes nothing from it.
        self.is_trusted = True
        self.folders: list[str] = []
        self.unit = ColumnUnit.UTF16
        self.initial_settings = ClientSettings()
        self.documents = OpenDocuments()
        # These run one after the other, once the client is ready for requests.
        self.at_start: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.activity = Activity()
        self.progress = Progress()
        # Called with the path of the document whose text changed. `when_facts_changed` is called with the paths whose
        # diagnostics or states may have changed, or with None for all.
        self.when_text_changed: list[Callable[[str], None]] = []
        self.when_saved: list[Callable[[str], None]] = []
        self.when_facts_changed: list[Callable[[list[str] | None], None]] = []
        self.when_files_changed: list[Callable[[Sequence[str]], None]] = []
        self.when_activity_changed: list[Callable[[], None]] = []
        self.when_trouble: list[Callable[[str], None]] = []
        self.when_settings_changed: list[Callable[[], None]] = []
        self.when_trust_changed: list[Callable[[], None]] = []
        self._processes = SessionProcesses(self.documents, self.progress, self._note_failure)
        self._to_save: dict[str, None] = {}
        self._being_saved: list[str] = []
        self._saving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._has_begun = False

    async def start(self) -> None:
        """Run the features' first steps, now that the client accepts requests."""
        for step in self.at_start:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 (a step that fails must not keep the next from running)
                self._log_failure(error)

    def begin(self, folders: Sequence[str], unit: ColumnUnit, settings: EditorSettings) -> None:
        """Begin to work for a client."""
        self.folders, self.unit, self.settings = list(folders), unit, settings
        self.is_trusted = self.initial_settings.is_trusted
        self._start_processes()
        self._has_begun = True

    def end(self) -> None:
        """End all work."""
        self._has_begun = False
        self.progress.stopped.value = 1
        for task in self._tasks:
            task.cancel()
        self._processes.close()

    def configure(self, settings: EditorSettings) -> None:
        """Apply new settings."""
        if settings == self.settings:
            return
        before, self.settings = self.settings, settings
        if self._cache_choices(before) != self._cache_choices(settings):
            self._replace_processes()
        for told in self.when_settings_changed:
            told()

    def set_trust(self, is_trusted: bool) -> None:
        """Set whether the user trusts the workspace."""
        if is_trusted == self.is_trusted:
            return
        self.is_trusted = is_trusted
        if not is_trusted:
            self._to_save.clear()
            self.progress.stopped.value = 1
        self._replace_processes()
        for told in self.when_trust_changed:
            told()
        self._changed(None)

    @property
    def is_enabled(self) -> bool:
        """Return whether the session has begun and the user has esmcache enabled."""
        return self._has_begun and self.settings.enable

    @property
    def may_warm(self) -> bool:
        """Return whether esmcache is enabled and the user trusts the workspace."""
        return self.is_enabled and self.is_trusted

    def open(self, uri: str, path: str, version: int, text: str) -> None:
        """Add a document that was opened."""
        self.documents.open(uri, path, version, text)
        self._processes.tell(Workspace.open, path, text)
        self._expect_saves()
        self._changed([path])

    def edit(self, path: str, version: int | None, changes: Sequence[TextChange]) -> None:
        """Apply changes to an open document; without a version, the document keeps the last known one."""
        document = self.documents.get(path)
        if document is None:
            return
        document.version = document.version if version is None else version
        document.changes += changes
        self._processes.tell(Workspace.edit, path, changes)
        if len(document.changes) > _LONGEST_JOURNAL:
            self.spawn(self._shorten(document))
        for told in self.when_text_changed:
            told(path)

    def close(self, path: str) -> None:
        """Close a document, so that the file on disk counts again."""
        self.documents.close(path)
        self._processes.tell(Workspace.close, path)
        self._changed([path])

    def saved(self, path: str) -> None:
        """Update the cache and the diagnostics after a save; a later save of the same file replaces a waiting one."""
        if not self.is_enabled:
            return
        self.documents.note_save(path)
        self._processes.tell(Workspace.changed, [path])
        for told in self.when_saved:
            told(path)
        if self.settings.warm_on_save and self.may_warm:
            self._to_save[path] = None
            if self._saving is None or self._saving.done():
                self._saving = self.spawn(self._save_all())

    def is_being_saved(self, path: str) -> bool:
        """Return whether the cache is about to be updated for a file."""
        return path in self._to_save or path in self._being_saved

    def files_changed(self, paths: Sequence[str]) -> None:
        """Handle files that were created, removed or changed on disk by any program."""
        for told in self.when_files_changed:
            told(paths)
        self.look_again(paths)

    def look_again(self, paths: Sequence[str]) -> None:
        """Discard all facts about files that may have changed, and forget the removed ones in the cache."""
        self._processes.tell(Workspace.changed, list(paths))
        gone = [Path(path) for path in paths if not os.path.lexists(path)]
        if gone and self.is_trusted:
            self.spawn(self.change_cache(Cache.forget_gone, gone))
        self._changed(None)

    def cache_changed(self) -> None:
        """Handle changes of the cache by another process."""
        self._changed(None)

    def change_folders(self, folders: Sequence[str]) -> None:
        """Use other workspace folders."""
        self.folders = list(folders)
        self.files_changed(self.folders)

    async def ask(self, method: Callable[Concatenate[Workspace, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a method of the workspace.

        Raises:
            CacheError: If the method needs a cache that cannot be used.
        """
        return await self._processes.ask(method, *arguments, **named)

    async def answer(
        self,
        nothing: U,
        method: Callable[Concatenate[Workspace, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T | U:
        """Return the result of `ask`, or `nothing` if there is none.

        There is none if esmcache is disabled, the cache cannot be used, or the restart of a process has to wait.
        """
        if not self.is_enabled:
            return nothing
        try:
            return await self.ask(method, *arguments, **named)
        except (NotTrusted, ProcessEnded):
            return nothing
        except CacheError as error:
            self.note_trouble(error)
            return nothing

    async def change_cache(
        self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return the result of a method of `Cache` that changes the cache, and announce the change.

        Raises:
            CacheError: If `use_cache` raises it.
        """
        try:
            return await self.use_cache(method, *arguments, **named)
        finally:
            self._changed(None)

    async def use_cache(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a method of `Cache` that does not change modules' states.

        Raises:
            CacheError: If the workspace is not trusted, the cache cannot be opened, or the method raises it.
        """
        self._check_trust(method)
        return await self._processes.use_cache(method, *arguments, **named)

    async def ask_beside(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the result of a slow method of `Cache`, once no warm is running.

        Raises:
            CacheError: If the workspace is not trusted, the cache cannot be opened, or the method raises it.
        """
        self._check_trust(method)
        return await self._processes.ask_beside(method, *arguments, **named)

    async def warm_missed(self) -> None:
        """Warm what runners reported as missing or out of date."""
        if self.may_warm:
            try:
                await self.ask_beside(Cache.warm_missed)
            except CacheError as error:
                self.note_trouble(error)

    async def warm(self, paths: Sequence[str]) -> WarmReport:
        """Return the report of a warm in the background.

        Raises:
            CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
            Stopped: If the warm was cancelled.
        """
        self._check_trust(Cache.warm)
        self.progress.stopped.value = 0
        self.progress.counts[0] = self.progress.counts[1] = 0
        self._set_activity(warming=True)
        try:
            report = await self._processes.warm(paths, self.settings.project())
            self._no_trouble()
            return report
        except CacheError as error:
            self.note_trouble(error)
            raise
        finally:
            self._set_activity(warming=False)
            self._changed(None)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task; its failure is written to the log."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._note_failure)
        return task

    async def _save_all(self) -> None:
        self._set_activity(saving=1)
        try:
            while self._to_save:
                paths = self._being_saved = list(self._to_save)
                self._to_save.clear()
                try:
                    update = await self._processes.save(paths, self.settings.conditions)
                    self._no_trouble()
                except CacheError as error:
                    self.note_trouble(error)
                    update = Update()
                finally:
                    self._being_saved = []
                self._changed(paths)
                await self._warm_again(update)
        finally:
            self._set_activity(saving=0)

    async def _warm_again(self, update: Update) -> None:
        """Warm the entry points whose module graph has changed by the save."""
        for conditions, entries in update.to_warm.items():
            try:
                await self._processes.warm_entries(entries, conditions)
            except CacheError as error:
                self.note_trouble(error)
        if update.to_warm:
            self._changed(None)

    async def _shorten(self, document: OpenDocument) -> None:
        count = len(document.changes)
        text = await self.ask(Workspace.text, document.path)
        if text is not None and self.documents.get(document.path) is document:
            document.text = text
            del document.changes[:count]

    def _check_trust(self, method: Callable[..., object]) -> None:
        """Check that a method of `Cache` is allowed in this workspace.

        Raises:
            NotTrusted: If the workspace is not trusted, and the method needs trust.
        """
        if not self.is_trusted and method not in _ASKED_WITHOUT_TRUST:
            raise NotTrusted

    def _replace_processes(self) -> None:
        if self._has_begun:
            self._processes.close()
            self._start_processes()
            self._processes.open_again()

    def _start_processes(self) -> None:
        self._processes.start(self._cache_choices(self.settings), self.unit)
        if self.documents:
            self._expect_saves()

    def _expect_saves(self) -> None:
        """Start the process that saves, before there is something to save."""
        if self.settings.warm_on_save and self.may_warm:
            self._processes.expect_saves()

    def _cache_choices(self, settings: EditorSettings) -> CacheChoices:
        return CacheChoices(
            settings.cache_dir, settings.node, settings.jobs, settings.max_size, settings.project(), self.is_trusted
        )

    def _changed(self, paths: list[str] | None) -> None:
        for told in self.when_facts_changed:
            told(paths)

    def note_trouble(self, error: CacheError) -> None:
        """Remember why the cache cannot be used, until something succeeds again."""
        if not self._has_begun:
            return
        is_news = self.activity.trouble != str(error)
        self.activity.trouble, self.activity.is_error = str(error), not isinstance(error, NodeUnavailableError)
        if is_news:
            logger.warning("%s", error)
            for told in self.when_trouble:
                told(str(error))

    def _no_trouble(self) -> None:
        self.activity.trouble, self.activity.is_error = "", False

    def _note_failure(self, work: asyncio.Future[Any] | Future[Any]) -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            self._log_failure(error)

    def _log_failure(self, error: BaseException) -> None:
        """Write an error to the log, unless the session has ended."""
        if not self._has_begun:
            return
        if isinstance(error, (CacheError, ProcessEnded, warmer.Stopped)):
            logger.warning("%s", str(error) or type(error).__name__)
        else:
            logger.error("a task failed", exc_info=error)

    def _set_activity(self, *, saving: int | None = None, warming: bool | None = None) -> None:
        self.activity.saving = self.activity.saving if saving is None else saving
        self.activity.warming = self.activity.warming if warming is None else warming
        for told in self.when_activity_changed:
            told()
