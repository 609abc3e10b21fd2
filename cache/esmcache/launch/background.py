"""Warms programs in the background after a cold start: a few at a time, and one warm for each entry point.

Each start that finds nothing in the cache begins a warm, so a hundred starts at once could begin a hundred. So each
warm holds two locks (flock) until it ends: one of a fixed number of slots in the cache directory, and the stamp of its
entry point. The start takes both before it forks and passes them on, so a start that gets no lock costs next to
nothing.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from esmcache.private_files import make_directory
from esmcache.serving.names import manifest_identity, manifest_name

# This number of warms at once leaves a machine usable, and still warms recently started programs soon enough.
SLOTS = 2
# After a warm without success, an unchanged entry point is not warmed again for this time.
_RETRY_AFTER_S = 60.0
# The descriptors at which a warm finds the locks that the start has taken for it.
_SLOT_DESCRIPTOR, _STAMP_DESCRIPTOR = 3, 4


def background_stamp(cache_path: Path, entry: str, node: str, conditions: Sequence[str]) -> Path:
    """Return the file that a background warm holds locked, and leaves behind if it has no success.

    Its name is that of a temporary file, so that `gc` removes the stamps of programs that are gone.
    """
    identity = manifest_identity(os.path.realpath(entry), node, "", conditions)
    return cache_path / f".tmp-warming-{manifest_name(identity).removesuffix('.manifest')}"


def lock_stamp(stamp: Path) -> int | None:
    """Return a descriptor that holds `stamp` locked, or None if another process does.

    Raises:
        OSError: If the file cannot be opened or made.
    """
    import fcntl

    make_directory(stamp.parent)
    descriptor = os.open(stamp, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process that held the lock before may have removed the file.
        if _is_open_at(descriptor, stamp):
            os.utime(descriptor)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _is_open_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def lock_slot(cache_path: Path) -> int | None:
    """Return a descriptor that holds a slot for one warm, or None if all are taken.

    Raises:
        OSError: If the file of a slot cannot be opened or made.
    """
    for path in _slots(cache_path):
        descriptor = lock_stamp(path)
        if descriptor is not None:
            return descriptor
    return None


def _slots(cache_path: Path) -> list[Path]:
    return [cache_path / f".tmp-slot-{number}" for number in range(SLOTS)]


def hold_locks_for_warm(stamp: Path) -> bool:
    """Return whether this process may warm in the background; if so, it holds both locks until it ends.

    The start may have passed the locks on.

    Raises:
        OSError: If the file of a lock cannot be opened or made.
    """
    slots = _slots(stamp.parent)
    if not any(_is_open_at(_SLOT_DESCRIPTOR, path) for path in slots) and lock_slot(stamp.parent) is None:
        return False
    return _is_open_at(_STAMP_DESCRIPTOR, stamp) or lock_stamp(stamp) is not None


def start_background_warm(stamp: Path, command: list[str], environment: Mapping[str, str]) -> None:
    """Start a warm of the stamp's program, unless it is being warmed or all slots are taken.

    Raises:
        OSError: If the file of a lock cannot be opened or made.
    """
    slot = lock_slot(stamp.parent)
    if slot is None:
        return
    try:
        # Take the stamp last: a stamp that was taken keeps other starts from trying for a while.
        lock = lock_stamp(stamp)
        if lock is None:
            return
        try:
            _start_detached(command, environment, (slot, lock))
        finally:
            os.close(lock)
    finally:
        os.close(slot)


def was_useless(stamp: Path, entry: str) -> bool:
    """Return whether a warm is running, or has recently ended without success."""
    try:
        tried = os.stat(stamp).st_mtime
        return tried > os.stat(entry).st_mtime and time.time() - tried < _RETRY_AFTER_S
    except OSError:
        return False


def _start_detached(command: list[str], environment: Mapping[str, str], locks: tuple[int, int]) -> None:
    """Start a process that nobody waits for: in its own session, at lowest priority, with only the locks open."""
    import fcntl

    try:
        child = os.fork()
    except OSError:
        return
    if child:
        os.waitpid(child, 0)
        return
    # Even if something fails below, this process must not return into the caller's code.
    try:
        os.setsid()
        # With this second fork the program is not the parent of the warm, so it need not wait for it.
        if os.fork() == 0:
            os.nice(19)
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            # Copy both first, since either may have the number that the other must get.
            slot, stamp = (fcntl.fcntl(lock, fcntl.F_DUPFD, _STAMP_DESCRIPTOR + 1) for lock in locks)
            os.dup2(slot, _SLOT_DESCRIPTOR)
            os.dup2(stamp, _STAMP_DESCRIPTOR)
            os.closerange(_STAMP_DESCRIPTOR + 1, os.sysconf("SC_OPEN_MAX"))
            os.execve(command[0], command, environment)
    finally:
        os._exit(0)
