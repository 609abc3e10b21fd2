"""Owns the cache directory: the places in it, how it is made and opened, and how it is recognized.

A directory that another user can change is refused; trust.py has the rule. This module must know nothing of what the
files hold.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from esmcache.cache_files import read_regular, remove_below, why_alien
from esmcache.private_files import make_trusted_directory, write_whole
from esmcache.trust import find_untrusted

_FILES = ("index.db", "index.db-wal", "index.db-shm", "nodes.json", ".collected", "CACHEDIR.TAG")
# The tag of the Cache Directory Tagging Specification: backup programs leave out what lies beside it.
_TAG_NAME = "CACHEDIR.TAG"
_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This directory is a cache of esmcache. All in it can be removed, and is made again when it is needed.\n"
)
_EVENT_FILE = re.compile("[0-9a-f]{14}")
_DATABASE = b"SQLite format 3\0"
# The directories of a cache, and the depth at which files lie in them.
_FILE_DEPTHS = {
    "manifests": 1,
    "packs": 1,
    "code": 2,
    "v8": 3,
    "seals": 1,
    "blobs": 2,
    "events": 1,
    "starts": 1,
    # Links, not files: a start of root reaches its code caches by one until it ends.
    "live": 1,
}


@dataclass(frozen=True, slots=True)
class CacheDirectoryRefused:
    """A cache directory that cannot be used; `reason` is one line for a person."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """A cache directory that exists, is the user's own and is writable by nobody else."""

    path: Path

    @property
    def index_path(self) -> Path:
        """Return the path of the SQLite index."""
        return self.path / "index.db"

    @property
    def blobs_path(self) -> Path:
        """Return the directory of content-addressed BMES files."""
        return self.path / "blobs"

    @property
    def packs_path(self) -> Path:
        """Return the directory of source packs."""
        return self.path / "packs"

    @property
    def manifests_path(self) -> Path:
        """Return the directory of manifests, one file per entry point, Node build and conditions."""
        return self.path / "manifests"

    @property
    def code_path(self) -> Path:
        """Return the directory of content-addressed code caches."""
        return self.path / "code"

    @property
    def v8_path(self) -> Path:
        """Return the directory of the compile-cache directories that Node is pointed at, by trust domain and Node."""
        return self.path / "v8"

    @property
    def seals_path(self) -> Path:
        """Return the directory of seals: the state that each of those had when all in it was proven."""
        return self.path / "seals"

    @property
    def events_path(self) -> Path:
        """Return the directory where runners leave their reports."""
        return self.path / "events"

    @property
    def starts_path(self) -> Path:
        """Return the directory where runners note that a program is loading, and that it was loaded."""
        return self.path / "starts"

    @property
    def live_path(self) -> Path:
        """Return the directory of links by which starts of root reach their code caches until they end."""
        return self.path / "live"

    @property
    def nodes_path(self) -> Path:
        """Return the file that remembers how each Node executable described itself."""
        return self.path / "nodes.json"

    @property
    def content_paths(self) -> list[Path]:
        """Return the directories of all that is cached; the index lies beside them."""
        return [self.path / name for name in _FILE_DEPTHS]

    def remove(self, *names: str) -> bool:
        """Remove the file or directory at `names` below this directory, and return whether the names were valid.

        Names may come from the index, a manifest, a pack or a report. Each must be one plain component, and each but
        the last a real directory; otherwise nothing is removed and False is returned. So nothing outside the cache is
        ever removed. An absent file is fine.

        Raises:
            OSError: If a directory on the way cannot be opened, or something else than a directory cannot be removed.
        """
        return self.remove_files(names[:-1], names[-1:]) is not None

    def remove_files(self, holder: Sequence[str], names: Sequence[str]) -> int | None:
        """Remove each of `names` from the directory at `holder`, as `remove` does.

        Returns:
            The number of names, 0 if the directory is absent, or None if the names are not valid.

        Raises:
            OSError: If a directory on the way cannot be opened, or something else than a directory cannot be removed.
        """
        return remove_below(self.path, holder, names)

    def misplaced(self) -> Iterator[tuple[str, str]]:
        """Yield each place below the directory that holds no directory, or no file of the user's own, and why."""
        for name in _FILES:
            path = self.path / name
            if os.path.lexists(path) and not path.is_file():
                yield name, "is not a regular file"
        for name, depth in _FILE_DEPTHS.items():
            path = self.path / name
            if os.path.lexists(path) and not path.is_dir():
                yield name, "is not a directory"
            else:
                yield from _misplaced_below(path, name, depth)


