"""The SQLite index of modules, requests, packages, blobs, code caches, packs and entry points.

All access to the tables goes through this module. Rows are the frozen values of rows.py. A row with invalid values is
damage, whatever its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any, TypeVar

from esmcache.store.index_database import IndexDatabase
from esmcache.store.index_file import IndexDamaged
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
from esmcache.store.schema import CHANGES_OF_EDGES

_MOST_PARAMETERS = 500

Row = TypeVar("Row")


class Index(IndexDatabase):
    """An open index; use it as a context manager, from one thread.

    Each method raises IndexUnusable if the index cannot be read or written.
    """

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
        """Yield every row of a type.

        Raises:
            IndexDamaged: If a row has invalid values.
        """
        yield from self._select(row_type, "", ())

    def where(self, row_type: type[Row], column: str, values: Iterable[object]) -> Iterator[Row]:
        """Yield the rows whose `column` has one of `values`.

        Raises:
            IndexDamaged: If a row has invalid values.
        """
        wanted = list(values)
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            some = wanted[start : start + _MOST_PARAMETERS]
            yield from self._select(row_type, f"where {column} in ({','.join('?' * len(some))})", some)

    def closure(self, manifest: str) -> Iterator[ModuleRow]:
        """Yield the modules that a manifest holds.

        Raises:
            IndexDamaged: If a row has invalid values.
        """
        condition = "where url in (select url from entry_modules where manifest = ?)"
        yield from self._select(ModuleRow, condition, (manifest,))

    def entries_with(self, url: str) -> list[str]:
        """Return the manifests that hold the module."""
        return [row[0] for row in self.execute("select manifest from entry_modules where url = ?", (url,))]

    def input_sets(self, names: Iterable[str]) -> set[str]:
        """Return which of the named input sets are stored.

        Raises:
            IndexDamaged: If a row has invalid values.
        """
        return {row.input_set for row in self.where(InputRow, "input_set", names)}

    def remove(self, row_type: type, column: str, values: Iterable[object]) -> None:
        """Remove the rows whose `column` has one of `values`."""
        table, wanted = ROW_TABLES[row_type], list(values)
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            some = wanted[start : start + _MOST_PARAMETERS]
            self.execute(f"delete from {table} where {column} in ({','.join('?' * len(some))})", some)
            self._note_change(row_type)

    def put_entry_modules(self, manifest: str, urls: Iterable[str]) -> None:
        """Replace the list of modules that a manifest holds."""
        self.remove_entry_modules(manifest)
        sql = "insert or replace into entry_modules (manifest, url) values (?, ?)"
        self._execute_many(sql, [(manifest, url) for url in urls])

    def remove_entry_modules(self, manifest: str) -> None:
        """Forget which modules a manifest holds."""
        self.execute("delete from entry_modules where manifest = ?", (manifest,))

    def urls_of_domain(self, domain: str, engine_tag: str, without: Sequence[str]) -> set[str]:
        """Return the URLs of modules that a trust domain's manifests hold.

        Args:
            without: The names of manifests that are left out.
        """
        sql = (
            "select distinct m.url from entry_modules m join entry_points e on e.manifest = m.manifest"
            f" where e.domain = ? and e.engine_tag = ? and e.manifest not in ({','.join('?' * len(without))})"
        )
        return {row[0] for row in self.execute(sql, (domain, engine_tag, *without))}

    def remove_links(self, links: Sequence[tuple[str, str, str]]) -> None:
        """Remove modules' claims to names.

        Args:
            links: Directory, name and URL of each claim.
        """
        self._execute_many("delete from code_cache_links where directory = ? and name = ? and url = ?", links)

    def remove_code_caches(self, rows: Iterable[CodeCacheRow]) -> None:
        """Remove the rows of code caches."""
        sql = "delete from code_caches where engine_tag = ? and kind = ? and source_sha256 = ?"
        self._execute_many(sql, [(row.engine_tag, row.kind, row.source_sha256) for row in rows])

    def count(self, increments: Mapping[str, int]) -> None:
        """Add to counters of the statistics.

        Args:
            increments: What is added, by the counter's name.
        """
        sql = (
            "insert into statistics (name, value) values (?, ?)"
            " on conflict (name) do update set value = value + excluded.value"
        )
        for name, increment in increments.items():
            if increment:
                self.execute(sql, (name, increment))

    def statistics(self) -> dict[str, int]:
        """Return all counters."""
        sql = "select name, value from statistics where name != ? order by name"
        return dict(self.execute(sql, (CHANGES_OF_EDGES,)))

    def note_use(self, manifest: str, used_at: float) -> None:
        """Remember when an entry point was last started or warmed.

        Args:
            used_at: In seconds since the epoch.
        """
        sql = "update entry_points set used_at = max(used_at, ?) where manifest = ?"
        self.execute(sql, (used_at, manifest))

    def note_misses(self, misses: Iterable[MissRow]) -> None:
        """Add the misses that runners reported to the stored ones."""
        sql = (
            "insert into misses (entry, url, executable, conditions, reason, count, seen_at)"
            " values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (entry, url, executable, conditions) do update set count = count + excluded.count,"
            " seen_at = excluded.seen_at, reason = excluded.reason"
        )
        for miss in misses:
            self.execute(sql, astuple(miss))

    def settle_misses(self, entries: Iterable[str], executable: str, conditions: str) -> None:
        """Note that entry points were warmed: keep what they load besides their graph, and remove other misses.

        Args:
            entries: The paths of the entry points.
            executable: The path of the Node that they were warmed for.
            conditions: The conditions of the warm, joined by NUL.
        """
        which = "where entry = ? and executable = ? and conditions = ?"
        for entry in entries:
            parameters = (entry, executable, conditions)
            self.execute(f"delete from misses {which} and url = ''", parameters)
            self.execute(f"update misses set reason = '{SETTLED}' {which}", parameters)

    def summary(self, table: str, group: str, size: str) -> list[tuple[str, int, int]]:
        """Return `(group, rows, sum of size)` of a table, largest first.

        Args:
            table: The table's name in the schema.
            group: The name of the column whose values are the groups.
            size: The name of the column that is summed up.
        """
        sql = f"select {group}, count(*), coalesce(sum({size}), 0) from {table} group by {group} order by 3 desc, 1"
        return [(name, count, total) for name, count, total in self.execute(sql)]

    def packages(self) -> list[tuple[str, int, int]]:
        """Return `(name@version or directory, modules, bytes of source)`, largest first."""
        sql = (
            "select case when p.name != '' and instr(p.root, '/node_modules/') then p.name || '@' || p.version"
            " else m.package end as label, count(*), coalesce(sum(m.size), 0)"
            " from modules m left join packages p on p.root = m.package group by label order by 3 desc, 1"
        )
        return [(name, count, total) for name, count, total in self.execute(sql)]

    def count_native(self) -> int:
        """Return how many modules Node loads itself."""
        ((count,),) = self.execute("select count(*) from modules where problem != ''")
        return int(count)

    def edges(self) -> list[tuple[str, str, int]]:
        """Return `(importer, imported, asked)` of every request that was resolved."""
        return self.execute("select url, resolved_url, asked from requests where resolved_url != ''")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every module's source, by URL."""
        return dict(self.execute("select url, size from modules"))

    def edges_version(self) -> int:
        """Return a number that changes whenever the result of `edges` may have changed."""
        rows = self.execute("select value from statistics where name = ?", (CHANGES_OF_EDGES,))
        return int(rows[0][0]) if rows else 0

    def _note_change(self, row_type: type) -> None:
        if row_type is RequestRow:
            self.count({CHANGES_OF_EDGES: 1})

    def _select(self, row_type: type[Row], condition: str, parameters: Sequence[object]) -> Iterator[Row]:
        columns = ", ".join(field.name for field in fields(row_type))  # type: ignore[arg-type]
        table, makes_sense = ROW_TABLES[row_type], checker_of(row_type)  # type: ignore[arg-type]
        for values in self.execute(f"select {columns} from {table} {condition}", parameters):
            if not makes_sense(values):
                raise IndexDamaged(f"{self._path} cannot be used: a row of {table} makes no sense")
            yield row_type(*values)
