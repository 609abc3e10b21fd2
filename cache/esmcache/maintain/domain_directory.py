"""The compile-cache directories that Node is pointed at: one below v8/ for each trust domain and each of Node's tags.

A directory holds hard links to code caches in code/ (copies where the file system has no links), and an entry for
exactly those modules that manifests of the domain name. Node must not write there at exit, so the directory has mode
0500. That does not stop root, so starts of root reach the directory by a link in live/ that is removed before Node
would write. A seal shows whether something was written all the same: it has the inode and ctime that the directory had
when every entry in it was proven. A start uses no code caches if they differ, and the next warm repairs the directory.

An entry belongs to one module. Names are CRC-32s, so another module can be made to have the same name; then neither has
an entry. Names of the preload's own files are never given to other files. A program that loads two such modules is
served without code caches: even without entries, Node would take what it compiled for one of them for the other.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import exclusive_lock, read_regular, real_directory, remove_any
from esmcache.engines.node.compile_cache_layout import directory_name, entry_name
from esmcache.file_source import Fingerprint, directory_fingerprint, file_url_from_path, is_proven, path_from_file_url
from esmcache.private_files import make_directory, write_whole
from esmcache.records import ModuleFormat, NodeBuild
from esmcache.serving.names import RUNTIME
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import CodeCacheLinkRow, CodeCacheRow
from esmcache.user_directories import hook_path

# Files of the preload that Node compiles while its compile cache is open.
PRELOAD_FILES = tuple(RUNTIME / f"{name}.cjs" for name in ("serving", "hooks", "reporting"))
_PLACE = re.compile(r"[0-9a-f]{32}/v[A-Za-z0-9.+_-]+")
# The source in the claim of a module that must have no code cache.
NO_SOURCE = bytes(32)
_MODE, _WRITABLE_MODE = 0o500, 0o700
_TRIES = 5
_WAIT_S = 0.01
_LONGEST_WAIT_S = 5.0


def preload_names() -> dict[str, str]:
    """Return the paths of the preload's files, by the names of their entries in Node's compile cache."""
    paths = [*sorted(RUNTIME.glob("*.cjs")), hook_path(os.environ)]
    return {entry_name(ModuleFormat.COMMONJS, str(path)): str(path) for path in paths}


def preload_links(directory: str, sources: Mapping[Path, bytes]) -> list[CodeCacheLinkRow]:
    """Return the claims of the preload's files.

    Args:
        directory: The path, below v8/, of the directory in which names are claimed.
        sources: The SHA-256 of each file of the preload.
    """
    return [
        CodeCacheLinkRow(
            directory,
            entry_name(ModuleFormat.COMMONJS, str(path)),
            file_url_from_path(str(path)),
            ModuleFormat.COMMONJS.value,
            digest,
        )
        for path, digest in sources.items()
    ]


class DomainDirectory:
    """One compile-cache directory, for one Node build.

    Args:
        place: Its path below v8/.
    """

    def __init__(self, directory: CacheDirectory, index: Index, place: str, store: CodeCacheStore) -> None:
        self.place = place
        self._index = index
        self._engine_tag = engine_tag_of(place)
        self._v8_path = directory.v8_path
        self._path = directory.v8_path / self.place
        self._live_path = directory.live_path
        self._lock = directory.seals_path / ".lock"
        self._seal = seal_path(directory, self.place)
        self._store = store

    def claim(self, rows: Sequence[CodeCacheLinkRow], also_named: Iterable[str]) -> None:
        """Store these claims, keep some earlier claims, and remove all others.

        The caller holds a transaction, and calls `write` after it.

        Args:
            also_named: The URLs whose earlier claims are kept.

        Raises:
            IndexUnusable: If the index cannot be read or written.
        """
        stored = {(row.name, row.url): row for row in self._index.where(CodeCacheLinkRow, "directory", [self.place])}
        wanted = {(row.name, row.url): row for row in rows}
        # Claims for the preloads of other installations, which lie elsewhere, are removed, too.
        kept = set(also_named)
        gone = [(self.place, *key) for key, row in stored.items() if key not in wanted and row.url not in kept]
        self._index.remove_links(gone)
        self._index.put([row for key, row in wanted.items() if stored.get(key) != row])

    def write(self, *, is_known_to_differ: bool = False) -> None:
        """Bring the directory up to date with the index, and seal it.

        Args:
            is_known_to_differ: Whether to leave out the comparison with the seal. Mostly it shows that there is nothing
                to do.

        Raises:
            OSError: If the directory or the seal cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        if not is_known_to_differ and self._is_sealed(self._entries()):
            return
        make_directory(self._live_path)
        with exclusive_lock(self._lock):
            # Another process may have claimed names since.
            entries = self._entries()
            for _ in range(_TRIES):
                if self._close(entries, self._fill(entries)):
                    return
        # Another process keeps writing there. Without a seal no start uses the directory.
        remove_any(self._seal)

    def _entries(self) -> dict[str, CodeCacheRow]:
        """Return the entries that the directory must hold, by name."""
        owners = owners_of_names(self._index.where(CodeCacheLinkRow, "directory", [self.place]))
        kept = self._kept({row.source_sha256 for row in owners.values()})
        return {
            name: kept[row.kind, row.source_sha256]
            for name, row in owners.items()
            if (row.kind, row.source_sha256) in kept
        }

    def _kept(self, hashes: Iterable[bytes]) -> dict[tuple[str, bytes], CodeCacheRow]:
        """Return the code caches of these sources whose files are proven, by kind and source."""
        found: dict[tuple[str, bytes], CodeCacheRow] = {}
        newly_proven = []
        for row in self._index.where(CodeCacheRow, "source_sha256", hashes):
            if row.engine_tag != self._engine_tag:
                continue
            proven = self._store.proven(row)
            if proven is not None:
                found[row.kind, row.source_sha256] = proven
                newly_proven += [proven] if proven != row else []
        if newly_proven:
            with self._index.transaction():
                self._index.put(newly_proven)
        return found

    def _fill(self, entries: Mapping[str, CodeCacheRow]) -> dict[str, int]:
        """Make the directory hold exactly these entries; return the inodes of those that could be placed.

        Raises:
            OSError: If the directory cannot be written.
        """
        os.chmod(real_directory(self._v8_path, *self.place.split("/")), _WRITABLE_MODE)
        there = _inodes(self._path)
        for name in there.keys() - entries.keys():
            try:
                os.unlink(f"{self._path}/{name}")
            except OSError:
                remove_any(self._path / name)
        placed = {}
        for name, kept in entries.items():
            inode = kept.inode if there.get(name) == kept.inode else self._put(name, kept, replaces=name in there)
            if inode is not None:
                placed[name] = inode
        return placed

    def _put(self, name: str, kept: CodeCacheRow, *, replaces: bool) -> int | None:
        """Link or copy a code cache into the directory, and return the inode, or None if the code cache is gone."""
        source, target = self._store.path_of(kept), self._path / name
        if replaces:
            remove_any(target)
        try:
            os.link(source, target, follow_symlinks=False)
            return kept.inode
        except FileNotFoundError:
            # A collection has just removed it; the module has no entry until it is compiled again.
            return None
        except OSError:
            content = read_regular(Path(source))
            if content is None or sha256(content).digest() != kept.content_sha256:
                return None
            write_whole(target, content)
            return target.lstat().st_ino

    def _close(self, entries: Mapping[str, CodeCacheRow], placed: Mapping[str, int]) -> bool:
        """Take away the right to write, and seal the directory; return False if someone else has written meanwhile."""
        os.chmod(self._path, _MODE)
        seen = self._settled()
        if seen is None or _inodes(self._path) != placed or _now(self._path) != seen:
            return False
        write_whole(self._seal, _seal_text(seen, entries).encode())
        return True

    def _settled(self) -> Fingerprint | None:
        """Return the directory's state once any later write must change its ctime, or None if writes go on.

        The directory's mode keeps all but root from writing, so only root waits for a tick of the file system's clock.
        """
        deadline = time.monotonic() + _LONGEST_WAIT_S
        while True:
            seen = _now(self._path)
            if os.geteuid() != 0 or (seen is not None and is_proven(seen, time.time() * 1000)):
                return seen
            if seen is None or time.monotonic() > deadline:
                return None
            time.sleep(_WAIT_S)

    def _is_sealed(self, entries: Mapping[str, CodeCacheRow]) -> bool:
        seen = _now(self._path)
        return seen is not None and read_regular(self._seal) == _seal_text(seen, entries).encode()


