"""Manifests: the file that a runner reads for one entry point, Node version, architecture and set of conditions.

A manifest names every module that the entry's start can load, with its fingerprint and SHA-256, the place of its source
in a pack, and the answer to each of its requests together with the file-system facts that the answer rests on.
`runtime/serving.cjs` is the counterpart of this file: it reads manifests.

The file is little-endian. A header of 32 u32:

     0 magic "ESMM"         1 version              2 file size            3 CRC-32 of all bytes from byte 16 on
     4 modules: count       5 offset               6 requests: count      7 offset
     8 input sets: count    9 offset              10 set members: count  11 offset
    12 inputs: count       13 offset              14 packs: count        15 offset
    16 facts: offset       17 hashes: offset      18 strings: offset     19 strings: bytes
    20 strings: flags (1: ASCII; readers do not use it)
    21, 22 identity: string
    23 V8 tag of the code caches in v8/, valid if there are any
    24 flags (1: there are code caches, 2: a start should report which functions it calls, since that is not known,
       4: no code caches, since the layout of Node's own is not known, 8: the program may count its calls)
    25 number of modules that are loaded before any of them runs
    26 to 29 name of the trust domain: 16 bytes as four numbers, in the order of its hexadecimal digits
    30, 31 zero

A string is two u32: offset and length, in UTF-16 code units of the decoded string section. Then the tables:

    module    12 u32: URL string; path string (length 0: the URL without `file://`); kind; flags (1: fingerprint
                      proven, 2: one byte, 4: CommonJS by its syntax alone); pack; offset in it; length; checksum;
                      first request; requests
    request    6 u32: specifier string; asked by (1: import, 2: require, 4: while running); target module; input set;
                      the fact of the directory of the target's file (0xffffffff: none)
    input set  2 u32: first member, members
    member     1 u32: input
    input      6 u32: kind; path string; detail string; fact (0xffffffff: none): a package.json has its own; an absent
                      path or any file has that of its directory, whose names are unchanged while the fact holds
    pack       3 u32: file name string; the fact of the pack when its sources were found to be sound (0xffffffff: none):
                      while it holds, sources are not checked again; otherwise the SHA-256 of each is compared
    fact       4 f64: size, mtime in ms, ctime in ms, inode (module i has fact i; package.json files, directories and
                      packs follow)
    hash       32 bytes: SHA-256 of the file, in the order of the facts; zeros for directories and packs
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from esmcache.file_source import Fingerprint
from esmcache.records import InputKind, ResolutionInput
from esmcache.serving.layout import (
    COUNTS_CALLS,
    HAS_CODE_CACHES,
    HEADER_SIZE,
    MANIFEST_MAGIC,
    MANIFEST_VERSION,
    MODULE_BY_SYNTAX,
    MODULE_ONE_BYTE,
    MODULE_PROVEN,
    NONE,
    ROWS,
    UNKNOWN_LAYOUT,
    WANTS_CALLED_FUNCTIONS,
    Header,
    InputNumber,
    ServedKind,
)
from esmcache.serving.manifest_tables import text_of_whole_manifest
from esmcache.serving.pack import PackedSource

HEADER_FORMAT = struct.Struct(f"<{HEADER_SIZE // 4}I")
MODULE_FORMAT = struct.Struct(f"<{ROWS[Header.MODULES]}I")
PACK_FORMAT = struct.Struct(f"<{ROWS[Header.PACKS]}I")
FACT_FORMAT = struct.Struct("<4d")
HASH_SIZE = 32
_INPUT_NUMBERS = {kind: InputNumber[kind.name] for kind in InputKind}


@dataclass(frozen=True, slots=True)
class FileFact:
    """The state of a file: fingerprint, SHA-256, and whether no later write could leave the same fingerprint."""

    fingerprint: Fingerprint
    sha256: bytes
    proven: bool


@dataclass(frozen=True, slots=True)
class ManifestRequest:
    """One request of a module: how it is made (`ASKED_…` flags) and the index of the module that it resolves to."""

    specifier: str
    asked: int
    target: int
    inputs: tuple[ResolutionInput, ...]


@dataclass(frozen=True, slots=True)
class ManifestModule:
    """One module; `source` is None if the source is not served, and `fact` is None if there is no file.

    `is_by_syntax` says that neither the extension nor a "type" decides the format, so an edit may change it.
    """

    url: str
    path: str
    kind: ServedKind
    fact: FileFact | None
    source: PackedSource | None
    requests: tuple[ManifestRequest, ...]
    is_by_syntax: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a manifest; `v8_tag` is None if there are no code caches.

    `domain` is the name of the trust domain (32 hexadecimal digits), whose directory has the code caches of the start.
    With `wants_called_functions` the next start reports which functions it called. `loaded_first` counts the modules
    that are loaded before any of them runs: the entry point and its static imports. With `counts_calls` the program may
    count its calls, so its code caches have only top levels.
    """

    identity: str
    modules: Sequence[ManifestModule]
    package_json_facts: dict[str, FileFact]
    directory_facts: dict[str, Fingerprint]
    pack_facts: dict[str, Fingerprint]
    v8_tag: int | None
    domain: str = "0" * 32
    wants_called_functions: bool = False
    loaded_first: int = 0
    has_known_layout: bool = True
    counts_calls: bool = False


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest file."""
    strings = _Strings()
    identity = strings.add(manifest.identity)
    facts: list[FileFact | None] = [module.fact for module in manifest.modules]
    packs: dict[str, int] = {}
    inputs = _Inputs(strings, manifest, facts)
    module_rows: list[int] = []
    request_rows: list[int] = []
    request_count = 0
    for module in manifest.modules:
        first_request = request_count
        for request in module.requests:
            input_set = inputs.add_set(request.inputs)
            target = manifest.modules[request.target]
            directory = inputs.directory_fact(target.path)
            request_rows += [*strings.add(request.specifier), request.asked, request.target, input_set, directory]
            request_count += 1
        source = module.source
        pack = NONE if source is None else packs.setdefault(source.pack, len(packs))
        flags = module_flags(module.fact, source) | MODULE_BY_SYNTAX * module.is_by_syntax
        path = strings.add("" if "file://" + module.path == module.url else module.path)
        place = (0, 0, 0) if source is None else (source.offset, source.length, source.checksum)
        module_rows += [*strings.add(module.url), *path, module.kind, flags, pack, *place]
        module_rows += [first_request, request_count - first_request]
    pack_rows = []
    for name in packs:
        seen = manifest.pack_facts.get(name)
        pack_rows += [*strings.add(name), NONE if seen is None else len(facts)]
        facts += [] if seen is None else [FileFact(seen, bytes(32), True)]
    text, text_flags = strings.encode()

    body = _Body()
    header = [MANIFEST_MAGIC, MANIFEST_VERSION, 0, 0]
    header += [len(manifest.modules), body.add_numbers(module_rows)]
    header += [request_count, body.add_numbers(request_rows)]
    header += [len(inputs.sets) // 2, body.add_numbers(inputs.sets)]
    header += [len(inputs.members), body.add_numbers(inputs.members)]
    header += [len(inputs.rows) // ROWS[Header.INPUTS], body.add_numbers(inputs.rows)]
    header += [len(packs), body.add_numbers(pack_rows)]
    header += [body.add(b"".join(map(fact_numbers, facts)))]
    header += [body.add(b"".join(bytes(32) if fact is None else fact.sha256 for fact in facts))]
    header += [body.add(text), len(text), text_flags, *identity]
    header += [manifest.v8_tag or 0, _flags(manifest), manifest.loaded_first]
    header += struct.unpack(">4I", bytes.fromhex(manifest.domain))
    header += [0] * (HEADER_SIZE // 4 - len(header))
    content = body.bytes()
    header[Header.SIZE] = HEADER_SIZE + len(content)
    packed = HEADER_FORMAT.pack(*header)
    header[Header.CHECKSUM] = crc32(packed[16:] + content)
    return HEADER_FORMAT.pack(*header) + content


def _flags(manifest: Manifest) -> int:
    if manifest.v8_tag is None:
        return UNKNOWN_LAYOUT * (not manifest.has_known_layout)
    wants_called_functions = WANTS_CALLED_FUNCTIONS * manifest.wants_called_functions
    return HAS_CODE_CACHES | wants_called_functions | COUNTS_CALLS * manifest.counts_calls


def check_manifest(data: bytes) -> str | None:
    """Return the identity of an undamaged manifest of this version whose numbers lie inside its tables, else None."""
    if len(data) < HEADER_SIZE:
        return None
    header = HEADER_FORMAT.unpack_from(data)
    if header[:3] != (MANIFEST_MAGIC, MANIFEST_VERSION, len(data)) or crc32(data[16:]) != header[Header.CHECKSUM]:
        return None
    text = text_of_whole_manifest(data, header)
    return None if text is None else _slice(text, header[Header.IDENTITY], header[Header.IDENTITY + 1])


def may_count_calls(data: bytes) -> bool:
    """Return whether an undamaged manifest says that the program may count its calls."""
    return bool(HEADER_FORMAT.unpack_from(data)[Header.FLAGS] & COUNTS_CALLS)


def manifest_packs(data: bytes) -> tuple[str, ...]:
    """Return the names of the packs that an undamaged manifest points into."""
    header = HEADER_FORMAT.unpack_from(data)
    rows = PACK_FORMAT.iter_unpack(part_of(data, header[Header.PACKS + 1], header[Header.PACKS] * PACK_FORMAT.size))
    text = part_of(data, header[Header.STRINGS], header[Header.STRINGS_SIZE]).decode("utf-8", "surrogatepass")
    return tuple(_slice(text, offset, length) for offset, length, _ in rows)


def part_of(data: bytes, offset: int, size: int) -> bytes:
    """Return `size` bytes from `offset` on."""
    return data[offset : offset + size]


def _slice(text: str, offset: int, length: int) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass")


def module_flags(fact: FileFact | None, source: PackedSource | None) -> int:
    """Return the flags of a module's row that depend on its file."""
    flags = MODULE_PROVEN if fact is not None and fact.proven else 0
    return flags | MODULE_ONE_BYTE if source is not None and source.one_byte else flags


