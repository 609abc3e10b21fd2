"""Brings the cache under its size limit; store/eviction.py has the rules and decides which rows of the index stay.

Files are removed in this order: manifests, marks of starts, the directories that Node is pointed at, then the files
that those lead to.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular
from esmcache.file_source import file_url_from_path
from esmcache.maintain.domain_directory import PRELOAD_FILES, DomainDirectory, is_place, is_sealed, seal_path
from esmcache.maintain.files import file_sizes, is_temporary, look_again, remove_abandoned
from esmcache.maintain.growth import is_due, note_collected
from esmcache.maintain.pack_rows import pack_entry_row, packed_source
from esmcache.maintain.turns import collecting
from esmcache.private_files import write_whole
from esmcache.serving.compaction import MovedPack, compact_packs, with_moved_packs
from esmcache.serving.pack import (
    PACK_HEADER_SIZE,
    PackedSource,
    entry_size,
    family_of,
    pack_family,
    pack_label,
    pack_lock,
)
from esmcache.store.cache_key import code_cache_place
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.eviction import (
    Sizes,
    evict,
    named_files,
    needed_sources,
    remove_pack_entries,
    remove_unnamed,
    unused_share,
)
from esmcache.store.index import Index
from esmcache.store.rows import EntryPointRow, PackEntryRow, PackRow

# A log is checkpointed if it is larger than this or than a quarter of the index.
_LARGEST_LOG_BYTES = 1 << 20
# The time between two checks of the size is at least this multiple of the time that the last check took.
_LOOKS_APART = 20
# An index with a larger fraction of unused pages is written again without them.
_UNUSED_SHARE, _UNUSED_SHARE_IF_TIGHT = 0.2, 0.05
_MOST_ROUNDS = 5
_PRELOAD_URLS = frozenset(file_url_from_path(str(path)) for path in PRELOAD_FILES)
# In the order in which files are removed.
_CONTENTS = ("manifests", "starts", "v8", "seals", "code", "blobs", "packs")

# The needed sources that packs hold: SHA-256 and place, by pack.
Live = dict[str, list[tuple[bytes, PackedSource]]]


@dataclass(slots=True)
class Collected:
    """The result of a collection, sizes in bytes; `busy`: someone was writing, so only abandoned files were removed."""

    entry_points: int = 0
    files: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    busy: bool = False


def collect(directory: CacheDirectory, index: Index, max_size: int, wait_s: float = 0.0) -> Collected:
    """Remove what nothing needs, and bring the rest under the size limit.

    Args:
        max_size: The size limit in bytes.
        wait_s: The longest wait, in seconds, until other processes have finished writing.

    Raises:
        OSError: If a file of the cache cannot be written or removed.
        IndexUnusable: If the index cannot be read or written.
    """
    answer = Collected()
    with collecting(directory.path, wait_s) as is_alone, _without_cycle_collection():
        answer.busy = not is_alone
        sizes = file_sizes(directory)
        answer.bytes_before = sum(sizes.values())
        for place in remove_abandoned(directory, list(sizes)):
            del sizes[place]
            answer.files += 1
        if is_alone:
            for _ in range(_MOST_ROUNDS):
                evicts_more = _Collection(directory, index, max_size, sizes, answer).run()
                # A round can only guess how much the index will shrink.
                if sum(sizes.values()) <= max_size or not evicts_more:
                    break
            note_collected(directory, index)
        answer.bytes_after = sum(sizes.values())
    return answer


@contextlib.contextmanager
def _without_cycle_collection() -> Iterator[None]:
    """Turn off Python's cycle collector: it finds nothing among the many objects, but takes a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class SelfCollection:
    """Collects a cache that has grown, after a warm or a save; it does not check the size every time."""

    def __init__(self) -> None:
        self._next_look = 0.0

    def run(self, directory: CacheDirectory, index: Index, max_size: int, *, by_time: bool) -> None:
        """Collect the cache if it has grown since the last collection.

        The collection does not wait for other processes.

        Args:
            max_size: The size limit in bytes.
            by_time: Whether to collect it also if the last collection was a while ago.

        Raises:
            OSError: If a file of the cache cannot be written or removed.
            IndexUnusable: If the index cannot be read or written.
        """
        if time.monotonic() < self._next_look:
            return
        started = time.process_time()
        is_due_now = is_due(directory, index, max_size, by_time=by_time)
        # A check takes longer in a large cache, and a large cache grows more slowly in proportion.
        looked = time.process_time() - started
        self._next_look = time.monotonic() + _LOOKS_APART * looked
        if is_due_now:
            collect(directory, index, max_size)
        else:
            _shorten_log(directory, index)


