"""Reads, removes and locks the files of a cache, in which anything may lie in place of a file.

A reader follows no link, waits for no FIFO and trusts no file that others can write. This module must not know the
places in a cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from esmcache.private_files import make_directory

_AS_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Most file systems limit a name to this number of bytes.
_LONGEST_NAME = 255


def real_directory(holder: Path, *names: str) -> Path:
    """Return the directory at `names` below `holder`, made if it is absent.

    A link on the way could lead out of the cache, so links and files are removed.

    Args:
        names: Plain components.

    Raises:
        OSError: If a directory cannot be made, or a link or file in its place cannot be removed.
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
    """Remove whatever is at `path`, a directory with all its content that can be removed.

    It is only for paths that esmcache itself made up. `CacheDirectory.remove` is for a path with a name from the index
    or from any other file in the cache.

    Raises:
        OSError: If the parent cannot be opened, or something else than a directory cannot be removed.
    """
    try:
        parent = os.open(path.parent, _AS_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        _remove_at(parent, path.name)
    finally:
        os.close(parent)


def remove_below(root: Path, holder: Sequence[str], names: Sequence[str]) -> int | None:
    """Remove each of `names` from the directory at `holder` below `root`.

    Names are valid if each, in `holder` too, is one plain component, and each of `holder` a real directory; otherwise
    nothing is removed. An absent file is fine.

    Returns:
        The number of names, 0 if the directory is absent, or None if the names are not valid.

    Raises:
        OSError: If a directory on the way cannot be opened, or something else than a directory cannot be removed.
    """
    if not names or any(plain_name(name) is None for name in (*holder, *names)):
        return None
    try:
        directory = os.open(root, _AS_DIRECTORY)
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


def _remove_at(parent: int, name: str) -> None:
    """Remove the entry `name` of an open directory, whatever it is.

    Args:
        parent: The descriptor of the open directory.

    Raises:
        OSError: If the entry is no directory and cannot be removed.
    """
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
    """Let the owner of a directory of mode 0500 remove its entries for a while.

    Args:
        directory: The descriptor of the open directory.

    Raises:
        OSError: If the mode cannot be changed.
    """
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
    """Hold an advisory lock on the file `path` (made if it is absent) against other processes.

    Raises:
        OSError: If the file cannot be made, opened or locked.
    """
    make_directory(path.parent)
    descriptor = os.open(path, os.O_NOFOLLOW | os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
