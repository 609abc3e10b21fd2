"""Warms the whole workspace in the background: at the server's start, and after files have changed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from esmcache.errors import CacheError
from esmcache.wording import printable
from esmcache_lsp.session import Session
from esmcache_lsp.warmer import Stopped

# Git and package managers write many files in a row; those are warmed together.
_SETTLING_S = 0.3
_BETWEEN_REPORTS_S = 0.1


def register(server: LanguageServer, session: Session) -> None:
    """Register for the warm at the start and for warms after changes."""
    warming = _Warming(server, session)

    async def at_start() -> None:
        warm_if_wanted()

    def warm_if_wanted() -> None:
        if session.settings.warm_on_start:
            warming.request()

    session.at_start.append(at_start)
    session.when_files_changed.append(warming.note_change)
    session.when_trust_changed.append(warm_if_wanted)


class _Warming:
    """Warms all folders, one warm at a time, as long as one is requested."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server = server
        self._session = session
        self._is_wanted = False
        self._changed: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def note_change(self, paths: Sequence[str]) -> None:
        """Warm after a short time without changes, unless all changed files are as saved here and so warm."""
        if not self._session.settings.warm_on_save:
            return
        self._changed.update(dict.fromkeys(paths))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_SETTLING_S, self._warm_changed)

    def _warm_changed(self) -> None:
        changed, self._changed = self._changed, {}
        if not all(self._session.documents.is_as_saved(path) for path in changed):
            self.request()

    def request(self) -> None:
        """Start a warm, after the running one if there is one."""
        session = self._session
        if not session.may_warm or not session.folders:
            return
        self._is_wanted = True
        if self._task is None or self._task.done():
            self._task = session.spawn(self._run())

    async def _run(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            token = await self._begin_progress()
            reporting = self._session.spawn(self._report(token)) if token is not None else None
            try:
                report = await self._session.warm(self._session.folders)
                message = f"{report.modules} modules, {report.compiled} compiled"
            except Stopped:
                message = "cancelled"
            except CacheError as error:
                message = printable(str(error))
            finally:
                if reporting is not None:
                    reporting.cancel()
            if token is not None:
                self._server.work_done_progress.end(token, types.WorkDoneProgressEnd(message=message))

    async def _begin_progress(self) -> str | None:
        window = self._server.client_capabilities.window
        if not (window and window.work_done_progress):
            return None
        token = str(uuid.uuid4())
        progress = self._server.work_done_progress
        try:
            await progress.create_async(token)
        except JsonRpcException:
            # The client does not want to show this progress.
            return None
        progress.begin(token, types.WorkDoneProgressBegin(title="esmcache: warming", cancellable=True, percentage=0))
        progress.tokens[token].add_done_callback(self._note_end)
        return token

    def _note_end(self, future: Future[Any]) -> None:
        if future.cancelled():
            self._session.progress.stopped.value = 1

    async def _report(self, token: str) -> None:
        last = (0, 0)
        while True:
            await asyncio.sleep(_BETWEEN_REPORTS_S)
            done, total = self._session.progress.counts[:]
            if total and (done, total) != last:
                last = (done, total)
                percentage = min(100, 100 * done // total)
                self._server.work_done_progress.report(
                    token,
                    types.WorkDoneProgressReport(message=f"{done} of {total} modules", percentage=percentage),
                )
