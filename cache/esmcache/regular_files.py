"""Reads regular files alone, and no more of one than is wanted.

A FIFO would have us wait for its writer, a device may have no end, and so may a file that only looks like one (those
of /proc). Nothing here waits. Imported before every `esmcache run`, so it imports nothing that a start can do without.
"""

from __future__ import annotations

import errno
import os
import stat

# More than any configuration or package.json has.
MOST_JSON_BYTES = 16 << 20
# What is asked for is set aside before it is there.
_MOST_AT_ONCE = 16 << 20


def open_regular(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a regular file, links followed; raises OSError for all else."""
    # Opening a FIFO would wait, too; and only what was opened is known to be what is read.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def read_regular_file(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """Return the content of a regular file, links followed; raises OSError for all else, and for one that is larger."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        chunks: list[bytes] = []
        total = 0
        while total <= most_bytes and size <= most_bytes:
            chunk = os.read(descriptor, min(max(size - total, 4096), _MOST_AT_ONCE))
            if not chunk:
                return b"".join(chunks) if len(chunks) != 1 else chunks[0]
            chunks.append(chunk)
            total += len(chunk)
    finally:
        os.close(descriptor)
    raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes", os.fspath(path))
