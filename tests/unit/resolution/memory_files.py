"""A file system in memory, with symbolic links, that tests can change."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class MemoryFiles:
    """A FileSource; each path has a file's bytes, a link's text, or None for a directory."""

    def __init__(self) -> None:
        self._entries: dict[str, bytes | str | None] = {}

    @classmethod
    def of_disk(cls, root: Path) -> MemoryFiles:
        """Return a copy of `root`, its contents and its parents."""
        files = cls()
        files.make_directory(str(root))
        for directory, directories, names in os.walk(root):
            for name in (*directories, *names):
                path = os.path.join(directory, name)
                if os.path.islink(path):
                    files.make_link(path, os.readlink(path))
                elif os.path.isdir(path):
                    files.make_directory(path)
                else:
                    files.write(path, Path(path).read_bytes())
        return files

    def copy(self) -> MemoryFiles:
        """Return a copy that can change independently."""
        files = MemoryFiles()
        files._entries = dict(self._entries)
        return files

    def write(self, path: str, content: bytes) -> None:
        """Write a file; its parent directories replace other entries at their paths."""
        self.make_directory(os.path.dirname(path))
        self._entries[path] = content

    def make_link(self, path: str, text: str) -> None:
        """Make a symbolic link."""
        self.make_directory(os.path.dirname(path))
        self._entries[path] = text

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents."""
        if path == "/" or self._entries.get(path, b"") is None:
            return
        self.make_directory(os.path.dirname(path))
        self._entries[path] = None

    def remove(self, path: str) -> None:
        """Remove all entries at and below `path`."""
        for name in list(self._entries):
            if name == path or name.startswith(path + "/"):
                del self._entries[name]

    def lstat(self, path: str) -> os.stat_result | None:
        """Return a status that has only a mode, or None."""
        if path not in self._entries:
            return None
        entry = self._entries[path]
        mode = stat.S_IFDIR if entry is None else stat.S_IFLNK if isinstance(entry, str) else stat.S_IFREG
        return os.stat_result((mode, *[0] * 9))

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raises OSError."""
        entry = self._entries.get(path)
        if not isinstance(entry, bytes):
            raise FileNotFoundError(path)
        return entry

    def readlink(self, path: str) -> str:
        """Return a link's text; raises OSError."""
        entry = self._entries.get(path)
        if not isinstance(entry, str):
            raise FileNotFoundError(path)
        return entry
