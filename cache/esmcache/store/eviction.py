"""Decides which rows of the index stay, and which entry points are removed when the cache is too large.

The rules of the size limit:

- The limit counts the bytes of all files below the cache directory, also of entries that Node wrote there, of files
  that writers left half-written, and of SQLite's log. A file with several links counts once. Directories and
  half-filled blocks do not count.
- Every collection removes what nothing names, however small the cache is: records, verdicts, code caches and sources of
  texts that no module has any more, and files without a row. If more than a third of a pack is such text, the pack is
  written again without it.
- If the rest is still too large, all dead text in packs is removed. If that is not enough, the cache is brought down to
  nine tenths of the limit: first by removing modules that no entry point reaches, then by removing entry points, those
  first whose last start or warm is the longest ago. A module, source or code cache is removed with the last entry point
  that needs it. The entry point that was used last always stays, so a program that alone exceeds the limit is served.
- `esmcache gc` collects the cache. A warm or save collects it if it has grown by a sixth since the last collection. A
  warm also collects it if the last collection was ten minutes ago (maintain/collect.py).
- Nobody writes the cache while it is collected: warms and saves wait for a collection, and `gc` waits for them, for a
  while (maintain/turns.py). If one is still at work then, only abandoned files are removed.
- Rows are removed before files, and only after the rows that take their place are stored. If a collection is stopped at
  any moment, it leaves files without rows, which the next one removes, and never rows without files.
- Starts do not take part in this. Each file is replaced or removed as a whole, and no name of a pack is ever used
  again. So a start reads what its manifest was made for, or finds it gone and has Node load the module. If the entry
  point of a running program is removed, the program loads its remaining modules from its own tree.

This module must look at no files: it takes sizes from rows and from its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from esmcache.store.index import Index
from esmcache.store.rows import EntryPointRow, ModuleRow, RequestRow

# Misses of programs that were never warmed are kept this long.
_KEEP_MISSES_S = 30 * 86_400.0

# Removes code caches of modules that only entry points for other engines have.
_CODE_CACHES_OF_NO_ENTRY_POINT = (
    "delete from code_caches where source_sha256 in (select source_sha256 from modules) and not exists"
    " (select 1 from modules m join entry_modules r on r.url = m.url join entry_points e on e.manifest = r.manifest"
    " where m.source_sha256 = code_caches.source_sha256 and e.engine_tag = code_caches.engine_tag)"
)
_EMPTY_INDEX_BYTES = 200_000
# The size of a module's rows in all tables together, as a multiple of its row in entry_modules.
_ROWS_OF_A_MODULE = 8
_MOST_PARAMETERS = 500

_WITHOUT_OWNER = (
    *(
        f"delete from {table} where manifest not in (select manifest from entry_points)"
        for table in ("entry_modules", "replaced_functions")
    ),
    "delete from resolution_inputs where input_set in"
    " (select input_set from resolution_inputs except select input_set from requests)",
    "delete from packages where root not in (select package from modules)",
    *(
        f"delete from {table} where source_sha256 not in (select source_sha256 from modules)"
        for table in ("analyses", "verdicts", "exports", "called_functions")
    ),
    "delete from blobs where key not in (select blob_key from analyses)",
    "delete from code_caches where source_sha256 not in (select source_sha256 from modules)"
    " and source_sha256 not in (select source_sha256 from code_cache_links)",
)
# A valid claim to a name is for a module that manifests of the domain and that Node hold, and for its current text. The
# directory is called <domain>/<Node's tag>-<user>, and the engine node-<Node's tag>.
_UNFOUNDED = (
    "exists (select 1 from modules m where m.url = l.url and m.source_sha256 != l.source_sha256)"
    " or not exists (select 1 from entry_modules m join entry_points e on e.manifest = m.manifest where m.url = l.url"
    " and instr(l.directory, e.domain || '/' || substr(e.engine_tag, 6) || '-') = 1)"
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes in bytes that no row holds: of manifests by name, and of the index."""

    manifests: Mapping[str, int]
    index: int