def _misplaced_below(path: Path, place: str, depth: int) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if depth == 1:
            if place == "live" and entry.is_symlink():
                continue
            if not entry.is_file(follow_symlinks=False):
                yield f"{place}/{entry.name}", "is not a regular file"
            elif entry.name != ".lock" and (fault := _why_alien_entry(entry)):
                yield f"{place}/{entry.name}", fault
        elif entry.is_dir(follow_symlinks=False):
            yield from _misplaced_below(path / entry.name, f"{place}/{entry.name}", depth - 1)
        else:
            yield f"{place}/{entry.name}", "is not a directory"


def _why_alien_entry(entry: os.DirEntry[str]) -> str:
    try:
        return why_alien(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        # It was a temporary file of another process.
        return ""


def open_cache_directory(path: Path) -> CacheDirectory | CacheDirectoryRefused:
    """Return the directory at `path`, made with mode 0700 if nothing is there, or why it is refused."""
    reason = make_trusted_directory(path)
    if reason:
        return CacheDirectoryRefused(path, reason)
    if not os.access(path, os.W_OK | os.X_OK):
        return CacheDirectoryRefused(path, f"{path} cannot be written")
    try:
        other = _something_else(path)
    except OSError as error:
        return CacheDirectoryRefused(path, f"{path} cannot be read: {error.strerror}")
    if other:
        return CacheDirectoryRefused(path, f"{path} is no cache: it holds {other}")
    for name in _FILE_DEPTHS:
        with contextlib.suppress(OSError):
            _close_to_others(path / name)
    _put_tag(path)
    return CacheDirectory(path)


def _close_to_others(path: Path) -> None:
    """Remove others' write access to a directory, so that starts use it; an older esmcache left some under umask 000.

    A link to a directory leads out of the cache and is removed; `misplaced` reports any other link.

    Raises:
        FileNotFoundError: If nothing is there.
        OSError: If the link cannot be removed, or the mode cannot be changed.
    """
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        if path.is_dir():
            path.unlink()
    elif stat.S_ISDIR(status.st_mode) and status.st_mode & 0o022:
        path.chmod(0o700)


def _something_else(path: Path) -> str:
    """Return a name that shows that the directory is no cache, or '' if it is one or may become one.

    A collection removes all files that the cache does not name. So directories called `packs` are not enough to make a
    cache: the tag tells, or an index.

    Raises:
        OSError: If the directory cannot be listed.
    """
    if read_regular(path / _TAG_NAME) == _TAG:
        return ""
    # Hidden files may be locks or other temporary files.
    names = sorted(name for name in os.listdir(path) if not name.startswith((".", "nodes.json")))
    others = [name for name in names if name not in _FILES and name not in _FILE_DEPTHS]
    if others or _is_database(path / "index.db"):
        return next(iter(others), "")
    return next((name for name in names if name != _TAG_NAME and not _has_nothing_to_lose(path, name)), "")


def _has_nothing_to_lose(path: Path, name: str) -> bool:
    """Return whether a directory is one of a cache's, and holds no files except reports of starts.

    Starts make directories before any command has opened the cache. So does a command if the cache is removed
    while it runs.
    """
    if name not in _FILE_DEPTHS or not stat.S_ISDIR((path / name).lstat().st_mode):
        return False
    for _, _, files in os.walk(path / name):
        others = [one for one in files if not one.startswith(".")]
        if others and not (name == "events" and all(map(_EVENT_FILE.fullmatch, others))):
            return False
    return True


def _is_database(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.read(descriptor, len(_DATABASE)) == _DATABASE
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _put_tag(path: Path) -> None:
    # On a full disk, the next process that opens the cache writes it.
    with contextlib.suppress(OSError):
        if read_regular(path / _TAG_NAME) != _TAG:
            write_whole(path / _TAG_NAME, _TAG)


def check_ownership(path: Path) -> CacheDirectoryRefused | None:
    """Return why the directory at `path` cannot be trusted, or None if it can."""
    untrusted = find_untrusted(path)
    if untrusted is not None:
        return CacheDirectoryRefused(path, str(untrusted))
    return None if path.is_dir() else CacheDirectoryRefused(path, f"{path} is not a directory")
