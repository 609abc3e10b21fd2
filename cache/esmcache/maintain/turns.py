"""Whose turn it is: many may write the cache at once, but nobody while it is collected.

A warm or save reads from the index which files are there, and names them in a manifest later. They must not go in
between. Both hold a lock (flock) on the cache directory itself: that needs no file, and ends with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

# A collection takes a second or two. If one that was stopped never ends, a write goes on without the lock: the worst
# that can come of it is a module that Node loads by itself until the next warm.
_MOST_WAITING_TO_WRITE_S = 60.0
_POLL_S = 0.01


@contextlib.contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Keep the cache from being collected, once a collection that is at work has ended."""
    with _locked(directory, fcntl.LOCK_SH, _MOST_WAITING_TO_WRITE_S):
        yield


@contextlib.contextmanager
def collecting(directory: Path, wait_s: float) -> Iterator[bool]:
    """Keep all others from writing the cache; False, and nothing kept, where one is still at it after `wait_s`."""
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
            # A file system without such locks: nobody ever has to wait.
            return True
        time.sleep(_POLL_S)
