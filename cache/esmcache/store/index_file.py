"""The file of the index: when a process may write it, how damage is noticed, and what SQLite's errors mean.

SQLite notices damage only in pages that it reads, and only in the structure of a file. So this module watches the file
itself. Processes write it at few points (opening, checkpoints, closing), one at a time, and leave a mark that holds the
file's inode, size and times. A file that differs from its mark was changed by something else and is replaced: the
sources and the other files give back all that it held. This module must know no table.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from esmcache.cache_files import remove_any, why_alien

# A hidden name, so that a directory that holds only this file may still become a cache.
_LOCK_NAME = ".index.lock"
_MOST_MARK_BYTES = 200
# Inode, size, times of change of content and status in ns, inode of the mark.
_MARK_NUMBERS = 5

# SQLite's error codes for a sound file that cannot be used at the moment.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)
# An extended error code has the primary one in its lowest byte.
_PRIMARY = 0xFF
# The errors that reading a damaged file can raise; not all of them are sqlite3's.
FAULTS = (sqlite3.Error, UnicodeDecodeError, OverflowError)


class IndexUnusable(Exception):
    """The index cannot be opened, read or written; the message is one line for a person."""


class IndexDamaged(IndexUnusable):
    """The file is no sound database, or its tables or values are not ours: it may be discarded."""


class IndexVanished(IndexUnusable):
    """The file or its directory was removed while it was used; another try may find it, or make it."""


class Place:
    """The place of an index: the directory as it was at the beginning, and the file that was opened."""

    def __init__(self, path: Path) -> None:
        """Look at the directory.

        Raises:
            OSError: If the directory does not exist.
        """
        self.path = path
        self._directory = os.stat(path.parent).st_ino
        self._file: int | None = None

    def note_file(self) -> None:
        """Remember which file was opened.

        Raises:
            OSError: If the file is gone.
        """
        self._file = os.lstat(self.path).st_ino

    def is_there(self) -> bool:
        """Return whether the directory and the opened file are still at their paths."""
        try:
            is_directory = os.stat(self.path.parent).st_ino == self._directory
            return is_directory and (self._file is None or os.lstat(self.path).st_ino == self._file)
        except OSError:
            return False

    def fault(self, error: Exception) -> IndexUnusable:
        """Return the kind of IndexUnusable that an error means, by SQLite's error codes and not by its texts."""
        message = f"{self.path} cannot be used: {error}"
        if isinstance(error, OSError):
            message = f"{self.path} cannot be used: {error.strerror}"
            return IndexUnusable(message) if self.is_there() else IndexVanished(message)
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & _PRIMARY not in _PASSING:
            return IndexDamaged(message)
        return IndexUnusable(message) if self.is_there() else IndexVanished(message)


class Mark:
    """The state of the index's file after esmcache last wrote it; only the holder of the lock may look."""

    def __init__(self, descriptor: int | None, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def fault(self) -> str:
        """Return why the file cannot be one of ours, or '' if it can.

        A copy can: it has another inode and the same size. Either its time of change is the same, perhaps in whole
        seconds, or the mark beside it is a copy, too, since some ways of copying keep no times.
        """
        said, now = self._said(), self._now()
        if said is None or now is None or said == now:
            return ""
        is_as_old = said[2] // 10**9 == now[2] // 10**9
        is_copy = said[0] != now[0] and said[1] == now[1] and (is_as_old or said[-1] != now[-1])
        return "" if is_copy else "was changed by something else than esmcache"

    def is_current(self) -> bool:
        """Return whether the file is unchanged since the mark was written."""
        said = self._said()
        return said is not None and said == self._now()

    def remove(self) -> None:
        """Empty the mark, because the file is about to be written."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)

    def write(self) -> None:
        """Note the current state of the file."""
        now = self._now()
        if self._descriptor is None or now is None:
            return
        # Without a mark, the next process that opens the file has SQLite check all of it. That is the whole cost of a
        # full disk.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, " ".join(map(str, now)).encode(), 0)

    def _now(self) -> tuple[int, ...] | None:
        # The file must not be opened here: when a process closes a file, the system drops SQLite's locks on it.
        try:
            status = os.lstat(self._path)
            mark = None if self._descriptor is None else os.fstat(self._descriptor).st_ino
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, mark or 0

    def _said(self) -> tuple[int, ...] | None:
        if self._descriptor is None:
            return None
        try:
            numbers = tuple(map(int, os.pread(self._descriptor, _MOST_MARK_BYTES, 0).split()))
        except (OSError, ValueError):
            return None
        return numbers if len(numbers) == _MARK_NUMBERS else None


@contextlib.contextmanager
def held(path: Path) -> Iterator[Mark]:
    """Hold a lock against all other processes that open, checkpoint, close or remove the index at `path`.

    Without it, two processes that replace the index at once could remove each other's log, and then write two logs for
    one file. It is never taken within a transaction.

    Yields:
        The mark of the index.

    Raises:
        FileNotFoundError: If the directory is gone.
    """
    descriptor = _open_lock(path.with_name(_LOCK_NAME))
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Mark(descriptor, path)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open_lock(lock: Path) -> int | None:
    """Return a descriptor of the lock file, made if it is absent, or None on a full or read-only disk.

    Raises:
        FileNotFoundError: If the directory is gone.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(2):
        try:
            descriptor = os.open(lock, flags, 0o600)
        except FileNotFoundError:
            raise
        except OSError:
            # Perhaps the path is a link or a directory.
            if not lock.is_symlink() and not lock.is_dir():
                return None
        else:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
        with contextlib.suppress(OSError):
            remove_any(lock)
    return None


def remove_files(path: Path, mark: Mark) -> None:
    """Remove the files of the index, whatever they are.

    The database is removed first: SQLite leaves the log alone when it closes a database that has lost its name.

    Args:
        mark: The mark of the index; the caller holds its lock.

    Raises:
        OSError: If a file cannot be removed.
    """
    for name in files_of(path):
        remove_any(name)
    mark.remove()


def discard_index(path: Path) -> None:
    """Remove the index at `path`, whatever it is.

    Raises:
        FileNotFoundError: If the directory is gone.
        OSError: If a file cannot be removed.
    """
    with held(path) as mark:
        remove_files(path, mark)


def files_of(path: Path) -> list[Path]:
    """Return the index's own file and the files that SQLite puts beside it."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def why_no_file_of_ours(path: Path) -> str:
    """Return why one of the index's files must not be opened, or '' if all may be opened or are absent.

    SQLite would wait for a FIFO, and cannot use a directory. A file that others can write may hold anything.
    """
    for name in files_of(path):
        try:
            status = os.lstat(name)
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if not stat.S_ISREG(status.st_mode):
            return f"{name} is not a regular file"
        if fault := why_alien(status):
            return f"{name} {fault}"
    return ""


def make_file(path: Path) -> None:
    """Make an empty file for a new index that only the user can access, under any umask.

    Raises:
        OSError: If something is there already, or the file cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
