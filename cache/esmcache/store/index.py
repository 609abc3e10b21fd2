"""The SQLite index: what is known of modules, requests, packages, blobs, code caches, packs and entry points.

The only way to the tables. Rows come and go as the frozen values of rows.py. Several processes may have it open; writes
are short transactions that wait for one another.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from esmcache.cache_directory import remove_any
from esmcache.store import schema
from esmcache.store.rows import ROW_TABLES, SETTLED, InputRow, MissRow, ModuleRow, RequestRow

_BUSY_TIMEOUT_MS = 60_000
_MOST_PARAMETERS = 500
# A name in a damaged schema need not be UTF-8, and Python's sqlite3 does not count that as an error of the database.
_FAULTS = (sqlite3.DatabaseError, UnicodeDecodeError)
# Kept among the statistics, but none of them.
_CHANGES_OF_EDGES = "changes of edges"


Row = TypeVar("Row")


class IndexUnusable(Exception):
    """The index cannot be opened or written; the message is one line for a person."""


class IndexDamaged(IndexUnusable):
    """The file is no sound database, or its tables are not ours: it may be discarded."""


class IndexVanished(IndexUnusable):
    """The file or its directory was removed while it was being opened: another try may find it, or make it."""


class Index:
    """An open index. Use as a context manager, from one thread."""

    def __init__(self, path: Path) -> None:
        """Open the index at `path`, made or made anew if need be; raises IndexUnusable."""
        self._path = path
        if any(os.path.lexists(name) and not name.is_file() for name in _files_of(path)):
            # SQLite would wait for a FIFO, and never come to use a directory.
            discard_index(path)
        try:
            self._database = self._open()
            self._inode = os.stat(path).st_ino
        except FileNotFoundError as error:
            raise IndexVanished(f"{path} cannot be opened: {error.strerror}") from error
        except _FAULTS as error:
            if isinstance(error, sqlite3.OperationalError) and "not a database" not in str(error):
                vanished = any(word in str(error) for word in ("disk I/O", "unable to open"))
                kind = IndexVanished if vanished else IndexUnusable
                raise kind(f"{path} cannot be opened: {error}") from error
            # Whatever is there is no index; losing it loses nothing but time.
            discard_index(path)
            try:
                self._database = self._open()
            except _FAULTS as again:
                raise IndexUnusable(f"{path} cannot be opened: {again}") from again
            self._inode = os.stat(path).st_ino

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index."""
        self._database.close()

    @property
    def is_there(self) -> bool:
        """Return whether the file that was opened still has its name."""
        try:
            return os.stat(self._path).st_ino == self._inode
        except OSError:
            return False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Group writes; others wait. Raises IndexUnusable where the disk is full or the file is gone."""
        try:
            # A commit need not outlive a power failure: what is lost is made again.
            self._execute("pragma synchronous = normal")
            # Taking the write lock first lets the busy timeout apply; a read that turns into a write would fail.
            self._execute("begin immediate")
            try:
                yield
            except BaseException:
                self._database.rollback()
                raise
            self._database.commit()
        except _FAULTS as error:
            raise _fault(self._path, error) from error

    def put(self, rows: Sequence[Any]) -> None:
        """Insert or replace rows, all of one type."""
        if rows:
            table = self._database.table(ROW_TABLES[type(rows[0])])
            names = [field.name for field in fields(type(rows[0]))]
            table.insert_all(({name: getattr(row, name) for name in names} for row in rows), replace=True)
            self._note_change(type(rows[0]))

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
        rows = self._execute("select manifest from entry_modules where url = ?", (url,))
        return [row[0] for row in rows.fetchall()]

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
        rows = ({"manifest": manifest, "url": url} for url in urls)
        self._database.table("entry_modules").insert_all(rows, replace=True)

    def remove_entry_modules(self, manifest: str) -> None:
        """Forget which modules a manifest holds."""
        self._execute("delete from entry_modules where manifest = ?", (manifest,))

    def count(self, increments: Mapping[str, int]) -> None:
        """Add to the statistics."""
        sql = (
            "insert into statistics (name, value) values (?, ?)"
            " on conflict (name) do update set value = value + excluded.value"
        )
        for name, increment in increments.items():
            if increment:
                self._execute(sql, (name, increment))

    def statistics(self) -> dict[str, int]:
        """Return all counters."""
        rows = self._execute("select name, value from statistics where name != ? order by name", (_CHANGES_OF_EDGES,))
        return dict(rows.fetchall())

    def note_use(self, manifest: str, used_at: float) -> None:
        """Remember when an entry point was last started or warmed."""
        sql = "update entry_points set used_at = max(used_at, ?) where manifest = ?"
        self._execute(sql, (used_at, manifest))

    def note_misses(self, misses: Iterable[MissRow]) -> None:
        """Add up what runners missed."""
        sql = (
            "insert into misses (entry, url, executable, conditions, reason, count, seen_at)"
            " values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (entry, url, executable, conditions) do update set count = count + excluded.count,"
            " seen_at = excluded.seen_at, reason = excluded.reason"
        )
        for miss in misses:
            self._execute(sql, astuple(miss))

    def settle_misses(self, entries: Iterable[str], executable: str, conditions: str) -> None:
        """Note that entry points were warmed: what they load besides their graph is kept, the rest forgotten."""
        which = "where entry = ? and executable = ? and conditions = ?"
        for entry in entries:
            parameters = (entry, executable, conditions)
            self._execute(f"delete from misses {which} and url = ''", parameters)
            self._execute(f"update misses set reason = '{SETTLED}' {which}", parameters)

    def summary(self, table: str, group: str, size: str) -> list[tuple[str, int, int]]:
        """Return `(group, rows, sum of size)` of a table, largest first; names are the schema's own."""
        sql = f"select {group}, count(*), coalesce(sum({size}), 0) from {table} group by {group} order by 3 desc, 1"
        return [(name, count, total) for name, count, total in self._execute(sql).fetchall()]

    def packages(self) -> list[tuple[str, int, int]]:
        """Return `(name@version or directory, modules, bytes of source)`, largest first."""
        sql = (
            "select case when p.name != '' and instr(p.root, '/node_modules/') then p.name || '@' || p.version"
            " else m.package end as label, count(*), coalesce(sum(m.size), 0)"
            " from modules m left join packages p on p.root = m.package group by label order by 3 desc, 1"
        )
        return [(name, count, total) for name, count, total in self._execute(sql).fetchall()]

    def edges(self) -> list[tuple[str, str, int]]:
        """Return `(importer, imported, asked)` of every request that was resolved."""
        rows = self._execute("select url, resolved_url, asked from requests where resolved_url != ''")
        return list(rows.fetchall())

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every module's source."""
        return dict(self._execute("select url, size from modules").fetchall())

    def version(self) -> tuple[int, int]:
        """Return two numbers of which one is another after each write, of whatever connection."""
        connection: sqlite3.Connection = self._database.conn
        return int(self._execute("pragma data_version").fetchone()[0]), connection.total_changes

    def edges_version(self) -> int:
        """Return a number that is another one after `edges` has changed."""
        row = self._execute("select value from statistics where name = ?", (_CHANGES_OF_EDGES,)).fetchone()
        return 0 if row is None else int(row[0])

    def check(self) -> list[str]:
        """Return what SQLite's own check finds wrong, an empty list for a sound file."""
        try:
            rows = self._execute("pragma quick_check").fetchall()
        except IndexUnusable as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    def clear(self) -> None:
        """Remove every row, and give the room back; raises IndexUnusable."""
        with self.transaction():
            changes = self.edges_version()
            for table in schema.table_names():
                self._execute(f"delete from {table}")
            self.count({_CHANGES_OF_EDGES: changes + 1})
        self.vacuum()

    def vacuum(self) -> None:
        """Give unused pages back to the file system, as far as no other process reads."""
        self._execute("vacuum")
        self._execute("pragma wal_checkpoint(truncate)").fetchall()

    def discard(self) -> None:
        """Close and remove the index, whatever state it is in: the next one to open it makes a new one."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        discard_index(self._path)

    def _note_change(self, row_type: type) -> None:
        if row_type is RequestRow:
            self.count({_CHANGES_OF_EDGES: 1})

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(sql, parameters)
        except _FAULTS as error:
            raise _fault(self._path, error) from error

    def _select(self, row_type: type[Row], condition: str, parameters: Sequence[object]) -> Iterator[Row]:
        columns = ", ".join(field.name for field in fields(row_type))  # type: ignore[arg-type]
        sql = f"select {columns} from {ROW_TABLES[row_type]} {condition}"
        for values in self._execute(sql, parameters).fetchall():
            yield row_type(*values)

    def _open(self) -> Database:
        connection = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        database = Database(connection)
        try:
            connection.execute(f"pragma busy_timeout = {_BUSY_TIMEOUT_MS}")
            version = schema.user_version(database)
            if version == schema.VERSION:
                return database
            if version > schema.VERSION:
                raise IndexUnusable(f"{self._path} was made by a newer esmcache (index version {version})")
            _enable_wal(database)
            database.execute("begin immediate")
            schema.migrate(database)
            database.commit()
            self._path.chmod(0o600)
        except BaseException:
            database.close()
            raise
        return database


def discard_index(path: Path) -> None:
    """Remove the index at `path`, whatever it is; raises OSError."""
    for name in _files_of(path):
        remove_any(name)


def _files_of(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


# What SQLite says of a sound database that cannot be used now; everything else is damage.
_PASSING = ("locked", "busy", "readonly", "full", "disk i/o", "unable to open", "interrupted")


def _fault(path: Path, error: Exception) -> IndexUnusable:
    message = f"{path} cannot be used: {error}"
    passing = any(word in str(error).lower() for word in _PASSING)
    return IndexUnusable(message) if passing else IndexDamaged(message)


def _enable_wal(database: Database) -> None:
    # Two processes that make a new index at once: SQLite does not wait for this one lock by itself.
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            database.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
