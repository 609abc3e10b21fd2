"""The tables of the index and their version.

The sources and the other files can give back all that the index holds. So a migration from an older version may drop
tables. The index refuses a newer version.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlite_utils import Database

# A counter in the table of statistics that is no statistic.
CHANGES_OF_EDGES = "changes of edges"

_TABLES: dict[str, tuple[dict[str, type], tuple[str, ...]]] = {
    # One row for each file that was ever warmed: its state then, and how Node loads it.
    "modules": (
        {
            "url": str,
            "path": str,
            "kind": str,
            "size": int,
            "mtime_ms": float,
            "ctime_ms": float,
            "inode": int,
            "proven": int,
            "source_sha256": bytes,
            "package": str,
            "problem": str,
            "warmed_at": float,
        },
        ("url",),
    ),
    # The analysis of a source text; all files with this text share it.
    "analyses": (
        {
            "source_sha256": bytes,
            "kind": str,
            "version": int,
            "complete": int,
            "requests": str,
            "bindings": str,
            "diagnostics": str,
            "blob_key": str,
        },
        ("source_sha256", "kind"),
    ),
    # An engine's verdict on a source text: outcome "ok", "syntax-error" or "quarantined"; for kind "detect" also the
    # kind that Node's syntax detection finds.
    "verdicts": (
        {
            "engine_tag": str,
            "kind": str,
            "source_sha256": bytes,
            "outcome": str,
            "detail": str,
            "line": int,
            "column": int,
            "requests": str,
        },
        ("engine_tag", "kind", "source_sha256"),
    ),
    "requests": (
        {
            "url": str,
            "ordinal": int,
            "specifier": str,
            "asked": int,
            "attributes": str,
            "resolved_url": str,
            "error_code": str,
            "error_message": str,
            "input_set": str,
        },
        ("url", "ordinal"),
    ),
    "exports": (
        {"source_sha256": bytes, "ordinal": int, "export_name": str, "module_name": str, "import_name": str},
        ("source_sha256", "ordinal"),
    ),
    "packages": ({"root": str, "name": str, "version": str}, ("root",)),
    # A set of file-system facts that answers rest on, named by a digest.
    "resolution_inputs": (
        {"input_set": str, "ordinal": int, "kind": str, "path": str, "detail": str},
        ("input_set", "ordinal"),
    ),
    "blobs": (
        {
            "key": str,
            "content_sha256": bytes,
            "size": int,
            "stored_at": float,
            "mtime_ms": float,
            "ctime_ms": float,
            "inode": int,
        },
        ("key",),
    ),
    # The code cache of a source text below code/, by the engine that made it, and the state of its file when its
    # SHA-256 was last compared.
    "code_caches": (
        {
            "engine_tag": str,
            "kind": str,
            "source_sha256": bytes,
            "content_sha256": bytes,
            "size": int,
            "stored_at": float,
            "functions": int,
            "mtime_ms": float,
            "ctime_ms": float,
            "inode": int,
        },
        ("engine_tag", "kind", "source_sha256"),
    ),
    # The names that modules claim in the compile-cache directories below v8/.
    "code_cache_links": (
        {"directory": str, "name": str, "url": str, "kind": str, "source_sha256": bytes},
        ("directory", "name", "url"),
    ),
    # The offsets of the functions in a source text that runs called.
    "called_functions": ({"source_sha256": bytes, "starts": bytes}, ("source_sha256",)),
    "pack_entries": (
        {"source_sha256": bytes, "pack": str, "offset": int, "length": int, "checksum": int, "one_byte": int},
        ("source_sha256", "pack"),
    ),
    # The fingerprint of a pack's file when all its sources were found sound.
    "packs": ({"pack": str, "size": int, "mtime_ms": float, "ctime_ms": float, "inode": int}, ("pack",)),
    "entry_points": (
        {
            "manifest": str,
            "path": str,
            "engine_tag": str,
            "node_version": str,
            "arch": str,
            "conditions": str,
            "domain": str,
            "modules": int,
            "warmed_at": float,
            "used_at": float,
        },
        ("manifest",),
    ),
    "entry_modules": ({"manifest": str, "url": str}, ("manifest", "url")),
    "replaced_functions": ({"manifest": str, "questions": int, "functions": str}, ("manifest",)),
    "misses": (
        {
            "entry": str,
            "url": str,
            "executable": str,
            "conditions": str,
            "reason": str,
            "count": int,
            "seen_at": float,
        },
        ("entry", "url", "executable", "conditions"),
    ),
    "statistics": ({"name": str, "value": int}, ("name",)),
}

_INDEXES = (
    ("requests", ("resolved_url",)),
    ("resolution_inputs", ("path",)),
    ("modules", ("source_sha256",)),
    ("code_caches", ("source_sha256",)),
    ("code_cache_links", ("url",)),
    ("entry_modules", ("url",)),
)


def _create(database: Database) -> None:
    for name, (columns, key) in _TABLES.items():
        database.table(name).create(columns, pk=key if len(key) > 1 else key[0])
    for name, columns_of in _INDEXES:
        database.table(name).create_index(list(columns_of))


def _forget_analyses(database: Database) -> None:
    # Older analyses have no bindings; analysing the sources again gives them.
    columns, key = _TABLES["analyses"]
    database.table("analyses").drop(ignore=True)
    database.table("analyses").create(columns, pk=key, if_not_exists=True)


def _know_called_functions_and_packs(database: Database) -> None:
    columns, key = _TABLES["called_functions"]
    database.table("called_functions").create(columns, pk=key[0], if_not_exists=True)
    columns, key = _TABLES["packs"]
    database.table("packs").create(columns, pk=key[0], if_not_exists=True)


def _forget_packs(database: Database) -> None:
    # Older packs hold other texts, and are replaced.
    for name in ("pack_entries", "packs"):
        columns, key = _TABLES[name]
        database.table(name).drop(ignore=True)
        database.table(name).create(columns, pk=key if len(key) > 1 else key[0])


def _keep_code_caches_by_source(database: Database) -> None:
    # Older code caches lay in one directory for all projects. The next warm makes code caches and records again.
    for name in ("blobs", "code_caches", "code_cache_links", "entry_points", "entry_modules"):
        columns, key = _TABLES[name]
        database.table(name).drop(ignore=True)
        database.table(name).create(columns, pk=key if len(key) > 1 else key[0])
    for name, columns_of in _INDEXES:
        if name in ("code_caches", "code_cache_links", "entry_modules"):
            database.table(name).create_index(list(columns_of), if_not_exists=True)


def _forget_verdicts(database: Database) -> None:
    # Older verdicts do not say whether a source counts calls; compiling the sources again gives them.
    columns, key = _TABLES["verdicts"]
    database.table("verdicts").drop(ignore=True)
    database.table("verdicts").create(columns, pk=key)


def _know_replaced_functions(database: Database) -> None:
    columns, key = _TABLES["replaced_functions"]
    database.table("replaced_functions").create(columns, pk=key[0], if_not_exists=True)


# Migration i takes an index of user_version i to i + 1.
_MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _create,
    _forget_analyses,
    _know_called_functions_and_packs,
    _forget_packs,
    _keep_code_caches_by_source,
    # Code caches have a ctime since then.
    _keep_code_caches_by_source,
    # The name of a code cache's file depends on its content since then.
    _keep_code_caches_by_source,
    _forget_verdicts,
    _know_replaced_functions,
)

VERSION = len(_MIGRATIONS)


def user_version(database: Database) -> int:
    """Return the version that is stored in the file; 0 for a new one."""
    return int(database.execute("pragma user_version").fetchone()[0])


def migrate(database: Database) -> None:
    """Bring the tables to this version; the caller holds a write transaction."""
    for version in range(user_version(database), VERSION):
        _MIGRATIONS[version](database)
    database.execute(f"pragma user_version = {VERSION}")
    # The counter starts with the current time in ms, which no earlier index at this path has reached.
    sql = "insert or ignore into statistics (name, value) values (?, ?)"
    database.execute(sql, (CHANGES_OF_EDGES, time.time_ns() // 1_000_000))
