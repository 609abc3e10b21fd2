"""Owns the cache directory: where it is, how it is made and opened, and how its files are written and removed.

A directory that another user can change is refused; trust.py has the rule. Directories and files are made with explicit
modes, whatever the umask is. This module must know nothing of what the files hold.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from esmcache.private_files import make_directory, make_file, make_trusted_directory, write_whole
from esmcache.trust import find_untrusted

__all__ = [
    "CacheDirectory",
    "CacheDirectoryRefused",
    "check_ownership",
    "exclusive_lock",
    "make_directory",
    "make_file",
    "open_cache_directory",
    "plain_name",
    "read_regular",
    "remove_any",
    "why_alien",
    "write_whole",
]

_AS_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Most file systems limit a name to this number of bytes.
_LONGEST_NAME = 255
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
        ever removed. An absent file is fine. Raises OSError if something there cannot be removed.
        """
        return self.remove_files(names[:-1], names[-1:]) is not None

    def remove_files(self, holder: Sequence[str], names: Sequence[str]) -> int | None:
        """Remove each of `names` from the directory at `holder`, as `remove` does; return their number.

        Returns None if the names were not valid.
        """
        if not names or any(plain_name(name) is None for name in (*holder, *names)):
            return None
        try:
            directory = os.open(self.path, _AS_DIRECTORY)
        except FileNotFoundError:
            return 0
        try:
            for name in holder:
                below = os.open(name, _AS_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                os.close(directory)
                directory = below
            for name in names:
                _remove_at(directory, name)
        except FileNotFoundError:
            return 0
        except NotADirectoryError:
            # Linux also reports this for a link that is not to be followed.
            return None
        finally:
            os.close(directory)
        return len(names)

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
    other = _something_else(path)
    if other:
        return CacheDirectoryRefused(path, f"{path} is no cache: it holds {other}")
    for name in _FILE_DEPTHS:
        with contextlib.suppress(OSError):
            _close_to_others(path / name)
    _put_tag(path)
    return CacheDirectory(path)


def _close_to_others(path: Path) -> None:
    """Remove others' write access to a directory, so that starts use it; an older esmcache left some under umask 000.

    A link to a directory leads out of the cache and is removed; `misplaced` reports any other link. Raises OSError,
    above all if nothing is there.
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


def real_directory(holder: Path, *names: str) -> Path:
    """Return the directory at `names` below `holder`, made if it is absent; raises OSError.

    Each name is one plain component. A link on the way could lead out of the cache, so links and files are removed.
    """
    path = holder
    for name in names:
        path = path / name
        try:
            is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
        except FileNotFoundError:
            is_directory = False
        else:
            if not is_directory:
                path.unlink()
        if not is_directory:
            make_directory(path)
    return path


def check_ownership(path: Path) -> CacheDirectoryRefused | None:
    """Return why the directory at `path` cannot be trusted, or None if it can."""
    untrusted = find_untrusted(path)
    if untrusted is not None:
        return CacheDirectoryRefused(path, str(untrusted))
    return None if path.is_dir() else CacheDirectoryRefused(path, f"{path} is not a directory")


def why_alien(status: os.stat_result) -> str:
    """Return why a file in a cache is not trusted, or '' if it is; a file that others can write may hold anything."""
    if status.st_uid not in (os.geteuid(), 0):
        return f"belongs to another user (uid {status.st_uid})"
    return "can be written by others" if status.st_mode & 0o022 else ""


def read_regular(path: Path) -> bytes | None:
    """Return the content of a regular file that nobody else can write, or None for anything else.

    Reading a FIFO might never end.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO might not end, either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            return file.readall() if stat.S_ISREG(status.st_mode) and not why_alien(status) else None
    except OSError:
        return None


def plain_name(text: object) -> str | None:
    """Return a name that was read from a file if it is one plain component of a path, else None.

    A name that passes can be joined to a directory, and the result lies in that directory.
    """
    if not isinstance(text, str) or text in ("", ".", "..") or "/" in text or "\0" in text:
        return None
    try:
        return text if len(text if text.isascii() else os.fsencode(text)) <= _LONGEST_NAME else None
    except UnicodeEncodeError:
        return None


def remove_any(path: Path) -> None:
    """Remove whatever is at `path`, a directory with all its content that can be removed; raises OSError.

    It is only for paths that esmcache itself made up. `CacheDirectory.remove` is for a path with a name from the index
    or from any other file in the cache.
    """
    try:
        parent = os.open(path.parent, _AS_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        _remove_at(parent, path.name)
    finally:
        os.close(parent)


def _remove_at(parent: int, name: str) -> None:
    """Remove the entry `name` of an open directory, whatever it is; raises OSError for anything but a directory."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError:
        status = os.lstat(name, dir_fd=parent)
        if stat.S_ISDIR(status.st_mode):
            _remove_directory(parent, name)
            return
        with _writable(parent):
            os.unlink(name, dir_fd=parent)


@contextlib.contextmanager
def _writable(directory: int) -> Iterator[None]:
    """Let the owner of a directory of mode 0500 remove its entries for a while; raises OSError."""
    mode = stat.S_IMODE(os.fstat(directory).st_mode)
    os.fchmod(directory, mode | stat.S_IRWXU)
    try:
        yield
    finally:
        os.fchmod(directory, mode)


def _remove_directory(parent: int, name: str) -> None:
    """Remove a directory with all its content that can be removed; links in it are removed, never followed."""
    with contextlib.suppress(OSError):
        directory = os.open(name, _AS_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            with contextlib.suppress(OSError):
                os.fchmod(directory, stat.S_IRWXU)
            with os.scandir(directory) as entries:
                names = [entry.name for entry in entries]
            for one in names:
                with contextlib.suppress(OSError):
                    _remove_at(directory, one)
        finally:
            os.close(directory)
    with contextlib.suppress(OSError):
        try:
            os.rmdir(name, dir_fd=parent)
        except PermissionError:
            with _writable(parent):
                os.rmdir(name, dir_fd=parent)


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold an advisory lock on the file `path` (made if it is absent) against other processes."""
    make_directory(path.parent)
    descriptor = os.open(path, os.O_NOFOLLOW | os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
