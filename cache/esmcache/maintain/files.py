"""Looks at the files of a cache directory: their sizes, and those that writers left half-written."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import remove_any
from esmcache.serving.pack import is_pack

# Half-written files that are older were left by a stopped writer; younger ones may still be written.
_ABANDONED_AFTER_S = 3600.0
# Names that Node gives its own entries until they are whole.
_NODES_TEMPORARY = re.compile(r"[0-9a-f]{8}\.[0-9A-Za-z]{6}")
# SQLite's shared memory exists only while a process has the index open.
_NOT_COUNTED = "index.db-shm"
# Looked at last: most files there are links to files elsewhere.
_WITH_LINKS = "v8"
# Links that a start makes for itself, and leaves behind if it is killed.
_OF_PROCESSES = "live/"


def file_sizes(directory: CacheDirectory) -> dict[str, int]:
    """Return the size of every file by its place below the cache directory; each further link to a file has size 0.

    Code caches are counted in code/, not in the directories that Node is pointed at.
    """
    seen: set[int] = set()
    sizes = {}
    for place, entry in _entries(directory.path):
        inode = entry.inode()
        if inode in seen:
            sizes[place] = 0
        elif place != _NOT_COUNTED:
            seen.add(inode)
            try:
                sizes[place] = entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
    return sizes


def look_again(directory: CacheDirectory, sizes: dict[str, int], holders: Iterable[str]) -> None:
    """Update the sizes of the files that lie directly in some directories; '' is the cache directory itself."""
    for holder in holders:
        known = [place for place in sizes if place.rpartition("/")[0] == holder]
        found = {}
        with contextlib.suppress(OSError), os.scandir(directory.path / holder) as entries:
            for entry in entries:
                place = f"{holder}/{entry.name}" if holder else entry.name
                if place != _NOT_COUNTED and not entry.is_dir(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        found[place] = entry.stat(follow_symlinks=False).st_size
        for place in known:
            del sizes[place]
        sizes |= found


def used_bytes(directory: CacheDirectory) -> int:
    """Return the bytes that the cache takes, hard links counted once."""
    return sum(file_sizes(directory).values())


def remove_abandoned(directory: CacheDirectory, places: Iterable[str]) -> list[str]:
    """Remove abandoned half-written files, invalid packs and links of ended processes; return their places."""
    oldest = time.time() - _ABANDONED_AFTER_S
    removed = []
    for place in places:
        name = place.rpartition("/")[2]
        is_link = place.startswith(_OF_PROCESSES)
        if not is_link and not is_temporary(name) and not name.endswith(".pack"):
            continue
        path = directory.path / place
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if status.st_mtime < oldest and (_has_ended(name) if is_link else _is_useless(path, status)):
                remove_any(path)
                removed.append(place)
    return removed


def _is_useless(path: Path, status: os.stat_result) -> bool:
    return is_temporary(path.name) or (stat.S_ISREG(status.st_mode) and not is_pack(path))


def _has_ended(name: str) -> bool:
    """Return whether the process of a link has ended; the link's name begins with the process number."""
    number = name.partition("-")[0]
    if not number.isdecimal():
        return True
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        # The process belongs to another user.
        return False
    return False


def is_temporary(name: str) -> bool:
    """Return whether a file's name says that it is being written, or was left half-written."""
    return name.startswith((".tmp-", ".folding-")) or name.endswith(".tmp") or bool(_NODES_TEMPORARY.fullmatch(name))


def _entries(directory: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield place and entry of every file below a directory; links are not followed."""
    waiting = [("", str(directory))]
    while waiting:
        prefix, path = waiting.pop()
        try:
            with os.scandir(path) as found:
                entries = list(found)
        except OSError:
            continue
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield prefix + entry.name, entry
            elif prefix + entry.name == _WITH_LINKS:
                waiting.insert(0, (f"{entry.name}/", entry.path))
            else:
                waiting.append((f"{prefix}{entry.name}/", entry.path))
