"""The client's open documents: their texts and versions, the client's names of the files, and what it last saved."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from esmcache.ide.values import TextChange


@dataclass(slots=True)
class OpenDocument:
    """A document as the client sent it: the text when it was opened, and the changes since then."""

    uri: str
    path: str
    version: int
    text: str
    changes: list[TextChange] = field(default_factory=list)


class OpenDocuments(dict[str, OpenDocument]):
    """The open documents, by path as the client spells it."""

    def __init__(self) -> None:
        super().__init__()
        self._by_real_path: dict[str, str] = {}
        # Size and time of each file when the client sent didSave. File watchers report the same save again later.
        self._saved_as: dict[str, tuple[int, int]] = {}

    def open(self, uri: str, path: str, version: int, text: str) -> None:
        """Add a document that was opened."""
        self[path] = OpenDocument(uri, path, version, text)
        self._by_real_path[os.path.realpath(path)] = path

    def close(self, path: str) -> None:
        """Forget a document, if it is open."""
        self.pop(path, None)
        self._by_real_path.pop(os.path.realpath(path), None)

    def shown_path(self, real_path: str) -> str:
        """Return the client's path of a file: the open document's path, or else `real_path`."""
        return self._by_real_path.get(real_path, real_path)

    def note_save(self, path: str) -> None:
        """Remember the current state of a file on disk as the one that the client saved."""
        self._saved_as[path] = _stamp(path)

    def is_as_saved(self, path: str) -> bool:
        """Return whether a file on disk is still as the client saved it."""
        return self._saved_as.get(path) == _stamp(path)


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
