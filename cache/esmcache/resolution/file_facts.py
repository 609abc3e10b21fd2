"""The kind of file at a path after following symbolic links, and the facts that this rests on.

It calls lstat once per path and snapshot. It must not know modules or packages.
"""

from __future__ import annotations

import os.path
import stat
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256

from esmcache.file_source import FileSource
from esmcache.records import InputKind, ResolutionInput
from esmcache.resolution.urls import well_formed

Inputs = tuple[ResolutionInput, ...]

# The kernel follows at most this many symbolic links.
_MAX_LINKS = 40
# The longest file name in bytes, on all common file systems.
_MAX_NAME = 255
_MAX_PATH = 4095
_NAME_TOO_LONG = "name too long"


class EntryKind(Enum):
    """The kind of file at a path after following links; OTHER is a socket, a device and the like."""

    ABSENT = "absent"
    FILE = "file"
    DIRECTORY = "directory"
    OTHER = "other"


class Entry:
    """The kind, real path and facts of a path (without the fact that a file is a file).

    `trouble` is the system's message if the path could not be looked up, such as `name too long`; the kind is ABSENT.
    """

    __slots__ = ("facts", "kind", "real_path", "trouble")

    def __init__(self, kind: EntryKind, real_path: str, facts: Inputs, trouble: str = "") -> None:
        self.kind = kind
        self.real_path = real_path
        self.facts = facts
        self.trouble = trouble


class Trace:
    """The facts that one answer rests on.

    The facts that `files` are files are added only at the end, and not for the answer's own file, which most traces
    have: users of the answer check that file anyway. `warns` is True if Node warns about something on the way.
    """

    __slots__ = ("files", "parts", "warns")

    def __init__(self) -> None:
        self.parts: list[Inputs] = []
        self.files: list[Entry] = []
        self.warns = False

    def append(self, facts: Inputs) -> None:
        """Add facts."""
        self.parts.append(facts)

    def looked_at(self, entry: Entry) -> None:
        """Add the facts of an entry."""
        self.parts.append(entry.facts)
        if entry.kind is EntryKind.FILE or entry.kind is EntryKind.OTHER:
            self.files.append(entry)


class _TooManyLinks(Exception):
    def __init__(self, facts: Inputs) -> None:
        super().__init__()
        self.facts = facts


