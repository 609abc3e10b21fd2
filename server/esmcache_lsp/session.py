"""One client's session: its settings, its open documents, and the processes that work for it.

Features ask it and are told when something has changed; it knows none of them, and nothing of the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from operator import methodcaller
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
from esmcache_lsp import analyst, warmer
from esmcache_lsp.activity import Activity
from esmcache_lsp.open_documents import OpenDocument, OpenDocuments
from esmcache_lsp.settings import CacheChoices, ClientSettings, NotTrusted
from esmcache_lsp.warmer import Progress
from esmcache_lsp.workers import ProcessEnded, WorkerProcess

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

logger = logging.getLogger(__name__)

# What is sent to a process that takes another's place: beyond this, a text is asked for as it is.
_LONGEST_JOURNAL = 500
# What the user may ask of the cache where the workspace is not trusted: it takes nothing of the workspace in.
_ASKED_WITHOUT_TRUST = (Cache.statistics, Cache.clear)


class Session:
    """Begins with `begin`, once the client has said who it is; ends with `end`."""

    def __init__(self, log_path: str | None = None) -> None:
        self.log_path = log_path
        # None until the client has said that this is the end.
        self.exit_code: int | None = None
        self.settings = EditorSettings()
        # Whether the workspace may be warmed; one that is not trusted is analysed, and nothing of it is kept.
        self.is_trusted = True
        self.folders: list[str] = []
        self.unit = ColumnUnit.UTF16
        self.initial_settings = ClientSettings()
        self.documents = OpenDocuments()
        # What is done, one after the other, once the client is ready.
        self.at_start: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.activity = Activity()
        self.progress = Progress()
        # Called with the paths of files of which something else may be true now; None: of any.
        self.when_text_changed: list[Callable[[str], None]] = []
        self.when_saved: list[Callable[[str], None]] = []
        self.when_facts_changed: list[Callable[[list[str] | None], None]] = []
        self.when_files_changed: list[Callable[[Sequence[str]], None]] = []
        self.when_activity_changed: list[Callable[[], None]] = []
        self.when_trouble: list[Callable[[str], None]] = []
        self.when_settings_changed: list[Callable[[], None]] = []
        self.when_trust_changed: list[Callable[[], None]] = []
        self._analyst = WorkerProcess(analyst.begin, CacheChoices(), self.unit)
        self._saver = WorkerProcess(warmer.begin, CacheChoices(), None)
        self._warmer = WorkerProcess(warmer.begin, CacheChoices(), self.progress)
        self._to_save: dict[str, None] = {}
        self._being_saved: list[str] = []
        self._saving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._has_begun = False

    async def start(self) -> None:
        """Do what is to be done first, now that the client takes requests."""
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
        for process in (self._analyst, self._saver, self._warmer):
            process.close()

    def configure(self, settings: EditorSettings) -> None:
        """Take other settings."""
        if settings == self.settings:
            return
        before, self.settings = self.settings, settings
        if self._cache_choices(before) != self._cache_choices(settings):
            self._replace_processes()
        for told in self.when_settings_changed:
            told()

    def set_trust(self, is_trusted: bool) -> None:
        """Take note that the user trusts the workspace, or does so no more."""
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
        """Return whether the user wants anything done."""
        return self._has_begun and self.settings.enable

    @property
    def may_warm(self) -> bool:
        """Return whether the user wants the workspace cached, and trusts it."""
        return self.is_enabled and self.is_trusted

    def open(self, uri: str, path: str, version: int, text: str) -> None:
        """Take a document that was opened."""
        self.documents.open(uri, path, version, text)
        self._tell(Workspace.open, path, text)
        self._changed([path])

    def edit(self, path: str, version: int | None, changes: Sequence[TextChange]) -> None:
        """Take changes of an open document; without a version it is that of before, for what is known of it."""
        document = self.documents.get(path)
        if document is None:
            return
        document.version = document.version if version is None else version
        document.changes += changes
        self._tell(Workspace.edit, path, changes)
        if len(document.changes) > _LONGEST_JOURNAL:
            self.spawn(self._shorten(document))
        for told in self.when_text_changed:
            told(path)

    def close(self, path: str) -> None:
        """Go back to what is on disk of a document."""
        self.documents.close(path)
        self._tell(Workspace.close, path)
        self._changed([path])

    def saved(self, path: str) -> None:
        """Bring everything up to date with a document that was saved; a newer save of it takes this one's place."""
        if not self.is_enabled:
            return
        self.documents.note_save(path)
        self._tell(Workspace.changed, [path])
        for told in self.when_saved:
            told(path)
        if self.settings.warm_on_save and self.may_warm:
            self._to_save[path] = None
            if self._saving is None or self._saving.done():
                self._saving = self.spawn(self._save_all())

    def is_being_saved(self, path: str) -> bool:
        """Return whether the cache is about to be brought up to date with a file."""
        return path in self._to_save or path in self._being_saved

    def files_changed(self, paths: Sequence[str]) -> None:
        """Take note of files that came, went or changed on disk, by whomever."""
        for told in self.when_files_changed:
            told(paths)
        self.look_again(paths)

    def look_again(self, paths: Sequence[str]) -> None:
        """Forget what is known of files that may be other ones now."""
        self._tell(Workspace.changed, list(paths))
        gone = [Path(path) for path in paths if not os.path.lexists(path)]
        if gone and self.is_trusted:
            self.spawn(self.change_cache(Cache.forget_gone, gone))
        self._changed(None)

    def cache_changed(self) -> None:
        """Take note of what another process has written into the cache."""
        self._changed(None)

    def change_folders(self, folders: Sequence[str]) -> None:
        """Take other folders."""
        self.folders = list(folders)
        self.files_changed(self.folders)

    async def ask(self, method: Callable[Concatenate[Workspace, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what a method of the workspace returns; raises CacheError."""
        answer: T = await self._analyst.call(analyst.ask, _question(method, *arguments, **named))
        return answer

    async def answer(
        self,
        nothing: U,
        method: Callable[Concatenate[Workspace, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T | U:
        """Return as `ask` does, and `nothing` where the user wants nothing done or the cache cannot be opened."""
        if not self.is_enabled:
            return nothing
        try:
            return await self.ask(method, *arguments, **named)
        except NotTrusted:
            return nothing
        except CacheError as error:
            self.note_trouble(error)
            return nothing

    async def change_cache(
        self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what a method of `Cache` returns that changes the cache; raises CacheError."""
        try:
            return await self.use_cache(method, *arguments, **named)
        finally:
            self._changed(None)

    async def use_cache(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what a method of `Cache` returns that leaves modules' caches as they are; raises CacheError."""
        self._check_trust(method)
        answer: T = await self._saver.call(warmer.ask, _question(method, *arguments, **named))
        return answer

    async def ask_beside(self, method: Callable[Concatenate[Cache, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what a slow method of the engine returns, once no warm is going on; raises CacheError."""
        self._check_trust(method)
        answer: T = await self._warmer.call(warmer.ask, _question(method, *arguments, **named))
        return answer

    async def warm_missed(self) -> None:
        """Warm what programs have looked for in vain."""
        if self.may_warm:
            try:
                await self.ask_beside(Cache.warm_missed)
            except CacheError as error:
                self.note_trouble(error)

    async def warm(self, paths: Sequence[str]) -> WarmReport:
        """Warm files and folders in the background; raises CacheError, and warmer.Stopped if it is cancelled."""
        self._check_trust(Cache.warm)
        self.progress.stopped.value = 0
        self.progress.counts[0] = self.progress.counts[1] = 0
        self._set_activity(warming=True)
        try:
            report = await self._warmer.call(warmer.warm, list(paths), self.settings.project())
            self._no_trouble()
            return report
        except CacheError as error:
            self.note_trouble(error)
            raise
        finally:
            self._set_activity(warming=False)
            self._changed(None)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do some work beside all other; what goes wrong with it is written into the log."""
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
                    update = await self._saver.call(warmer.update, paths, self.settings.conditions)
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
        """Warm the entry points whose graph has another shape now, unless there is more to be saved."""
        for conditions, entries in update.to_warm.items():
            try:
                await self._saver.call(warmer.warm_entries, entries, conditions)
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
        """Raise NotTrusted where a method of `Cache` may take something into the cache that must not get there."""
        if not self.is_trusted and method not in _ASKED_WITHOUT_TRUST:
            raise NotTrusted

    def _replace_processes(self) -> None:
        if self._has_begun:
            for process in (self._analyst, self._saver, self._warmer):
                process.close()
            self._start_processes()
            self._open_again()

    def _start_processes(self) -> None:
        choices = self._cache_choices(self.settings)
        self._analyst = WorkerProcess(analyst.begin, choices, self.unit)
        self._analyst.on_restart = self._open_again
        self._saver = WorkerProcess(warmer.begin, choices, None)
        self._warmer = WorkerProcess(warmer.begin, choices, self.progress)
        # The first question or save must not wait until there is a process.
        for process in (self._analyst, self._saver):
            process.send(os.getpid)

    def _cache_choices(self, settings: EditorSettings) -> CacheChoices:
        return CacheChoices(
            settings.cache_dir, settings.node, settings.jobs, settings.max_size, settings.project(), self.is_trusted
        )

    def _open_again(self) -> None:
        for document in self.documents.values():
            self._tell(Workspace.open, document.path, document.text)
            self._tell(Workspace.edit, document.path, list(document.changes))

    def _tell(self, method: Callable[Concatenate[Workspace, P], None], *arguments: P.args, **named: P.kwargs) -> None:
        """Have the workspace do something, before all that is asked of it from now on."""
        if not self._has_begun:
            return
        try:
            future = self._analyst.send(analyst.ask, _question(method, *arguments, **named))
            future.add_done_callback(self._note_failure)
        except ProcessEnded:
            # The process that takes its place is told of all documents as they are by now.
            self._analyst.restart_if_ended()

    def _changed(self, paths: list[str] | None) -> None:
        for told in self.when_facts_changed:
            told(paths)

    def note_trouble(self, error: CacheError) -> None:
        """Remember what keeps the cache from being used, until something works again."""
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
        """Write into the log what went wrong, unless that is because the session has ended."""
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


def _question(method: Callable[..., Any], *arguments: object, **named: object) -> Callable[[Any], Any]:
    # A function that can be sent to another process; the method's own would be, too, but not its object.
    return methodcaller(method.__name__, *arguments, **named)
