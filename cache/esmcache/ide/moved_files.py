"""A view of the files after some of them have moved, so that a resolver can find modules as they will be then."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from esmcache.file_source import FileSource


class MovedFiles:
    """The files of another FileSource, each at its new path. A FileSource.

    Args:
        moves: The old and new paths of files and folders; their directories must be real paths.
        texts: The texts that will have changed, too, by their current paths.
    """

    def __init__(self, files: FileSource, moves: Sequence[tuple[str, str]], texts: Mapping[str, bytes]) -> None:
        self._files = files
        self._texts = texts
        # If a file and its folder both move, the file's own move counts, so longer paths come first.
        self._by_old = sorted(moves, key=lambda move: -len(move[0]))
        self._by_new = sorted(moves, key=lambda move: -len(move[1]))
        self._made = {folder for _, new in moves for folder in _folders_above(new)}

    def after(self, path: str) -> str:
        """Return the new path of the file that is at `path` now."""
        for old, new in self._by_old:
            if _is_within(path, old):
                return new + path[len(old) :]
        return path

    def before(self, path: str) -> str | None:
        """Return the current path of the file that will be at `path`, or None if no existing file will be there."""
        for old, new in self._by_new:
            if _is_within(path, new):
                return old + path[len(new) :]
        return path if self.after(path) == path else None

    def lstat(self, path: str) -> os.stat_result | None:
        """Return the status of the file that will be at `path`, or None if there will be no file."""
        before = self.before(path)
        status = None if before is None else self._files.lstat(before)
        # A folder that is created by the move has the status of any other folder.
        return self._files.lstat("/") if status is None and path in self._made else status

    def read(self, path: str) -> bytes:
        """Return the content of the file that will be at `path`.

        Raises:
            OSError: If no file will be there, or it cannot be read.
        """
        before = self._existing(path)
        text = self._texts.get(before)
        return self._files.read(before) if text is None else text

    def readlink(self, path: str) -> str:
        """Return the text of the link that will be at `path`.

        Raises:
            OSError: If no symbolic link will be there, or it cannot be read.
        """
        return self._files.readlink(self._existing(path))

    def _existing(self, path: str) -> str:
        before = self.before(path)
        if before is None:
            raise FileNotFoundError(path)
        return before


def _is_within(path: str, folder: str) -> bool:
    return path.startswith(folder) and path[len(folder) : len(folder) + 1] in ("", "/")


def _folders_above(path: str) -> list[str]:
    folders = []
    while (path := os.path.dirname(path)) != "/":
        folders.append(path)
    return folders
