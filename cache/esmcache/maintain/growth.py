"""Knows how much the cache has grown since it was last collected, by the size in a file whose time is that moment."""

from __future__ import annotations

import contextlib
import os
import time

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular, remove_any
from esmcache.private_files import write_whole
from esmcache.store.eviction import stored_bytes
from esmcache.store.index import Index

_STAMP = ".collected"
_COLLECT_EVERY_S = 600.0
# A cache is collected sooner if it has grown by a sixth and this many bytes since the last collection.
_SMALL_GROWTH_BYTES = 64 * 1024
# A cache just above its limit is not collected at every warm: it must have grown by 2 % and this many bytes.
_SMALL_EXCESS_BYTES = 64 * 1024


def is_due(directory: CacheDirectory, index: Index, max_size: int, *, by_time: bool) -> bool:
    """Return whether the cache has grown so much since its last collection that it should be collected.

    Args:
        max_size: The size limit in bytes.
        by_time: Whether a collection is also due because the last one was a while ago.
    """
    stamp = directory.path / _STAMP
    try:
        age = time.time() - stamp.lstat().st_mtime
        before = int(read_regular(stamp) or b"")
    except (OSError, ValueError):
        return True
    if by_time and not 0 <= age < _COLLECT_EVERY_S:
        return True
    now = _estimated_bytes(directory, index)
    has_grown = now > before * 7 // 6 + _SMALL_GROWTH_BYTES
    return has_grown or (now > max_size and now > before * 51 // 50 + _SMALL_EXCESS_BYTES)


def note_collected(directory: CacheDirectory, index: Index) -> None:
    """Note that the cache was collected now, and its size."""
    stamp = directory.path / _STAMP
    # If the stamp cannot be written, there is another collection soon.
    with contextlib.suppress(OSError):
        if not stamp.is_file():
            remove_any(stamp)
        write_whole(stamp, str(_estimated_bytes(directory, index)).encode())


def _estimated_bytes(directory: CacheDirectory, index: Index) -> int:
    """Return the approximate bytes of the cache, without listing its thousands of small files."""
    total = sum(stored_bytes(index))
    for path in (directory.packs_path, directory.manifests_path):
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    with contextlib.suppress(OSError):
        total += directory.index_path.stat().st_size
    return total
