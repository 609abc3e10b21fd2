"""The SQLite index of modules, requests, packages, blobs, code caches, packs and entry points.

All access to the tables goes through this module. Rows are the frozen values of rows.py. Several processes may have the
index open; writes are short transactions that wait for one another. A row with invalid values is damage, whatever its
cause.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

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
from esmcache.store.row_values import checker_of
from esmcache.store.rows import (
    ROW_TABLES,
    SETTLED,
    CodeCacheRow,
    InputRow,
    MissRow,
    ModuleRow,
    RequestRow,
)

__all__ = ["Index", "IndexDamaged", "IndexUnusable", "IndexVanished", "discard_index"]

_BUSY_TIMEOUT_MS = 60_000
_MOST_PARAMETERS = 500
# Stored in the table of statistics, but not a statistic.
_CHANGES_OF_EDGES = "changes of edges"
# application_id is this plus the number in user_version, so that damage to one of the two is noticed.
_APPLICATION = 0x65736D00
# Indexes up to this version have no application_id.
_LAST_WITHOUT_APPLICATION = 4
# A larger log is checkpointed after a transaction; a smaller one when the last process closes the index.
_LARGE_LOG_BYTES = 4 << 20

Row = TypeVar("Row")


class Index:
    """An open index; use it as a context manager, from one thread.

    `replaced` says why the existing file was no sound index; it is '' if the file was one, or if there was no file.
    """

    def __init__(self, path: Path) -> None:
        """Open the index at `path`, and create or replace it if necessary; raises IndexUnusable."""
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

    def __enter__(self) -> Index:
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
        """Group writes while other writers wait; raises IndexUnusable if the disk is full or the file is gone."""
        # A commit need not survive a power failure, because lost rows are made again.
        self._execute("pragma synchronous = normal")
        # Taking the write lock first lets the busy timeout apply; a read that turns into a write would fail.
        self._execute("begin immediate")
        try:
            yield
            self._execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.rollback()
            raise
        if not self.is_there:
            raise IndexVanished(f"{self._path} was removed while it was written")
        self._shorten_log()

    def put(self, rows: Sequence[Any]) -> None:
        """Insert or replace rows, all of one type."""
        if rows:
            row_type = type(rows[0])
            names = [field.name for field in fields(row_type)]
            marks = ", ".join("?" * len(names))
            sql = f"insert or replace into {ROW_TABLES[row_type]} ({', '.join(names)}) values ({marks})"
            self._execute_many(sql, list(map(attrgetter(*names), rows)))
            self._note_change(row_type)

    def all(self, row_type: type[Row]) -> Iterator[Row]:
        """Yield every row of a type."""
        yield from self._select(row_type, "", ())

    def where(self, row_type: type[Row], column: str, values: Iterable[object]) -> Iterator[Row]:
        """Yield the rows whose `column` has one of `values`."""
        wanted = list(values)
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            some = wanted[start : start + _MOST_PARAMETERS]
            yield from self._select(row_type, f"where {column} in ({','.join('?' * len(some))})", some)

    def closure(self, manifest: str) -> Iterator[ModuleRow]:
        """Yield the modules that a manifest holds."""
        condition = "where url in (select url from entry_modules where manifest = ?)"
        yield from self._select(ModuleRow, condition, (manifest,))

    def entries_with(self, url: str) -> list[str]:
        """Return the manifests that hold the module."""
        return [row[0] for row in self._rows("select manifest from entry_modules where url = ?", (url,))]

    def input_sets(self, names: Iterable[str]) -> set[str]:
        """Return which of the named input sets are stored."""
        return {row.input_set for row in self.where(InputRow, "input_set", names)}

    def remove(self, row_type: type, column: str, values: Iterable[object]) -> None:
        """Remove the rows whose `column` has one of `values`."""
        table, wanted = ROW_TABLES[row_type], list(values)
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            some = wanted[start : start + _MOST_PARAMETERS]
            self._execute(f"delete from {table} where {column} in ({','.join('?' * len(some))})", some)
            self._note_change(row_type)

    def put_entry_modules(self, manifest: str, urls: Iterable[str]) -> None:
        """Replace the list of modules that a manifest holds."""
        self.remove_entry_modules(manifest)
        sql = "insert or replace into entry_modules (manifest, url) values (?, ?)"
        self._execute_many(sql, [(manifest, url) for url in urls])

    def remove_entry_modules(self, manifest: str) -> None:
        """Forget which modules a manifest holds."""
        self._execute("delete from entry_modules where manifest = ?", (manifest,))

    def urls_of_domain(self, domain: str, engine_tag: str, without: Sequence[str]) -> set[str]:
        """Return the URLs of modules that a trust domain's manifests hold, except for the manifests in `without`."""
        sql = (
            "select distinct m.url from entry_modules m join entry_points e on e.manifest = m.manifest"
            f" where e.domain = ? and e.engine_tag = ? and e.manifest not in ({','.join('?' * len(without))})"
        )
        return {row[0] for row in self._rows(sql, (domain, engine_tag, *without))}

    def remove_links(self, links: Sequence[tuple[str, str, str]]) -> None:
        """Remove modules' claims to names, each given by directory, name and URL."""
        self._execute_many("delete from code_cache_links where directory = ? and name = ? and url = ?", links)

    def remove_code_caches(self, rows: Iterable[CodeCacheRow]) -> None:
        """Remove the rows of code caches."""
        sql = "delete from code_caches where engine_tag = ? and kind = ? and source_sha256 = ?"
        self._execute_many(sql, [(row.engine_tag, row.kind, row.source_sha256) for row in rows])

    def count(self, increments: Mapping[str, int]) -> None:
        """Add increments to counters of the statistics."""
        sql = (
            "insert into statistics (name, value) values (?, ?)"
            " on conflict (name) do update set value = value + excluded.value"
        )
        for name, increment in increments.items():
            if increment:
                self._execute(sql, (name, increment))

    def statistics(self) -> dict[str, int]:
        """Return all counters."""
        sql = "select name, value from statistics where name != ? order by name"
        return dict(self._rows(sql, (_CHANGES_OF_EDGES,)))

    def note_use(self, manifest: str, used_at: float) -> None:
        """Remember when an entry point was last started or warmed."""
        sql = "update entry_points set used_at = max(used_at, ?) where manifest = ?"
        self._execute(sql, (used_at, manifest))

    def note_misses(self, misses: Iterable[MissRow]) -> None:
        """Add the misses that runners reported to the stored ones."""
        sql = (
            "insert into misses (entry, url, executable, conditions, reason, count, seen_at)"
            " values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (entry, url, executable, conditions) do update set count = count + excluded.count,"
            " seen_at = excluded.seen_at, reason = excluded.reason"
        )
        for miss in misses:
            self._execute(sql, astuple(miss))

    def settle_misses(self, entries: Iterable[str], executable: str, conditions: str) -> None:
        """Note that entry points were warmed: keep what they load besides their graph, and remove other misses."""
        which = "where entry = ? and executable = ? and conditions = ?"
        for entry in entries:
            parameters = (entry, executable, conditions)
            self._execute(f"delete from misses {which} and url = ''", parameters)
            self._execute(f"update misses set reason = '{SETTLED}' {which}", parameters)

    def summary(self, table: str, group: str, size: str) -> list[tuple[str, int, int]]:
        """Return `(group, rows, sum of size)` of a table, largest first; the arguments are names in the schema."""
        sql = f"select {group}, count(*), coalesce(sum({size}), 0) from {table} group by {group} order by 3 desc, 1"
        return [(name, count, total) for name, count, total in self._rows(sql)]

    def packages(self) -> list[tuple[str, int, int]]:
        """Return `(name@version or directory, modules, bytes of source)`, largest first."""
        sql = (
            "select case when p.name != '' and instr(p.root, '/node_modules/') then p.name || '@' || p.version"
            " else m.package end as label, count(*), coalesce(sum(m.size), 0)"
            " from modules m left join packages p on p.root = m.package group by label order by 3 desc, 1"
        )
        return [(name, count, total) for name, count, total in self._rows(sql)]

    def edges(self) -> list[tuple[str, str, int]]:
        """Return `(importer, imported, asked)` of every request that was resolved."""
        return self._rows("select url, resolved_url, asked from requests where resolved_url != ''")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every module's source, by URL."""
        return dict(self._rows("select url, size from modules"))

    def version(self) -> tuple[int, int]:
        """Return two numbers, at least one of which changes with each write of any connection."""
        connection: sqlite3.Connection = self._database.conn
        return int(self._rows("pragma data_version")[0][0]), connection.total_changes

    def edges_version(self) -> int:
        """Return a number that changes whenever the result of `edges` may have changed."""
        rows = self._rows("select value from statistics where name = ?", (_CHANGES_OF_EDGES,))
        return int(rows[0][0]) if rows else 0

    def check(self) -> list[str]:
        """Return the faults that SQLite's own check finds; the list is empty for a sound file."""
        try:
            rows = self._rows("pragma quick_check")
        except IndexUnusable as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement for another module of store/ and return its rows, with unchecked values."""
        return self._rows(sql, parameters)

    def vacuum(self) -> None:
        """Give unused pages back to the file system, as far as readers in other processes allow it."""
        self._execute("vacuum")
        self.truncate_log()

    def truncate_log(self) -> None:
        """Checkpoint the whole log and leave it empty, as far as readers in other processes allow it."""
        with self._held() as mark:
            mark.remove()
            self._rows("pragma wal_checkpoint(truncate)")
            mark.write()

    def discard(self) -> None:
        """Close and remove the index, whatever its state; the next process that opens it makes a new one.

        An index that has already taken its place stays. Raises IndexUnusable.
        """
        with self._held() as mark:
            was_there = self.is_there
            self._close(None)
            if was_there or why_no_file_of_ours(self._path):
                remove_files(self._path, mark)

    def _note_change(self, row_type: type) -> None:
        if row_type is RequestRow:
            self.count({_CHANGES_OF_EDGES: 1})

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self._rows(sql, parameters)

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
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

    def _select(self, row_type: type[Row], condition: str, parameters: Sequence[object]) -> Iterator[Row]:
        columns = ", ".join(field.name for field in fields(row_type))  # type: ignore[arg-type]
        table, makes_sense = ROW_TABLES[row_type], checker_of(row_type)  # type: ignore[arg-type]
        for values in self._rows(f"select {columns} from {table} {condition}", parameters):
            if not makes_sense(values):
                raise IndexDamaged(f"{self._path} cannot be used: a row of {table} makes no sense")
            yield row_type(*values)

    def _shorten_log(self) -> None:
        """Checkpoint a large log, with the mark held; SQLite's own checkpoint at any commit would ignore the mark."""
        log = self._path.with_name(self._path.name + "-wal")
        with contextlib.suppress(OSError, IndexUnusable):
            if log.stat().st_size > _LARGE_LOG_BYTES:
                with self._held() as mark:
                    mark.remove()
                    self._rows("pragma wal_checkpoint(passive)")
                    mark.write()

    @contextlib.contextmanager
    def _held(self) -> Iterator[Mark]:
        try:
            with held(self._path) as mark:
                yield mark
        except OSError as error:
            raise self._place.fault(error) from error

    def _close(self, mark: Mark | None) -> None:
        """Close the database; if `mark` is given, update it for the file."""
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
        """Open the existing index, or make one; raises IndexDamaged if the existing file is no sound index."""
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
            # The counter starts with the current time in ms, which no earlier index at this path has reached.
            sql = "insert or ignore into statistics (name, value) values (?, ?)"
            database.execute(sql, (_CHANGES_OF_EDGES, time.time_ns() // 1_000_000))
            database.commit()
            database.execute("pragma synchronous = full")
        if not mark.is_current():
            mark.write()
        return database


def discard_index(path: Path) -> None:
    """Remove the index at `path`, whatever it is; raises OSError."""
    with held(path) as mark:
        remove_files(path, mark)


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