def remove_unnamed(index: Index, preload_urls: Iterable[str], now: float) -> set[str]:
    """Remove all rows that nothing names, and return the directories below v8/ that lost a module's claim to a name.

    The caller holds a transaction. Pack entries are left to `remove_pack_entries`.

    Args:
        preload_urls: The modules that every directory has besides those of its manifests.
        now: In seconds since the epoch.
    """
    orphans = index.execute("select distinct url from requests where url not in (select url from modules)")
    index.remove(RequestRow, "url", [url for (url,) in orphans])
    index.execute(_WITHOUT_OWNER[0])
    changed = _remove_links(index, set(preload_urls))
    for sql in _WITHOUT_OWNER[1:]:
        index.execute(sql)
    index.execute(
        "delete from misses where seen_at < ? and entry not in (select path from entry_points)", (now - _KEEP_MISSES_S,)
    )
    return changed


def _remove_links(index: Index, preload_urls: set[str]) -> set[str]:
    places = {
        directory: bool(is_used)
        for directory, is_used in index.execute(
            "select directory, exists (select 1 from entry_points e"
            " where instr(directory, e.domain || '/' || substr(e.engine_tag, 6) || '-') = 1)"
            " from (select distinct directory from code_cache_links)"
        )
    }
    changed = {directory for directory, is_used in places.items() if not is_used}
    for directory in changed:
        index.execute("delete from code_cache_links where directory = ?", (directory,))
    unfounded = [
        (directory, name, url)
        for directory, name, url in index.execute(
            f"select directory, name, url from code_cache_links l where {_UNFOUNDED}"
        )
        if url not in preload_urls
    ]
    index.remove_links(unfounded)
    return changed | {directory for directory, _, _ in unfounded}


def evict(index: Index, excess: int, sizes: Sizes) -> list[str]:
    """Remove modules that no entry point has, then entry points, until enough bytes are freed.

    The caller holds a transaction, and calls `remove_unnamed` after it. Each module is looked at once for every entry
    point that has it.

    Args:
        excess: The number of bytes to free.

    Returns:
        The manifests of the removed entry points.
    """
    entries = sorted(index.all(EntryPointRow), key=lambda row: (row.used_at, row.manifest))
    members: dict[str, list[str]] = {entry.manifest: [] for entry in entries}
    for manifest, url in index.execute("select manifest, url from entry_modules"):
        if manifest in members:
            members[manifest].append(url)
    sources: dict[str, bytes] = dict(index.execute("select url, source_sha256 from modules"))
    freed, freed_with = _freed_bytes(index, entries, members, sources, sizes)
    gone: list[str] = []
    for entry, of_entry in zip(entries[:-1], freed_with, strict=False):
        if freed >= excess:
            break
        freed += of_entry
        gone.append(entry.manifest)
    _remove_entry_points(index, gone)
    kept = set().union(*(members[entry.manifest] for entry in entries[len(gone) :])) if entries else set()
    index.remove(ModuleRow, "url", sources.keys() - kept)
    if len({entry.engine_tag for entry in entries}) > 1:
        index.execute(_CODE_CACHES_OF_NO_ENTRY_POINT)
    return gone


def _remove_entry_points(index: Index, manifests: list[str]) -> None:
    index.remove(EntryPointRow, "manifest", manifests)
    for manifest in manifests:
        index.remove_entry_modules(manifest)


