"""Content-addressed BMES files under blobs/; an absent or damaged one is a miss."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from esmcache.cache_files import read_regular, real_directory, remove_any
from esmcache.file_source import Fingerprint, fingerprint
from esmcache.private_files import write_whole
from esmcache.store.rows import BlobRow


class BlobStore:
    """Files named by key below one directory; every write is whole or nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, key: str) -> Path:
        """Return the path of the blob of `key`."""
        return self._directory / key[:2] / key

    def read(self, key: str) -> bytes | None:
        """Return the blob's bytes, or None if it is absent or cannot be read."""
        return read_regular(self.path(key))

    def proven(self, row: BlobRow) -> BlobRow | None:
        """Return the row with its file's current times and inode, or None if the file is absent or has another SHA-256.

        The file is read only if its fingerprint has changed since the last comparison.
        """
        seen = self._look(row.key)
        if seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode):
            return row
        content = self.read(row.key)
        if seen is None or content is None or sha256(content).digest() != row.content_sha256:
            return None
        return replace(row, mtime_ms=seen.mtime_ms, ctime_ms=seen.ctime_ms, inode=seen.inode)

    def write(self, key: str, content: bytes) -> BlobRow:
        """Store `content` under `key` and return the row to be put into the index.

        Raises:
            OSError: If the file cannot be written.
        """
        write_whole(real_directory(self._directory, key[:2]) / key, content)
        # If the file is removed at once, no later file has this fingerprint.
        seen = self._look(key) or Fingerprint(len(content), 0.0, 0.0, 0)
        digest = sha256(content).digest()
        return BlobRow(key, digest, len(content), time.time(), seen.mtime_ms, seen.ctime_ms, seen.inode)

    def _look(self, key: str) -> Fingerprint | None:
        try:
            return fingerprint(os.lstat(f"{self._directory}/{key[:2]}/{key}"))
        except OSError:
            return None

    def remove(self, key: str) -> None:
        """Remove the blob if it is there."""
        remove_any(self.path(key))

    def keys(self) -> Iterator[str]:
        """Yield the key of every file below the directory."""
        for path in self._directory.glob("??/*"):
            if not path.name.startswith(".tmp-"):
                yield path.name
