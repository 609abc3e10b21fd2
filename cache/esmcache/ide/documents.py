"""The texts that an editor holds open, over the files on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from esmcache.analysis import Document, Edit
from esmcache.file_source import FileSource
from esmcache.ide.values import TextChange
from esmcache.spans import ColumnUnit


class Documents:
    """Files as an editor shows them: open ones by their text there, all others as on disk. A FileSource."""

    def __init__(self, disk: FileSource) -> None:
        self._disk = disk
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the paths of what is open."""
        return iter(list(self._open))

    def open(self, path: str, text: str) -> None:
        """Take the editor's text in place of the file's."""
        self._open[path] = Document(text.encode("utf-8", "surrogatepass"))

    def edit(self, path: str, changes: Iterable[TextChange], unit: ColumnUnit) -> None:
        """Change the text of an open document, one change after the other; another one has no text to change."""
        for change in changes:
            document = self._open.get(path)
            if document is not None and change.range is not None:
                document.edit([Edit(change.range.start, change.range.end, change.new_text)], unit)
            elif document is not None:
                self.open(path, change.new_text)

    def close(self, path: str) -> None:
        """Go back to the file on disk."""
        self._open.pop(path, None)

    def take(self, other: Documents) -> None:
        """Take over what is open there."""
        self._open.update(other._open)

    def get(self, path: str) -> Document | None:
        """Return the open document at `path`, None where none is open."""
        return self._open.get(path)

    def lstat(self, path: str) -> os.stat_result | None:
        """Return what is on disk: a document that was never saved is no file."""
        return self._disk.lstat(path)

    def read(self, path: str) -> bytes:
        """Return the text in the editor, else the file's; raises OSError."""
        document = self._open.get(path)
        return self._disk.read(path) if document is None else document.source

    def readlink(self, path: str) -> str:
        """Return the link's text; raises OSError."""
        return self._disk.readlink(path)