class FileFacts:
    """Looks paths up in a FileSource, remembers the results and shares equal tuples of facts."""

    def __init__(self, files: FileSource) -> None:
        self._files = files
        self._entries = {"/": Entry(EntryKind.DIRECTORY, "/", ())}
        self._inputs: dict[tuple[InputKind, str], ResolutionInput] = {}
        self._unions: dict[tuple[int, ...], tuple[Iterable[Inputs], Inputs]] = {}
        self._canonical: dict[tuple[int, ...], Inputs] = {(): ()}

    def entry(self, path: str) -> Entry:
        """Return the entry at an absolute, normalised path."""
        found = self._entries.get(path)
        if found is not None:
            return found
        if len(path) > _MAX_PATH:
            return Entry(EntryKind.ABSENT, path, (), _NAME_TOO_LONG)
        try:
            return self._walk(path, 0)
        except _TooManyLinks as loop:
            found = Entry(EntryKind.ABSENT, path, self.union((loop.facts,)), "too many symbolic links encountered")
            self._entries[path] = found
            return found

    def read(self, real_path: str) -> bytes:
        """Return a file's content.

        Raises:
            OSError: If the file cannot be read.
        """
        return self._files.read(real_path)

    def fact(self, kind: InputKind, path: str, detail: str = "") -> ResolutionInput:
        """Return the input object for a fact; equal facts share one object."""
        key = (kind, path)
        found = self._inputs.get(key)
        if found is None:
            found = self._inputs[key] = ResolutionInput(kind, path, detail)
        return found

    def fact_of_content(self, path: str, content: bytes) -> ResolutionInput:
        """Return the fact that `content` was read from `path`; its detail is the SHA-256."""
        return self.fact(InputKind.PACKAGE_JSON, path, sha256(content).hexdigest())

    def facts_including(self, entry: Entry) -> Inputs:
        """Return an entry's facts, including the fact that a file is a file."""
        if entry.kind is EntryKind.FILE or entry.kind is EntryKind.OTHER:
            # There is no input kind for sockets and such: FILE never holds for them, so nothing is served.
            return self.union((entry.facts, (self.fact(InputKind.FILE, entry.real_path),)))
        return entry.facts

    def union(self, parts: Iterable[Inputs]) -> Inputs:
        """Return all facts once, in order; the same object whenever the facts are the same."""
        parts = tuple(parts)
        key = tuple(map(id, parts))
        known = self._unions.get(key)
        if known is not None:
            return known[1]
        unique = {id(fact): fact for part in parts for fact in part}
        union = self._canonical.setdefault(tuple(unique), tuple(unique.values()))
        # Keeping the parts alive keeps their ids unique.
        self._unions[key] = (parts, union)
        return union

    def inputs(self, trace: Trace, answer: str | None = None) -> Inputs:
        """Return all facts of a trace, except the fact that `answer`, a real path, is a file."""
        for entry in trace.files:
            if entry.real_path != answer or entry.kind is EntryKind.OTHER:
                trace.parts.append(self.facts_including(entry))
        return self.union(trace.parts)

    def _walk(self, path: str, links: int) -> Entry:
        names: list[str] = []
        at = path
        entries = self._entries
        while (entry := entries.get(at)) is None:
            at, _, name = at.rpartition("/")
            at = at or "/"
            names.append(name)
        while names:
            name = names.pop()
            entry = self._child(entry, name, links)
            at = f"{at}/{name}" if at != "/" else "/" + name
            entries[at] = entry
        return entry

    def _child(self, parent: Entry, name: str, links: int) -> Entry:
        if parent.kind is not EntryKind.DIRECTORY:
            if parent.kind is EntryKind.ABSENT:
                return parent
            return Entry(EntryKind.ABSENT, parent.real_path, self.facts_including(parent))
        if not name.isascii():
            name = well_formed(name)
        path = f"{parent.real_path}/{name}" if parent.real_path != "/" else "/" + name
        status = self._files.lstat(path)
        if status is None:
            return self._absent(parent, path)
        mode = status.st_mode
        if stat.S_ISREG(mode):
            return Entry(EntryKind.FILE, path, parent.facts)
        if stat.S_ISDIR(mode):
            return Entry(EntryKind.DIRECTORY, path, self._with(parent, InputKind.DIRECTORY, path))
        if stat.S_ISLNK(mode):
            return self._link(parent, path, links)
        return Entry(EntryKind.OTHER, path, parent.facts)

    def _link(self, parent: Entry, path: str, links: int) -> Entry:
        try:
            text = self._files.readlink(path)
        except OSError:
            return self._absent(parent, path)
        passed = self._with(parent, InputKind.SYMLINK, path, text)
        if links == _MAX_LINKS:
            raise _TooManyLinks(passed)
        try:
            target, facts = self._target(parent, text, links + 1)
        except _TooManyLinks as loop:
            raise _TooManyLinks(passed + loop.facts) from None
        return Entry(target.kind, target.real_path, self.union((passed, facts)), target.trouble)

    def _target(self, parent: Entry, text: str, links: int) -> tuple[Entry, Inputs]:
        """Return the entry that a link's text names, and its facts; ABSENT if Node and the kernel disagree on it.

        The kernel applies `..` to the directory that it has reached; Node's realpath applies it to the text.
        """
        lexical = self._walk(normalized(os.path.join(parent.real_path, text)), links)
        facts = lexical.facts
        climbs = [name for name in text.split("/") if name not in ("", ".")]
        inner = len(climbs)
        while climbs and climbs[0] == "..":
            climbs.pop(0)
        same = True
        if ".." in climbs:
            start = "/" if text.startswith("/") else parent.real_path
            for _ in range(inner - len(climbs)):
                start = os.path.dirname(start)
            reached = self._walk(start, links)
            for name in climbs:
                if name == "..":
                    same = same and reached.kind is EntryKind.DIRECTORY
                    reached = self._walk(os.path.dirname(reached.real_path), links)
                else:
                    reached = self._child(reached, name, links)
                facts = self.union((facts, self.facts_including(reached)))
            same = same and reached.kind is lexical.kind and reached.real_path == lexical.real_path
        if text.endswith("/") and lexical.kind is not EntryKind.DIRECTORY:
            same = False
            facts = self.union((facts, self.facts_including(lexical)))
        if not same or not _is_unicode(text):
            return Entry(EntryKind.ABSENT, lexical.real_path, facts), facts
        return lexical, facts

    def _absent(self, parent: Entry, path: str) -> Entry:
        name = path[path.rfind("/") + 1 :]
        long = len(name) > _MAX_NAME // 4 and len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME
        trouble = _NAME_TOO_LONG if long else ""
        return Entry(EntryKind.ABSENT, path, self._with(parent, InputKind.ABSENT, path), trouble)

    def _with(self, parent: Entry, kind: InputKind, path: str, detail: str = "") -> Inputs:
        return (*parent.facts, self.fact(kind, path, detail))


def normalized(path: str) -> str:
    """Return an absolute path without `.`, `..` and doubled slashes."""
    path = os.path.normpath(path)
    return path[1:] if path.startswith("//") else path


def possible_directory(directory: str) -> str:
    """Return `directory`, or its nearest ancestor that is not too long to exist."""
    return directory if len(directory) <= _MAX_PATH else directory[: directory.rfind("/", 0, _MAX_PATH)] or "/"


def _is_unicode(text: str) -> bool:
    # Node decodes a link's bytes as UTF-8. A link that is not UTF-8 leads nowhere for Node.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
