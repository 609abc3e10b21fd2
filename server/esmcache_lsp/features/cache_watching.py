"""What others write into the cache, command lines and other servers: seen at once, so that nothing stale is shown."""

from __future__ import annotations

import os

from pygls.lsp.server import LanguageServer
from watchfiles import Change, awatch

from esmcache.engine.workspace.workspace import Workspace
from esmcache_lsp.session import Session

# Transactions go into the write-ahead log, and from there into the file itself.
_INDEX = ("index.db", "index.db-wal")
# A directory that was removed is looked for again this often.
_LOOKS_MS = 5000
# A warm writes the index in several transactions.
_SETTLING_MS = 200


def register(_: LanguageServer, session: Session) -> None:
    """Register for the index."""

    async def at_start() -> None:
        session.spawn(_watch(session))

    session.at_start.append(at_start)


async def _watch(session: Session) -> None:
    """Tell the session when another process has written the index."""
    while True:
        # It is there again, if it was removed, once it was asked for.
        directory = await session.ask(Workspace.cache_directory)
        was = os.stat(directory).st_ino
        changes = awatch(
            directory,
            watch_filter=_is_index,
            recursive=False,
            debounce=_SETTLING_MS,
            rust_timeout=_LOOKS_MS,
            yield_on_timeout=True,
        )
        async for _ in changes:
            if await session.answer(False, Workspace.index_changed):
                session.cache_changed()
            if not os.path.isdir(directory) or os.stat(directory).st_ino != was:
                break


def _is_index(_: Change, path: str) -> bool:
    return path.endswith(_INDEX)
