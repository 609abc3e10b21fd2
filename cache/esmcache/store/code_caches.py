"""Stores code caches below code/, each in a file named by engine, kind, SHA-256 of its source and its own SHA-256.

An absent code cache is a miss. A file holds the bytes of the entry that Node will read. Engines do not write here.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from esmcache.cache_files import read_regular, real_directory, remove_any, why_alien
from esmcache.file_source import Fingerprint, fingerprint
from esmcache.private_files import write_whole
from esmcache.store.cache_key import code_cache_place
from esmcache.store.rows import CodeCacheRow


class CodeCacheStore:
    """Files below one directory; every write is whole or nothing, and replaces only a file with the same bytes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._proven: dict[CodeCacheRow, CodeCacheRow | None] = {}

    def path_of(self, row: CodeCacheRow) -> str:
        """Return the path of a row's code cache, whether or not it exists."""
        place = code_cache_place(row.engine_tag, row.kind, row.source_sha256, row.content_sha256)
        return f"{self._directory}/{place}"

    def write(self, engine_tag: str, kind: str, source_sha256: bytes, content: bytes, functions: int) -> CodeCacheRow:
        """Store an entry and return the row to be put into the index.

        Args:
            content: The bytes of the entry that Node will read.
            functions: The checksum of the functions that were precompiled, 0 if there are none.

        Raises:
            FileNotFoundError: If another process removes the file at once.
            OSError: If the file cannot be written.
        """
        digest = sha256(content).digest()
        holder, name = code_cache_place(engine_tag, kind, source_sha256, digest).split("/")
        path = real_directory(self._directory, holder) / name
        write_whole(path, content)
        seen = _regular(str(path))
        if seen is None:
            raise FileNotFoundError(2, "it was removed at once", str(path))
        return CodeCacheRow(
            engine_tag,
            kind,
            source_sha256,
            digest,
            len(content),
            time.time(),
            functions,
            seen.mtime_ms,
            seen.ctime_ms,
            seen.inode,
        )

    def is_there(self, row: CodeCacheRow) -> bool:
        """Return whether the row's file has not been replaced or removed; it may have been linked since."""
        seen = _regular(self.path_of(row))
        return seen is not None and (seen.size, seen.mtime_ms, seen.inode) == (row.size, row.mtime_ms, row.inode)

    def proven(self, row: CodeCacheRow) -> CodeCacheRow | None:
        """Return the row with its file's current times and inode, or None if the file is absent or has another SHA-256.

        The file is read only if it has changed since the last comparison. One object checks each row once.
        """
        if row not in self._proven:
            self._proven[row] = self._prove(row)
        return self._proven[row]

    def _prove(self, row: CodeCacheRow) -> CodeCacheRow | None:
        path = self.path_of(row)
        seen = _regular(path)
        if seen == Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode):
            return row
        content = read_regular(Path(path))
        if seen is None or content is None or sha256(content).digest() != row.content_sha256:
            return None
        return replace(row, mtime_ms=seen.mtime_ms, ctime_ms=seen.ctime_ms, inode=seen.inode)

    def remove(self, row: CodeCacheRow) -> None:
        """Remove the row's file if it is there."""
        remove_any(Path(self.path_of(row)))


def _regular(path: str) -> Fingerprint | None:
    """Return the fingerprint of a regular file that other users cannot write, or None for anything else."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return fingerprint(status) if stat.S_ISREG(status.st_mode) and not why_alien(status) else None