def _freed_bytes(
    index: Index,
    entries: Sequence[EntryPointRow],
    members: Mapping[str, Sequence[str]],
    sources: Mapping[str, bytes],
    sizes: Sizes,
) -> tuple[int, list[int]]:
    """Return the bytes that are freed with modules that no entry point has, and those freed with each of `entries`.

    Entries are removed in this order, so data that several of them need is freed with the last one. `members` maps
    manifests to the URLs of their modules, and `sources` maps URLs to the SHA-256 of the modules' sources.
    """
    last: dict[bytes, int] = {}
    last_by_engine: dict[str, dict[bytes, int]] = {}
    memberships = 0
    for number, entry in enumerate(entries):
        needed = dict.fromkeys((sources[url] for url in members[entry.manifest] if url in sources), number)
        last |= needed
        last_by_engine.setdefault(entry.engine_tag, {}).update(needed)
        memberships += len(members[entry.manifest])
    rows = _ROWS_OF_A_MODULE * len(sources) + memberships
    row_bytes = max(0, sizes.index - _EMPTY_INDEX_BYTES) // max(1, rows)
    unreached = 0
    freed_with = [
        sizes.manifests.get(entry.manifest, 0) + row_bytes * len(members[entry.manifest]) for entry in entries
    ]
    of_modules = (
        *((source, _ROWS_OF_A_MODULE * row_bytes) for source in sources.values()),
        *index.execute("select distinct a.source_sha256, b.size from analyses a join blobs b on b.key = a.blob_key"),
        *index.execute("select source_sha256, length from pack_entries"),
    )
    for source, size in of_modules:
        number = last.get(source, -1)
        if number >= 0:
            freed_with[number] += size
        else:
            unreached += size
    for tag, source, size in index.execute("select engine_tag, source_sha256, size from code_caches"):
        # A code cache for an engine that has no entry point is freed with its source.
        number = last_by_engine.get(tag, last).get(source, -1)
        if number >= 0:
            freed_with[number] += size
        elif source not in last:
            unreached += size
    return unreached, freed_with


def needed_sources(index: Index) -> list[tuple[bytes, str, str, str]]:
    """Return the SHA-256 of every module's source, with root, name and version of the module's package."""
    sql = (
        "select distinct m.source_sha256, m.package, coalesce(p.name, ''), coalesce(p.version, '')"
        " from modules m left join packages p on p.root = m.package"
    )
    return [(source, root, name, version) for source, root, name, version in index.execute(sql)]


@dataclass(frozen=True, slots=True)
class Named:
    """The files that rows name; the values are unchecked and only serve to tell whether a file has a row."""

    manifests: list[str]
    blobs: list[str]
    code_caches: list[tuple[str, str, bytes, bytes]]
    links: list[tuple[str, str]]


def named_files(index: Index) -> Named:
    """Return the manifests, records, code caches (engine, kind, source, content) and links below v8/ that rows name."""
    return Named(
        [manifest for (manifest,) in index.execute("select manifest from entry_points")],
        [key for (key,) in index.execute("select key from blobs")],
        [
            (tag, kind, source, content)
            for tag, kind, source, content in index.execute(
                "select engine_tag, kind, source_sha256, content_sha256 from code_caches"
            )
        ],
        [(directory, name) for directory, name in index.execute("select directory, name from code_cache_links")],
    )


def remove_pack_entries(index: Index, entries: Iterable[tuple[bytes, str]]) -> None:
    """Remove rows of sources, given by SHA-256 and pack, and of emptied packs; the caller holds a transaction."""
    of_packs: dict[str, list[bytes]] = {}
    for source, pack in entries:
        of_packs.setdefault(pack, []).append(source)
    for pack, sources in of_packs.items():
        for start in range(0, len(sources), _MOST_PARAMETERS):
            some = sources[start : start + _MOST_PARAMETERS]
            marks = ",".join("?" * len(some))
            index.execute(f"delete from pack_entries where pack = ? and source_sha256 in ({marks})", (pack, *some))
    index.execute("delete from packs where pack not in (select pack from pack_entries)")


def stored_bytes(index: Index) -> tuple[int, int]:
    """Return the bytes of all records and of all code caches that the index knows."""
    records, caches = (
        int(index.execute(f"select coalesce(sum(size), 0) from {table}")[0][0]) for table in ("blobs", "code_caches")
    )
    return records, caches


def unused_share(index: Index) -> tuple[int, float]:
    """Return the bytes of the index's used pages, and the fraction of all pages that is unused."""
    page_size, pages, unused = (
        int(index.execute(f"pragma {name}")[0][0]) for name in ("page_size", "page_count", "freelist_count")
    )
    return page_size * (pages - unused), unused / max(1, pages)
