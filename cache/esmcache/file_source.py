"""Reads files: from disk, behind a protocol that lets another source take its place.

Everything in esmcache that reads a user's file reads it through a `FileSource`.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

from esmcache.regular_files import read_regular_file

# Characters that Node's pathToFileURL keeps besides letters and digits; it percent-encodes all others.
_URL_SAFE = "/:@!$&'()*+,;=-._"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=\-._]*")

# No larger file of a project is read: not as a module, a package.json or anything else.
LARGEST_FILE = 64 << 20


# The kernel stamps files with a clock whose tick is up to 10 ms. Some file systems round times to one or two seconds.
_FINE_TICK_MS = 20.0
_COARSE_TICK_MS = 2_100.0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The facts that `lstat` has of a regular file, as Node's `fs.Stats` shows them: ms times are IEEE doubles."""

    size: int
    mtime_ms: float
    ctime_ms: float
    inode: int


class FileSource(Protocol):
    """Reads files and tells what is at a path; never follows a symbolic link in `lstat`."""

    def lstat(self, path: str) -> os.stat_result | None:
        """Return what is at `path`, or None if nothing is there (or a parent is not a directory)."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of the regular file at `path`, without ever waiting.

        Raises:
            OSError: If there is no regular file at `path`, or it cannot be read.
        """
        ...

    def readlink(self, path: str) -> str:
        """Return the text of the symbolic link at `path`.

        Raises:
            OSError: If there is no symbolic link at `path`, or it cannot be read.
        """
        ...


class DiskFileSource:
    """Files as they are on disk."""

    def lstat(self, path: str) -> os.stat_result | None:
        """Return `os.lstat`, or None if nothing can be found."""
        try:
            return os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            # An over-long name or one with a NUL cannot name a file; Node answers "not found", too.
            return None

    def read(self, path: str) -> bytes:
        """Return the bytes of the file.

        Raises:
            OSError: If it is no regular file, is larger than `LARGEST_FILE` bytes, or cannot be read.
        """
        return read_regular_file(path, LARGEST_FILE)

    def readlink(self, path: str) -> str:
        """Return the link's text.

        Raises:
            OSError: If there is no symbolic link at `path`, or it cannot be read.
        """
        return os.readlink(path)


def fingerprint(status: os.stat_result) -> Fingerprint | None:
    """Return the fingerprint of a regular file, or None for anything else."""
    return _fingerprint(status) if stat.S_ISREG(status.st_mode) else None


def directory_fingerprint(status: os.stat_result) -> Fingerprint | None:
    """Return the fingerprint of a directory, which changes with its list of names, or None for anything else."""
    return _fingerprint(status) if stat.S_ISDIR(status.st_mode) else None


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(
        size=status.st_size,
        mtime_ms=_milliseconds(status.st_mtime_ns),
        ctime_ms=_milliseconds(status.st_ctime_ns),
        inode=status.st_ino,
    )


def is_proven(seen: Fingerprint, read_at_ms: float) -> bool:
    """Return whether any write after `read_at_ms` must change the fingerprint from `seen`.

    Args:
        read_at_ms: In milliseconds since the epoch.
    """
    tick = _COARSE_TICK_MS if seen.ctime_ms % 1000 == 0 else _FINE_TICK_MS
    return read_at_ms - max(seen.mtime_ms, seen.ctime_ms) > tick


def file_url_from_path(path: str) -> str:
    """Return the file: URL of an absolute path, byte for byte as Node's `pathToFileURL` writes it."""
    if _PLAIN_PATH.fullmatch(path):
        return "file://" + path
    return "file://" + quote(os.fsencode(path), safe=_URL_SAFE).replace("~", "%7E")


def path_from_file_url(url: str) -> str | None:
    """Return the path of a file: URL (query and fragment dropped), or None for any other URL."""
    if not url.startswith("file://"):
        return None
    pathname = url[7:].split("#", 1)[0].split("?", 1)[0]
    if not pathname.startswith("/"):
        return None
    return os.fsdecode(unquote_to_bytes(pathname))


def _milliseconds(nanoseconds: int) -> float:
    # The same arithmetic as Node's, so that the doubles are equal to the last bit.
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return seconds * 1000 + rest / 1_000_000
