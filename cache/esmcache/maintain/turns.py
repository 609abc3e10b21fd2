"""Locks the cache directory: several processes may write the cache at once, but none while it is collected.

A warm or save reads from the index which files exist, and names them in a manifest later. They must not be removed in
between. Both sides hold a lock (flock) on the cache directory itself: it needs no file, and ends with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

# A collection takes a second or two. If a suspended one never ends, a write goes on without the lock. At worst, Node
# then loads some module itself until the next warm.
_MOST_WAITING_TO_WRITE_S = 60.0
_POLL_S = 0.01


@contextlib.contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Wait until a running collection has ended, and keep the cache from being collected.

    Raises:
        OSError: If the cache directory cannot be opened.
    """
    with _locked(directory, fcntl.LOCK_SH, _MOST_WAITING_TO_WRITE_S):
        yield


@contextlib.contextmanager
def collecting(directory: Path, wait_s: float) -> Iterator[bool]:
    """Keep all others from writing the cache.

    Args:
        wait_s: The longest wait, in seconds, until others have finished writing.

    Yields:
        Whether nobody else writes; if False, there is no lock.

    Raises:
        OSError: If the cache directory cannot be opened.
    """
    with _locked(directory, fcntl.LOCK_EX, wait_s) as is_locked:
        yield is_locked


@contextlib.contextmanager
def _locked(directory: Path, kind: int, wait_s: float) -> Iterator[bool]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _lock(descriptor, kind, time.monotonic() + wait_s)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        except OSError:
            # The file system has no such locks, so nobody ever waits.
            return True
        time.sleep(_POLL_S)
