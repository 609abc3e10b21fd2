"""Content-addressed BMES files under blobs/; an absent or damaged one is a miss."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from esmcache.cache_directory import read_regular, remove_any, write_whole


class BlobStore:
    """Files named by key below one directory; every write is whole or nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, key: str) -> Path:
        """Return where the blob of `key` lies."""
        return self._directory / key[:2] / key

    def read(self, key: str) -> bytes | None:
        """Return the blob's bytes, or None where it is absent or cannot be read."""
        return read_regular(self.path(key))

    def has(self, key: str) -> bool:
        """Return whether there is a file for `key`, whatever is in it."""
        return os.path.isfile(f"{self._directory}/{key[:2]}/{key}")

    def write(self, key: str, content: bytes) -> None:
        """Store `content` under `key`; raises OSError."""
        write_whole(self.path(key), content)

    def remove(self, key: str) -> None:
        """Remove the blob if it is there."""
        remove_any(self.path(key))

    def keys(self) -> Iterator[str]:
        """Yield the key of every file below the directory."""
        for path in self._directory.glob("??/*"):
            if not path.name.startswith(".tmp-"):
                yield path.name
