"""The state of the cache, sent to clients that announce that they show it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.cache import Cache
from esmcache.errors import CacheError
from esmcache.wording import printable
from esmcache_lsp import markdown
from esmcache_lsp.session import Session
from esmcache_lsp.settings import NOT_TRUSTED

METHOD = "esmcache/status"
_SETTLING_S = 0.2


@dataclass(frozen=True, slots=True)
class Status:
    """The notification's parameters; counts are of the workspace's own modules, `bytes` of the whole cache."""

    health: str
    quiescent: bool
    message: str
    fresh: int
    stale: int
    cold: int
    native: int
    bytes: int
    engine: str


def register(server: LanguageServer, session: Session) -> None:
    """Register for all changes of the status if the client shows it; every client gets messages about trouble."""

    def tell_trouble(message: str) -> None:
        shown = markdown.message(f"esmcache: {message}")
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, shown))

    session.when_trouble.append(tell_trouble)
    experimental = server.client_capabilities.experimental
    if not (isinstance(experimental, dict) and experimental.get("esmcacheStatus")):
        return
    telling = _Telling(server, session)
    session.when_activity_changed.append(telling.tell_activity)
    session.when_facts_changed.append(lambda _: telling.count_soon())
    session.when_settings_changed.append(telling.count_soon)
    session.when_trust_changed.append(telling.count_soon)

    async def at_start() -> None:
        await telling.count()

    session.at_start.append(at_start)


class _Telling:
    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server = server
        self._session = session
        self._counts = (0, 0, 0, 0, 0)
        self._engine = ""
        self._engine_missing = ""
        self._last: Status | None = None
        self._timer: asyncio.TimerHandle | None = None

    def tell_activity(self) -> None:
        """Send the status if it has changed."""
        activity = self._session.activity
        health, message = "ok", "warming" if activity.warming else ""
        if activity.trouble:
            health, message = "error" if activity.is_error else "warning", activity.trouble
        elif not self._session.is_trusted:
            health, message = "warning", NOT_TRUSTED
        elif self._engine_missing:
            health, message = "warning", self._engine_missing
        fresh, stale, cold, native, size = self._counts
        shown = printable(message)
        status = Status(health, activity.quiescent, shown, fresh, stale, cold, native, size, self._engine)
        if status != self._last:
            self._last = status
            self._server.protocol.notify(METHOD, asdict(status))

    def count_soon(self) -> None:
        """Count after a short time without changes."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_SETTLING_S, lambda: self._session.spawn(self.count()))

    async def count(self) -> None:
        """Count the workspace's modules and send the status."""
        if self._session.may_warm:
            try:
                counts = await self._session.ask_beside(
                    Cache.counts, self._session.folders, self._session.settings.project()
                )
                self._counts = (counts.fresh, counts.stale, counts.cold, counts.native, counts.bytes)
                self._engine, self._engine_missing = counts.engine, counts.engine_missing
            except CacheError as error:
                self._session.note_trouble(error)
        self.tell_activity()
