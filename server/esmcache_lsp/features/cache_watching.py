"""Watches the cache for changes by others: command lines and other servers write the index, and programs write reports.

The editor then shows current states at once, and modules that runners reported as missing or stale are warmed.
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from pygls.lsp.server import LanguageServer
from watchfiles import Change, awatch

from esmcache.errors import CacheError
from esmcache.ide.workspace import Workspace
from esmcache.private_files import make_directory
from esmcache_lsp.session import Session

# SQLite writes transactions to the write-ahead log first and copies them into the database file later.
_INDEX = ("index.db", "index.db-wal")
_REPORTS = "events"
# The interval in which a removed or unusable directory is checked again.
_LOOKS_MS = 5000
# A warm writes the index in several transactions.
_SETTLING_MS = 200


def register(_: LanguageServer, session: Session) -> None:
    """Register for changes of the index and for reports."""

    async def at_start() -> None:
        session.spawn(_watch(session))

    session.at_start.append(at_start)


async def _watch(session: Session) -> None:
    is_usable = True
    while True:
        try:
            # This call creates a removed cache directory again.
            directory = await session.ask(Workspace.cache_directory)
            reports = os.path.join(directory, _REPORTS)
            make_directory(Path(reports))
            was = os.stat(reports).st_ino
        except (CacheError, OSError):
            # The status shows why the cache cannot be used.
            is_usable = False
            await asyncio.sleep(_LOOKS_MS / 1000)
            continue
        if not is_usable:
            is_usable = True
            session.cache_changed()
        changes = awatch(
            directory,
            reports,
            watch_filter=_is_news,
            recursive=False,
            debounce=_SETTLING_MS,
            rust_timeout=_LOOKS_MS,
            yield_on_timeout=True,
        )
        async for _ in changes:
            if await session.answer(False, Workspace.index_changed):
                session.cache_changed()
            # Reports that were written before the watch began count, too.
            if session.settings.warm_on_save and any(map(_is_report, _paths(reports))):
                await session.warm_missed()
            if not _is_still(reports, was):
                break


def _is_still(directory: str, inode: int) -> bool:
    try:
        status = os.stat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_ino == inode


def _is_news(change: Change, path: str) -> bool:
    # Folding reports into the index moves them aside and then deletes them; that is no news.
    return path.endswith(_INDEX) or (_is_report(path) and change is not Change.deleted)


def _paths(directory: str) -> list[str]:
    try:
        return [os.path.join(directory, name) for name in os.listdir(directory)]
    except OSError:
        return []


def _is_report(path: str) -> bool:
    directory, name = os.path.split(path)
    return os.path.basename(directory) == _REPORTS and not name.startswith(".")