def owners_of_names(links: Iterable[CodeCacheLinkRow]) -> dict[str, CodeCacheLinkRow]:
    """Return the claims to names of one directory that no other module disputes, by name."""
    claims: dict[str, list[CodeCacheLinkRow]] = {}
    for row in links:
        claims.setdefault(row.name, []).append(row)
    own = preload_names()
    owners: dict[str, CodeCacheLinkRow] = {}
    for name, rows in claims.items():
        if name in own:
            rows = [row for row in rows if path_from_file_url(row.url) == own[name]]
        if len(rows) == 1:
            owners[name] = rows[0]
    return owners


def domain_place(domain: str, build: NodeBuild) -> str:
    """Return the path, below v8/, of a domain's directory for a Node build and this user."""
    return f"{domain}/{directory_name(build, os.geteuid())}"


def is_place(place: str) -> bool:
    """Return whether a text, which may come from the index, is a path of two parts below v8/."""
    return _PLACE.fullmatch(place) is not None


def engine_tag_of(place: str) -> str:
    """Return the tag of the engine whose code caches a directory below v8/ holds."""
    return f"node-{place.partition('/')[2].rpartition('-')[0]}"


def is_of_build(place: str, build: NodeBuild) -> bool:
    """Return whether a directory below v8/ is one that this Node build and user read."""
    return place.partition("/")[2] == directory_name(build, os.geteuid())


