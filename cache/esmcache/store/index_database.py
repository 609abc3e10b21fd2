"""The database of the index: opening, making, checking and closing it, running statements and transactions.

Several processes may have it open; writes are short transactions that wait for one another. This module must not know
what the tables hold.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from esmcache.store import schema
from esmcache.store.index_file import (
    FAULTS,
    IndexDamaged,
    IndexUnusable,
    IndexVanished,
    Mark,
    Place,
    held,
    make_file,
    remove_files,
    why_no_file_of_ours,
)

_BUSY_TIMEOUT_MS = 60_000
# application_id is this plus the number in user_version, so that damage to one of the two is noticed.
_APPLICATION = 0x65736D00
# Indexes up to this version have no application_id.
_LAST_WITHOUT_APPLICATION = 4
# A larger log is checkpointed after a transaction; a smaller one when the last process closes the index.
_LARGE_LOG_BYTES = 4 << 20


class IndexDatabase:
    """An open database; use it as a context manager, from one thread.

    `replaced` says why the existing file was no sound index; it is '' if the file was one, or if there was no file.
    """

    def __init__(self, path: Path) -> None:
        """Open the index at `path`, and create or replace it if necessary.

        Raises:
            IndexVanished: If the directory is gone, or the file is removed meanwhile.
            IndexUnusable: If a newer esmcache made the index, or it cannot be opened or made.
        """  # noqa: DOC501 (`_held` turns OSError into IndexUnusable)
        self._path = path
        self.replaced = ""
        try:
            self._place = Place(path)
        except OSError as error:
            raise IndexVanished(f"{path} cannot be opened: {error.strerror}") from error
        with self._held() as mark:
            try:
                self._database = self._open_sound(mark)
            except IndexDamaged as error:
                # Losing the index costs only time: its content can be made again.
                self.replaced = str(error)
                self._database = self._make(mark)
            try:
                self._place.note_file()
            except OSError:
                self._database.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; the last process that closes it checkpoints the log."""
        try:
            with held(self._path) as mark:
                self._close(mark)
        except OSError:
            # The directory is gone.
            self._close(None)

    @property
    def is_there(self) -> bool:
        """Return whether the opened file is still at its path."""
        return self._place.is_there()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Group writes while other writers wait.

        Raises:
            IndexVanished: If the file was removed meanwhile.
            IndexUnusable: If the transaction cannot begin or be committed, for example on a full disk.
        """
        # A commit need not survive a power failure, because lost rows are made again.
        self.execute("pragma synchronous = normal")
        # Taking the write lock first lets the busy timeout apply; a read that turns into a write would fail.
        self.execute("begin immediate")
        try:
            yield
            self.execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.rollback()
            raise
        if not self.is_there:
            raise IndexVanished(f"{self._path} was removed while it was written")
        self._shorten_log()

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement for a module of store/ and return its rows, with unchecked values.

        Raises:
            IndexDamaged: If the file is damaged, or its tables are not ours.
            IndexUnusable: If the index cannot be read or written at the moment.
        """
        try:
            return self._database.execute(sql, parameters).fetchall()
        except FAULTS as error:
            raise self._place.fault(error) from error

    def _execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        connection: sqlite3.Connection = self._database.conn
        try:
            connection.executemany(sql, rows)
        except FAULTS as error:
            raise self._place.fault(error) from error

    def version(self) -> tuple[int, int]:
        """Return two numbers, at least one of which changes with each write of any connection.

        Raises:
            IndexUnusable: If the index cannot be read.
        """
        connection: sqlite3.Connection = self._database.conn
        return int(self.execute("pragma data_version")[0][0]), connection.total_changes

    def check(self) -> list[str]:
        """Return the faults that SQLite's own check finds; the list is empty for a sound file."""
        try:
            rows = self.execute("pragma quick_check")
        except IndexUnusable as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    def vacuum(self) -> None:
        """Give unused pages back to the file system, as far as readers in other processes allow it.

        Raises:
            IndexUnusable: If the index cannot be written.
        """
        self.execute("vacuum")
        self.truncate_log()

    def truncate_log(self) -> None:
        """Checkpoint the whole log and leave it empty, as far as readers in other processes allow it.

        Raises:
            IndexUnusable: If the index cannot be written.
        """
        with self._held() as mark:
            mark.remove()
            self.execute("pragma wal_checkpoint(truncate)")
            mark.write()

    def discard(self) -> None:
        """Close and remove the index, whatever its state; the next process that opens it makes a new one.

        An index that has already taken its place stays.

        Raises:
            IndexUnusable: If the directory is gone, or a file cannot be removed.
        """
        with self._held() as mark:
            was_there = self.is_there
            self._close(None)
            if was_there or why_no_file_of_ours(self._path):
                remove_files(self._path, mark)

    def _shorten_log(self) -> None:
        """Checkpoint a large log, with the mark held; SQLite's own checkpoint at any commit would ignore the mark."""
        log = self._path.with_name(self._path.name + "-wal")
        with contextlib.suppress(OSError, IndexUnusable):
            if log.stat().st_size > _LARGE_LOG_BYTES:
                with self._held() as mark:
                    mark.remove()
                    self.execute("pragma wal_checkpoint(passive)")
                    mark.write()

    @contextlib.contextmanager
    def _held(self) -> Iterator[Mark]:
        try:
            with held(self._path) as mark:
                yield mark
        except OSError as error:
            raise self._place.fault(error) from error

    def _close(self, mark: Mark | None) -> None:
        """Close the database.

        Args:
            mark: The mark to update for the file, or None to leave it.
        """
        log = self._path.with_name(self._path.name + "-wal")
        try:
            writes = mark is not None and self.is_there and log.stat().st_size > 0
        except OSError:
            writes = False
        if mark is not None and writes:
            mark.remove()
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        if mark is not None and writes:
            mark.write()

    def _open_sound(self, mark: Mark) -> Database:
        """Open the existing index, or make one.

        Raises:
            IndexDamaged: If the existing file is no sound index.
            IndexUnusable: If a newer esmcache made the index, or it cannot be opened.
            OSError: If the file of a new index cannot be made.
        """
        if fault := why_no_file_of_ours(self._path):
            raise IndexDamaged(fault)
        if not os.path.lexists(self._path):
            return self._make(mark)
        if fault := mark.fault():
            raise IndexDamaged(f"{self._path} {fault}")
        return self._open(mark, checked=not mark.is_current())

    def _make(self, mark: Mark) -> Database:
        # A log that is left over belongs to a database that is gone.
        remove_files(self._path, mark)
        make_file(self._path)
        return self._open(mark)

    def _open(self, mark: Mark, *, checked: bool = False) -> Database:
        try:
            connection = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None)
            try:
                return self._prepared(Database(connection), mark, checked=checked)
            except BaseException:
                connection.close()
                raise
        except FAULTS as error:
            raise self._place.fault(error) from error

    def _prepared(self, database: Database, mark: Mark, *, checked: bool) -> Database:
        database.execute(f"pragma busy_timeout = {_BUSY_TIMEOUT_MS}")
        # No automatic checkpoints: the file is written only while its mark is held, see index_file.py.
        database.execute("pragma wal_autocheckpoint = 0")
        version = schema.user_version(database)
        application = int(database.execute("pragma application_id").fetchone()[0])
        if application != _APPLICATION + version and not (version <= _LAST_WITHOUT_APPLICATION and application == 0):
            raise IndexDamaged(f"{self._path} cannot be used: what it says of its version is damaged")
        if version > schema.VERSION:
            raise IndexUnusable(f"{self._path} was made by a newer esmcache (index version {version})")
        if checked and (faults := [row[0] for row in database.execute("pragma quick_check") if row[0] != "ok"]):
            raise IndexDamaged(f"{self._path} cannot be used: {faults[0]}")
        if version < schema.VERSION:
            mark.remove()
            # After a power failure here the file is no index, so nothing is lost. Waiting for the disk would take
            # longer than all the rest.
            database.execute("pragma synchronous = off")
            _enable_wal(database)
            database.execute("begin immediate")
            schema.migrate(database)
            database.execute(f"pragma application_id = {_APPLICATION + schema.VERSION}")
            database.commit()
            database.execute("pragma synchronous = full")
        if not mark.is_current():
            mark.write()
        return database


def _enable_wal(database: Database) -> None:
    # If two processes make a new index at once, SQLite does not wait for this one lock by itself.
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            database.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
