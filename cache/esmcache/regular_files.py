"""Reads regular files only, and no more of one than is wanted.

Reading a FIFO would wait for its writer. A device, or a file of /proc that only looks regular, may have no end.
Nothing here waits. Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import errno
import os
import stat

# No configuration or package.json is larger.
MOST_JSON_BYTES = 16 << 20
# `os.read` allocates memory for all that it is asked for before it reads.
_MOST_AT_ONCE = 16 << 20


def open_regular(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a regular file, links followed.

    Args:
        flags: Those of `os.open`.

    Raises:
        IsADirectoryError: If there is a directory at `path`.
        OSError: If there is no regular file at `path`, or it cannot be opened.
    """
    # Without O_NONBLOCK, opening a FIFO would wait, too. The type of the opened file is checked, because the path may
    # name another file by then.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def read_regular_file(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """Return the content of a regular file, links followed.

    Raises:
        OSError: If there is no regular file at `path`, it has more than `most_bytes` bytes, or it cannot be read.
    """
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
