"""The documents that the client has open: their texts, and the names and states that it knows of their files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from esmcache.ide.values import TextChange


@dataclass(slots=True)
class OpenDocument:
    """A document as the client sent it: the text at first, then what was changed."""

    uri: str
    path: str
    version: int
    text: str
    changes: list[TextChange] = field(default_factory=list)


class OpenDocuments(dict[str, OpenDocument]):
    """The open documents by their paths, as the client names them."""

    def __init__(self) -> None:
        super().__init__()
        self._by_real_path: dict[str, str] = {}
        # What was on disk when the client said that it had saved: watchers tell of that, too, and later.
        self._saved_as: dict[str, tuple[int, int]] = {}

    def open(self, uri: str, path: str, version: int, text: str) -> None:
        """Take a document that was opened."""
        self[path] = OpenDocument(uri, path, version, text)
        self._by_real_path[os.path.realpath(path)] = path

    def close(self, path: str) -> None:
        """Forget a document, if it is open."""
        self.pop(path, None)
        self._by_real_path.pop(os.path.realpath(path), None)

    def shown_path(self, real_path: str) -> str:
        """Return the path under which the client knows a file: that of the open document, if it is one."""
        return self._by_real_path.get(real_path, real_path)

    def note_save(self, path: str) -> None:
        """Remember what is on disk now as what the client has saved."""
        self._saved_as[path] = _stamp(path)

    def is_as_saved(self, path: str) -> bool:
        """Return whether a file is as the client has saved it."""
        return self._saved_as.get(path) == _stamp(path)


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
