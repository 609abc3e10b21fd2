"""What others write into the cache: seen at once, so that nothing stale is shown and nothing stays missed.

Command lines and other servers write the index, programs that end report what they looked for in vain.
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from pygls.lsp.server import LanguageServer
from watchfiles import Change, awatch

from esmcache.cache_directory import make_directory
from esmcache.errors import CacheError
from esmcache.ide.workspace import Workspace
from esmcache_lsp.session import Session

# Transactions go into the write-ahead log, and from there into the file itself.
_INDEX = ("index.db", "index.db-wal")
_REPORTS = "events"
# A directory that was removed, or cannot be used, is looked for again this often.
_LOOKS_MS = 5000
# A warm writes the index in several transactions.
_SETTLING_MS = 200


def register(_: LanguageServer, session: Session) -> None:
    """Register for the index and for reports."""

    async def at_start() -> None:
        session.spawn(_watch(session))

    session.at_start.append(at_start)


async def _watch(session: Session) -> None:
    is_usable = True
    while True:
        try:
            # It is there again, if it was removed, once it was asked for.
            directory = await session.ask(Workspace.cache_directory)
            reports = os.path.join(directory, _REPORTS)
            make_directory(Path(reports))
            was = os.stat(reports).st_ino
        except (CacheError, OSError):
            # The status says why it cannot be used.
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
            # Not only those that came while it was watched for them.
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
    # Reports are moved aside when they are taken in, and then deleted.
    return path.endswith(_INDEX) or (_is_report(path) and change is not Change.deleted)


def _paths(directory: str) -> list[str]:
    try:
        return [os.path.join(directory, name) for name in os.listdir(directory)]
    except OSError:
        return []


def _is_report(path: str) -> bool:
    directory, name = os.path.split(path)
    return os.path.basename(directory) == _REPORTS and not name.startswith(".")