def fact_numbers(fact: FileFact | None) -> bytes:
    """Return the row of a fact."""
    if fact is None:
        return FACT_FORMAT.pack(-1, 0, 0, 0)
    seen = fact.fingerprint
    # An unproven fingerprint is written as one that no file can have, so that the hash decides.
    size = float(seen.size) if fact.proven else -1.0
    return FACT_FORMAT.pack(size, seen.mtime_ms, seen.ctime_ms, float(seen.inode))


class _Strings:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._units = 0

    def add(self, text: str) -> tuple[int, int]:
        place = self._places.get(text)
        if place is None:
            length = len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
            place = self._places[text] = (self._units, length)
            self._parts.append(text)
            self._units += length
        return place

    def encode(self) -> tuple[bytes, int]:
        text = "".join(self._parts)
        return text.encode("utf-8", "surrogatepass"), int(text.isascii())


class _Inputs:
    def __init__(self, strings: _Strings, manifest: Manifest, facts: list[FileFact | None]) -> None:
        self.rows: list[int] = []
        self.sets: list[int] = []
        self.members: list[int] = []
        self._strings = strings
        self._manifest = manifest
        self._facts = facts
        self._known: dict[ResolutionInput, int] = {}
        self._known_sets: dict[tuple[int, ...], int] = {}
        self._by_identity: dict[int, int] = {}
        self._directories: dict[str, int] = {}

    def add_set(self, inputs: tuple[ResolutionInput, ...]) -> int:
        """Return the number of a set; each tuple object is processed only once."""
        number = self._by_identity.get(id(inputs))
        if number is None:
            key = tuple(sorted({self._add(one) for one in inputs}))
            number = self._known_sets.get(key)
            if number is None:
                number = self._known_sets[key] = len(self._known_sets)
                self.sets += [len(self.members), len(key)]
                self.members += key
            self._by_identity[id(inputs)] = number
        return number

    def _add(self, one: ResolutionInput) -> int:
        number = self._known.get(one)
        if number is None:
            number = self._known[one] = len(self._known)
            fact = NONE
            if one.kind is InputKind.PACKAGE_JSON:
                fact = len(self._facts)
                # A package.json that was removed after it was read has no fact, so its set never holds.
                self._facts.append(self._manifest.package_json_facts.get(one.path))
            elif one.kind in (InputKind.ABSENT, InputKind.FILE):
                fact = self.directory_fact(one.path)
            detail = self._strings.add(one.detail if one.kind is InputKind.SYMLINK else "")
            path = self._strings.add(one.path)
            self.rows += [_INPUT_NUMBERS[one.kind], *path, *detail, fact]
        return number

    def directory_fact(self, path: str) -> int:
        """Return the number of the fact of the directory that holds `path`, or NONE if it has no fact."""
        directory = path.rpartition("/")[0]
        number = self._directories.get(directory)
        if number is None:
            seen = self._manifest.directory_facts.get(directory)
            number = NONE if seen is None else len(self._facts)
            if seen is not None:
                self._facts.append(FileFact(seen, bytes(32), True))
            self._directories[directory] = number
        return number


class _Body:
    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = HEADER_SIZE

    def add(self, content: bytes) -> int:
        offset = self._size
        self._parts += [content, bytes(-len(content) % 8)]
        self._size += len(content) + -len(content) % 8
        return offset

    def add_numbers(self, numbers: Sequence[int]) -> int:
        return self.add(struct.pack(f"<{len(numbers)}I", *numbers))

    def bytes(self) -> bytes:
        return b"".join(self._parts)
