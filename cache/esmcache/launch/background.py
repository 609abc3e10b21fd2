"""Warms beside a program that was started cold: few at a time, and one for each entry point.

A start that finds nothing begins one, so a hundred starts at once could begin a hundred. Each warm holds two locks
(flock) for as long as it lives: one of a fixed number of slots in the cache directory, and the stamp of its entry
point. The start takes both before it forks and hands them on, so a start that gets none costs next to nothing.

Imported before every `esmcache run`, so it imports nothing that a start can do without.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from esmcache.private_files import make_directory
from esmcache.serving.names import manifest_identity, manifest_name

# So many warms at once leave a machine usable, and bring in what was started last soon enough.
SLOTS = 2
# After a warm that led to nothing, an unchanged entry point is left alone for as long.
_RETRY_AFTER_S = 60.0
# Where a warm finds the locks that the start has taken for it.
_SLOT_DESCRIPTOR, _STAMP_DESCRIPTOR = 3, 4


def background_stamp(cache_path: Path, entry: str, node: str, conditions: Sequence[str]) -> Path:
    """Return the file that a background warm of these holds locked, and leaves behind if it led to nothing.

    Named as a temporary file, so that `gc` removes those of programs that are gone.
    """
    identity = manifest_identity(os.path.realpath(entry), node, "", conditions)
    return cache_path / f".tmp-warming-{manifest_name(identity).removesuffix('.manifest')}"


def lock_stamp(stamp: Path) -> int | None:
    """Return a descriptor that holds `stamp` locked, or None where another process does; raises OSError."""
    import fcntl

    make_directory(stamp.parent)
    descriptor = os.open(stamp, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process that held it until now may have removed it.
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
    """Return a descriptor that holds a slot for one warm, or None where all are taken; raises OSError."""
    for path in _slots(cache_path):
        descriptor = lock_stamp(path)
        if descriptor is not None:
            return descriptor
    return None


def _slots(cache_path: Path) -> list[Path]:
    return [cache_path / f".tmp-slot-{number}" for number in range(SLOTS)]


def hold_locks_for_warm(stamp: Path) -> bool:
    """Return whether this process may warm in the background; it holds both locks from then on, until it ends.

    The start may have handed them on. Raises OSError.
    """
    slots = _slots(stamp.parent)
    if not any(_is_open_at(_SLOT_DESCRIPTOR, path) for path in slots) and lock_slot(stamp.parent) is None:
        return False
    return _is_open_at(_STAMP_DESCRIPTOR, stamp) or lock_stamp(stamp) is not None


def start_background_warm(stamp: Path, command: list[str], environment: Mapping[str, str]) -> None:
    """Start a warm of what the stamp is for, unless that is being warmed, or too much is; raises OSError."""
    slot = lock_slot(stamp.parent)
    if slot is None:
        return
    try:
        # Only now: a stamp that was taken keeps others from trying for a while.
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
    """Return whether a warm runs now, or the last one ended without success a moment ago."""
    try:
        tried = os.stat(stamp).st_mtime
        return tried > os.stat(entry).st_mtime and time.time() - tried < _RETRY_AFTER_S
    except OSError:
        return False


def _start_detached(command: list[str], environment: Mapping[str, str], locks: tuple[int, int]) -> None:
    """Start a process that nobody waits for: of its own session, lowest priority, nothing open but the locks."""
    import fcntl

    try:
        child = os.fork()
    except OSError:
        return
    if child:
        os.waitpid(child, 0)
        return
    # Whatever happens below, this process must not return into the caller's code.
    try:
        os.setsid()
        # The program will be no parent of the warm, so it need not wait for it.
        if os.fork() == 0:
            os.nice(19)
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            # By way of copies, since either may be where the other belongs.
            slot, stamp = (fcntl.fcntl(lock, fcntl.F_DUPFD, _STAMP_DESCRIPTOR + 1) for lock in locks)
            os.dup2(slot, _SLOT_DESCRIPTOR)
            os.dup2(stamp, _STAMP_DESCRIPTOR)
            os.closerange(_STAMP_DESCRIPTOR + 1, os.sysconf("SC_OPEN_MAX"))
            os.execve(command[0], command, environment)
    finally:
        os._exit(0)
