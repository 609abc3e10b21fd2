"""The texts that an editor holds open, over the files on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from esmcache.analysis import Document, Edit
from esmcache.file_source import FileSource
from esmcache.ide.values import TextChange
from esmcache.spans import ColumnUnit


class Documents:
    """Files as an editor shows them: open files with the editor's text, all others from disk. A FileSource."""

    def __init__(self, disk: FileSource) -> None:
        self._disk = disk
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the paths of the open documents."""
        return iter(list(self._open))

    def open(self, path: str, text: str) -> None:
        """Use the editor's text instead of the file's."""
        self._open[path] = Document(text.encode("utf-8", "surrogatepass"))

    def edit(self, path: str, changes: Iterable[TextChange], unit: ColumnUnit) -> None:
        """Apply changes in order to the text of an open document; ignore them if no document is open at `path`."""
        for change in changes:
            document = self._open.get(path)
            if document is not None and change.range is not None:
                document.edit([Edit(change.range.start, change.range.end, change.new_text)], unit)
            elif document is not None:
                self.open(path, change.new_text)

    def close(self, path: str) -> None:
        """Use the file on disk again."""
        self._open.pop(path, None)

    def take(self, other: Documents) -> None:
        """Take over the open documents of `other`."""
        self._open.update(other._open)

    def get(self, path: str) -> Document | None:
        """Return the open document at `path`, or None if none is open there."""
        return self._open.get(path)

    def lstat(self, path: str) -> os.stat_result | None:
        """Return the status of the file on disk; a document that was never saved is not a file."""
        return self._disk.lstat(path)

    def read(self, path: str) -> bytes:
        """Return the editor's text, or else the file's.

        Raises:
            OSError: If the file is not open in the editor and cannot be read.
        """
        document = self._open.get(path)
        return self._disk.read(path) if document is None else document.source

    def readlink(self, path: str) -> str:
        """Return the link's text.

        Raises:
            OSError: If there is no symbolic link at `path`, or it cannot be read.
        """
        return self._disk.readlink(path)