def places_of_build(index: Index, build: NodeBuild) -> list[str]:
    """Return the directories, below v8/, that this Node build and user read."""
    places = {row.directory for row in index.all(CodeCacheLinkRow)}
    return sorted(place for place in places if is_place(place) and is_of_build(place, build))


def seal_path(directory: CacheDirectory, place: str) -> Path:
    """Return the path of the seal of a directory below v8/."""
    return directory.seals_path / place.replace("/", "-")


def is_sealed(directory: CacheDirectory, place: str) -> bool:
    """Return whether a directory below v8/ is unchanged since it was sealed; starts use it only then."""
    seen = _now(directory.v8_path / place)
    seal = read_regular(seal_path(directory, place)) or b""
    return seen is not None and seal.partition(b"\n")[0] == _state(seen).encode()


def remove_seals(directory: CacheDirectory, domain: str) -> None:
    """Remove the seals of a domain, so that no start uses its code caches before the next warm."""
    if domain:
        for path in directory.seals_path.glob(f"{domain}-*"):
            remove_any(path)


def _inodes(path: Path) -> dict[str, int]:
    """Return the inode of each regular file by name, and -1 for anything else."""
    with os.scandir(path) as entries:
        return {entry.name: entry.inode() if entry.is_file(follow_symlinks=False) else -1 for entry in entries}


def _now(path: Path) -> Fingerprint | None:
    try:
        return directory_fingerprint(os.lstat(path))
    except OSError:
        return None


def _seal_text(seen: Fingerprint, entries: Mapping[str, CodeCacheRow]) -> str:
    """Return the seal: the directory's inode and ctime for runners, and a digest of its entries for the next warm."""
    digest = sha256()
    for name in sorted(entries):
        # A code cache that was replaced has another inode, even if its content is the same.
        digest.update(f"{name} {entries[name].inode} ".encode() + entries[name].content_sha256)
    return f"{_state(seen)}\n{digest.hexdigest()}\n"


def _state(seen: Fingerprint) -> str:
    return f"{seen.inode}-{seen.ctime_ms!r}"