def _shorten_log(directory: CacheDirectory, index: Index) -> None:
    with contextlib.suppress(OSError):
        log = directory.path / "index.db-wal"
        if log.stat().st_size > min(_LARGEST_LOG_BYTES, directory.index_path.stat().st_size // 4):
            index.truncate_log()


class _Collection:
    """One collection, by a process that is alone with the cache."""

    def __init__(
        self, directory: CacheDirectory, index: Index, max_size: int, sizes: dict[str, int], answer: Collected
    ) -> None:
        """Prepare a collection.

        Args:
            max_size: The size limit in bytes.
            sizes: The sizes of all files in bytes; they are kept up to date.
            answer: Gets the counts.
        """
        self._directory = directory
        self._index = index
        self._max_size = max_size
        self._sizes = sizes
        self._answer = answer
        self._is_tight = False
        self._places: set[str] = set()
        self._code_places: dict[tuple[str, str, bytes, bytes], str] = {}
        self._sources: list[tuple[bytes, str, PackedSource]] | None = None

    def run(self) -> bool:
        """Remove rows, then files, then dead text; return whether entry points were removed and more could be.

        Raises:
            OSError: If a file of the cache cannot be written or removed.
            IndexUnusable: If the index cannot be read or written.
        """
        gone: list[str] = []
        with self._index.transaction():
            changed = remove_unnamed(self._index, _PRELOAD_URLS, time.time())
            sources, dead_sources = self._look_at_sources()
            named = self._named(sources)
            lazy = self._needed_bytes(named)
            dead = sum(self._sizes[f"packs/{name}"] - _pack_bytes(some) for name, some in sources.items())
            self._is_tight = lazy > self._max_size
            if lazy - dead > self._max_size:
                sizes = Sizes(self._manifest_sizes(), unused_share(self._index)[0])
                gone = evict(self._index, lazy - dead - self._max_size * 9 // 10, sizes)
                self._answer.entry_points += len(gone)
                changed |= remove_unnamed(self._index, _PRELOAD_URLS, time.time())
                sources, dead_sources = self._look_at_sources()
                named = self._named(sources)
            remove_pack_entries(self._index, dead_sources)
        changed |= self._remove_files(named)
        self._compact(sources)
        self._fill_directories(changed)
        has_room = unused_share(self._index)[1] > (_UNUSED_SHARE_IF_TIGHT if self._is_tight else _UNUSED_SHARE)
        if self._answer.entry_points or has_room:
            self._index.vacuum()
        else:
            self._index.truncate_log()
        look_again(self._directory, self._sizes, ("", "manifests", "packs", "seals"))
        return bool(gone) and len(self._manifests()) > 1

    def _look_at_sources(self) -> tuple[Live, list[tuple[bytes, str]]]:
        """Return the sources in each pack that modules have, and all others (SHA-256, pack)."""
        families: dict[str, str] = {}
        needed = set()
        for source, root, name, version in needed_sources(self._index):
            family = families.get(root)
            if family is None:
                family = families[root] = pack_family(pack_label(root, name, version))
            needed.add((source, family))
        live: Live = {}
        dead = []
        for digest, family, place in self._packed():
            if (digest, family) in needed:
                live.setdefault(place.pack, []).append((digest, place))
            else:
                dead.append((digest, place.pack))
        return live, dead

    def _packed(self) -> list[tuple[bytes, str, PackedSource]]:
        """Return SHA-256, family and place of every source in a pack; the family of a pack that is gone is ''."""
        if self._sources is None:
            families: dict[str, str] = {}
            self._sources = []
            for row in self._index.all(PackEntryRow):
                family = families.get(row.pack)
                if family is None:
                    is_there = f"packs/{row.pack}" in self._sizes
                    family = families[row.pack] = family_of(row.pack) if is_there else ""
                self._sources.append((row.source_sha256, family, packed_source(row)))
        return self._sources

    def _named(self, packs: Iterable[str]) -> set[str]:
        """Return the places of all files that the index names, and note the directories that Node is pointed at."""
        rows = named_files(self._index)
        named = {f"packs/{name}" for name in packs}
        for manifest in rows.manifests:
            named |= {f"manifests/{manifest}", f"starts/{Path(manifest).stem}"}
        named.update(f"blobs/{key[:2]}/{key}" for key in rows.blobs)
        named.update(map(self._code_place, rows.code_caches))
        self._places = set(filter(is_place, {directory for directory, _ in rows.links}))
        named.update(f"seals/{seal_path(self._directory, place).name}" for place in self._places)
        named.update(f"v8/{directory}/{name}" for directory, name in rows.links if directory in self._places)
        return named

    def _code_place(self, code_cache: tuple[str, str, bytes, bytes]) -> str:
        place = self._code_places.get(code_cache)
        if place is None:
            place = self._code_places[code_cache] = f"code/{code_cache_place(*code_cache)}"
        return place

    def _manifests(self) -> list[str]:
        return [row.manifest for row in self._index.all(EntryPointRow)]

    def _manifest_sizes(self) -> dict[str, int]:
        return {name: self._sizes.get(f"manifests/{name}", 0) for name in self._manifests()}

    def _needed_bytes(self, named: Collection[str]) -> int:
        files = sum(
            size for place, size in self._sizes.items() if not place.startswith("index.db") and _stays(place, named)
        )
        return files + unused_share(self._index)[0]

    def _remove_files(self, named: Collection[str]) -> set[str]:
        """Remove files that the index does not name; return the directories below v8/ that hold surplus entries."""
        filled = {place.rpartition("/")[0] for place in named if place.startswith("v8/")}
        gone: dict[str, list[str]] = {}
        for place in self._sizes:
            if not _stays(place, named):
                holder, _, name = place.rpartition("/")
                gone.setdefault(holder, []).append(name)
        for holder in sorted(gone.keys() - filled, key=lambda holder: _CONTENTS.index(holder.partition("/")[0])):
            parts = holder.split("/")
            removed = self._directory.remove_files(parts, gone[holder]) or 0
            self._answer.files += removed
            if removed:
                self._forget(holder, gone[holder])
            while parts[0] == "v8" and len(parts) > 1:
                with contextlib.suppress(OSError):
                    os.rmdir(self._directory.path.joinpath(*parts))
                parts.pop()
        changed = gone.keys() & filled
        # The surplus entries of these directories are removed when the directories are filled.
        for holder in changed:
            self._forget(holder, gone[holder])
        return {holder.removeprefix("v8/") for holder in changed}

    def _forget(self, holder: str, names: Iterable[str]) -> None:
        for name in names:
            del self._sizes[f"{holder}/{name}" if holder else name]

    def _compact(self, sources: Live) -> None:
        families: dict[str, list[str]] = {}
        for name in sources:
            families.setdefault(family_of(name), []).append(name)
        with pack_lock(self._directory.packs_path):
            moved: dict[str, MovedPack] = {}
            for family, names in families.items():
                if self._is_wasteful(names, sources):
                    # On a full disk the packs stay unchanged.
                    with contextlib.suppress(OSError):
                        live = {name: sources[name] for name in names}
                        successor = compact_packs(self._directory.packs_path, family, live)
                        moved |= {} if successor is None else dict.fromkeys(names, successor)
            if moved:
                self._move(moved)

    def _is_wasteful(self, names: Sequence[str], sources: Live) -> bool:
        size = sum(self._sizes[f"packs/{name}"] for name in names)
        dead = size - sum(_pack_bytes(sources[name]) for name in names)
        # A collection that was stopped can leave several packs of a family.
        return len(names) > 1 or dead * 3 > size or (self._is_tight and dead * 20 > size)

    def _move(self, moved: Mapping[str, MovedPack]) -> None:
        """Make index and manifests name the successors of packs, and remove those packs.

        The index names both until all manifests are written, so if this is stopped, no file that is named is missing.
        """
        with self._index.transaction():
            for pack in {one.name: one for one in moved.values()}.values():
                self._index.put([pack_entry_row(digest, place) for digest, place in pack.places.items()])
                self._index.put([PackRow(pack.name, *astuple(pack.fingerprint))])
        names = [name.encode() for name in moved]
        for manifest in self._manifests():
            path = self._directory.manifests_path / manifest
            before = read_regular(path) or b""
            if any(name in before for name in names):
                after = with_moved_packs(before, moved)
                if after is not None and after != before:
                    write_whole(path, after)
        with self._index.transaction():
            self._index.remove(PackEntryRow, "pack", moved)
            self._index.remove(PackRow, "pack", moved)
        for name in moved:
            self._directory.remove("packs", name)
            self._answer.files += 1

    def _fill_directories(self, changed: Collection[str]) -> None:
        """Make the directories that Node is pointed at hold exactly what the index says, and seal them."""
        store = CodeCacheStore(self._directory.code_path)
        for place in sorted(self._places):
            if place in changed or not is_sealed(self._directory, place):
                directory = DomainDirectory(self._directory, self._index, place, store)
                directory.write(is_known_to_differ=True)


def _pack_bytes(sources: Iterable[tuple[bytes, PackedSource]]) -> int:
    return PACK_HEADER_SIZE + sum(entry_size(place.length) for _, place in sources)


def _stays(place: str, named: Collection[str]) -> bool:
    """Return whether a file stays: the index names it, or it is of a kind that the index does not name."""
    if place in named or place.partition("/")[0] not in _CONTENTS:
        return True
    name = place.rpartition("/")[2]
    # A file that is being written is removed only once it is old (`remove_abandoned`).
    return name == ".lock" or is_temporary(name)
