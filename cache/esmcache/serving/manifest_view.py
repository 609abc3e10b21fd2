"""Reads from a sound manifest what it says of one module: its facts, its source, and the requests that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esmcache.file_source import Fingerprint
from esmcache.records import InputKind
from esmcache.serving.layout import (
    FACT_SIZE,
    HAS_CODE_CACHES,
    MODULE_BY_SYNTAX,
    MODULE_ONE_BYTE,
    NONE,
    ROWS,
    Header,
    Input,
    InputNumber,
    Module,
    Pack,
    Request,
    ServedKind,
)
from esmcache.serving.manifest import FACT_FORMAT, HASH_SIZE, HEADER_FORMAT, check_manifest, may_count_calls
from esmcache.serving.pack import PackedSource

_KINDS = {number: InputKind[number.name] for number in InputNumber}


@dataclass(frozen=True, slots=True)
class WarmedFile:
    """A file's fingerprint and SHA-256 at the time of the warm; a size of -1 means that the SHA-256 decides."""

    fingerprint: Fingerprint
    sha256: bytes


@dataclass(frozen=True, slots=True)
class WarmedInput:
    """A fact of the file system that an answer rests on; a package.json without a file was changing at that time."""

    kind: InputKind
    path: str
    detail: str
    file: WarmedFile | None


@dataclass(frozen=True, slots=True)
class WarmedRequest:
    """A request that leads to the module, and the facts behind this answer; an entry point requests itself."""

    parent_url: str
    specifier: str
    asked: int
    inputs: tuple[WarmedInput, ...]


@dataclass(frozen=True, slots=True)
class WarmedModule:
    """One module of the manifest; `source` is None if its source is not served."""

    path: str
    kind: ServedKind
    is_by_syntax: bool
    file: WarmedFile
    source: PackedSource | None
    requests: tuple[WarmedRequest, ...]


class ManifestView:
    """The tables of one manifest, looked at without a copy of all of them."""

    def __init__(self, data: bytes) -> None:
        """Look at a manifest that `check_manifest` accepts."""
        self._data = data
        self._header = HEADER_FORMAT.unpack_from(data)
        size = self._header[Header.STRINGS_SIZE]
        text = data[self._header[Header.STRINGS] :][:size].decode("utf-8", "surrogatepass")
        self._units = text.encode("utf-16-le", "surrogatepass")

    @property
    def has_code_caches(self) -> bool:
        """Return whether starts use code caches."""
        return bool(self._header[Header.FLAGS] & HAS_CODE_CACHES)

    @property
    def counts_calls(self) -> bool:
        """Return whether the program may count its calls, so that its code caches have only top levels."""
        return may_count_calls(self._data)

    def module(self, url: str) -> WarmedModule | None:
        """Return what the manifest says of the module with this URL, or None if it has no such module."""
        number = next((n for n in range(self._header[Header.MODULES]) if self._url(n) == url), None)
        if number is None:
            return None
        row = self._row(Header.MODULES, number)
        path = self._string(row, Module.PATH) or url.removeprefix("file://")
        return WarmedModule(
            path,
            ServedKind(row[Module.KIND]),
            bool(row[Module.FLAGS] & MODULE_BY_SYNTAX),
            self._file(number),
            self._source(row),
            tuple(self._requests_to(number)),
        )

    def _source(self, row: memoryview[int]) -> PackedSource | None:
        if row[Module.PACK] == NONE:
            return None
        name = self._string(self._row(Header.PACKS, row[Module.PACK]), Pack.NAME)
        one_byte = bool(row[Module.FLAGS] & MODULE_ONE_BYTE)
        return PackedSource(name, row[Module.OFFSET], row[Module.LENGTH], row[Module.CHECKSUM], one_byte)

    def _requests_to(self, number: int) -> Iterator[WarmedRequest]:
        for parent in range(self._header[Header.MODULES]):
            row = self._row(Header.MODULES, parent)
            first = row[Module.FIRST_REQUEST]
            for at in range(first, first + row[Module.REQUESTS]):
                request = self._row(Header.REQUESTS, at)
                if request[Request.TARGET] == number:
                    specifier = self._string(request, Request.SPECIFIER)
                    inputs = tuple(self._inputs(request[Request.SET]))
                    yield WarmedRequest(self._url(parent), specifier, request[Request.ASKED_BY], inputs)

    def _inputs(self, number: int) -> Iterator[WarmedInput]:
        first, count = self._row(Header.SETS, number)
        for at in range(first, first + count):
            row = self._row(Header.INPUTS, self._row(Header.MEMBERS, at)[0])
            kind = _KINDS[InputNumber(row[Input.KIND])]
            has_file = kind is InputKind.PACKAGE_JSON and row[Input.FACT] != NONE
            file = self._file(row[Input.FACT]) if has_file else None
            yield WarmedInput(kind, self._string(row, Input.PATH), self._string(row, Input.DETAIL), file)

    def _file(self, number: int) -> WarmedFile:
        size, mtime_ms, ctime_ms, inode = FACT_FORMAT.unpack_from(
            self._data, self._header[Header.FACTS] + number * FACT_SIZE
        )
        at = self._header[Header.HASHES] + number * HASH_SIZE
        return WarmedFile(Fingerprint(int(size), mtime_ms, ctime_ms, int(inode)), self._data[at : at + HASH_SIZE])

    def _url(self, number: int) -> str:
        return self._string(self._row(Header.MODULES, number), Module.URL)

    def _row(self, table: Header, number: int) -> memoryview[int]:
        size = ROWS[table] * 4
        start = self._header[table + 1] + number * size
        return memoryview(self._data)[start : start + size].cast("I")

    def _string(self, row: memoryview[int], field: int) -> str:
        offset, length = row[field], row[field + 1]
        return self._units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass")


def view_manifest(data: bytes, identity: str) -> ManifestView | None:
    """Return a view of a manifest, or None if it is damaged or not that of this program."""
    return ManifestView(data) if check_manifest(data) == identity else None
