"""Decides whether a file is unchanged, and reads it so that its bytes, fingerprint and SHA-256 belong together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256

from esmcache.file_source import LARGEST_FILE, FileSource, Fingerprint, fingerprint, is_proven
from esmcache.serving.manifest import FileFact
from esmcache.store.rows import ModuleRow

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class FileContent:
    """A regular file's bytes, and its facts at the time when they were read."""

    source: bytes
    fact: FileFact


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A path whose file cannot be read, and why, in one line."""

    reason: str


def read_file(files: FileSource, path: str) -> FileContent | UnreadableFile:
    """Return the content of a regular file that did not change during the read."""
    for _ in range(_ATTEMPTS):
        read_at_ms = time.time() * 1000
        status = files.lstat(path)
        if status is None:
            return UnreadableFile("no such file")
        before = fingerprint(status)
        if before is None:
            return UnreadableFile("not a regular file")
        if before.size > LARGEST_FILE:
            return UnreadableFile(f"larger than {LARGEST_FILE >> 20} MB, so it is left to Node")
        try:
            content = files.read(path)
        except OSError as error:
            return UnreadableFile(f"cannot be read: {error.strerror}")
        status = files.lstat(path)
        # A file of /proc or /sys may report a size that is not that of its content.
        if status is not None and fingerprint(status) == before and len(content) == before.size:
            fact = FileFact(before, sha256(content).digest(), is_proven(before, read_at_ms))
            return FileContent(content, fact)
    return UnreadableFile("keeps changing while it is read")


def known_fact(files: FileSource, path: str, row: ModuleRow | None) -> FileFact | None:
    """Return the known facts of an unchanged file without reading it, or None."""
    if row is None or not row.proven:
        return None
    status = files.lstat(path)
    seen = None if status is None else fingerprint(status)
    if seen is None or seen != Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode):
        return None
    return FileFact(seen, row.source_sha256, True)
