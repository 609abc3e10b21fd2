"""A manifest with changed numbers and a correct checksum changes no program."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from conftest import EVERYTHING
from esmcache.serving.manifest import check_manifest
from program import Program
from served_program import FILES, MODULES

# Each start takes a while, so `make test` starts a sample.
_LEAST_FORGED = 2000
_STARTED = 50
_WATCHDOG_S = 30
_NONE = 0xFFFFFFFF
_VALUES = (0, 1, 0x7FFFFFFF, _NONE)
# A source and a path that are not ASCII, since those are stored differently.
_PROGRAM = {
    **FILES,
    "lib/late.js": "import './日本.js';\nexport default 'late';\n",
    "lib/日本.js": "console.log('日本');\n",
}


@dataclass(frozen=True)
class _Table:
    """The places of a table's count and offset in the header, and the fields of a row, each a u32."""

    count_at: int
    offset_at: int
    fields: tuple[str, ...]


_TABLES = {
    "module": _Table(
        4,
        5,
        (
            *("url start", "url length", "path start", "path length", "kind", "flags"),
            *("pack", "pack offset", "source length", "checksum", "first request", "requests"),
        ),
    ),
    "request": _Table(6, 7, ("specifier start", "specifier length", "asked", "target", "set", "directory")),
    "set": _Table(8, 9, ("first member", "members")),
    "member": _Table(10, 11, ("input",)),
    "input": _Table(12, 13, ("kind", "path start", "path length", "detail start", "detail length", "fact")),
    "pack": _Table(14, 15, ("name start", "name length", "fact")),
}


_LAST_KIND = 3


@dataclass(frozen=True)
class _Word:
    """One word of a manifest: a field of a row of a table, or of the header."""

    table: str
    field: str
    at: int


@dataclass(frozen=True)
class _Forged:
    """A manifest with one changed word; `is_another` if all its references are still inside its tables.

    Such a manifest describes the program wrongly, and cannot be distinguished from a correct one.
    """

    word: _Word
    value: int
    is_another: bool

    def applied_to(self, content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into("<I", changed, self.word.at, self.value)
        struct.pack_into("<I", changed, 12, crc32(memoryview(changed)[16:]))
        return bytes(changed)


def test_forged_numbers_that_point_outside_do_not_change_the_program(program: Program) -> None:
    program.write(_PROGRAM)
    program.warm()
    native = program.plain()
    assert program.check_same()["served"] == MODULES + 1
    (manifest,) = (program.home.cache_dir / "manifests").glob("*.manifest")
    content = manifest.read_bytes()
    forged = _forgeries(content)
    assert len(forged) >= _LEAST_FORGED
    hook = program.hook()
    faults = []
    for one in forged if EVERYTHING else random.Random(_STARTED).sample(forged, _STARTED):
        manifest.write_bytes(one.applied_to(content))
        seen = _start(program, hook)
        # Another valid manifest must only not crash the start; its exit code does not matter.
        if seen[2] < 0 if one.is_another else seen != (native.stdout, native.stderr, 0):
            faults.append(f"{one}: {seen}")
    assert not faults, "\n".join(faults)


def test_verify_finds_forged_numbers_that_point_outside(program: Program) -> None:
    program.write(_PROGRAM)
    program.warm()
    (manifest,) = (program.home.cache_dir / "manifests").glob("*.manifest")
    content = manifest.read_bytes()
    assert check_manifest(content) is not None
    for one in _forgeries(content):
        changed = one.applied_to(content)
        if check_manifest(changed) is None:
            assert not one.is_another, one
        else:
            assert one.is_another or _is_compared_with_files(one.word), one
    target = next(word for word in _words(content) if word.field == "target")
    manifest.write_bytes(_Forged(target, _NONE, is_another=False).applied_to(content))
    with program.cache() as cache:
        assert [finding.kind for finding in cache.verify()] == ["manifest"]
        cache.verify(repair=True)
    program.warm()
    assert manifest.read_bytes() == content


def _start(program: Program, hook: Path) -> tuple[str, str, int]:
    result = subprocess.run(
        [program.node, "--require", hook, program.entry],
        cwd=program.root,
        env=program.home.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=_WATCHDOG_S,
        check=False,
    )
    return result.stdout, result.stderr, result.returncode


def _words(content: bytes) -> Iterator[_Word]:
    """Yield each word of the header and the tables, and of one fact."""
    header = struct.unpack_from("<32I", content)
    yield from (_Word("header", str(number), 4 * number) for number in range(4, 32))
    for table, where in _TABLES.items():
        for row in range(header[where.count_at]):
            for number, field in enumerate(where.fields):
                yield _Word(table, field, header[where.offset_at] + 4 * (row * len(where.fields) + number))
    yield from (_Word("fact", str(number), header[16] + 4 * number) for number in range(8))


def _forgeries(content: bytes) -> list[_Forged]:
    chosen = random.Random(1)
    header = struct.unpack_from("<32I", content)
    counts = [header[where.count_at] for where in _TABLES.values()]
    made = []
    for word in _words(content):
        (was,) = struct.unpack_from("<I", content, word.at)
        count = chosen.choice(counts)
        values = sorted({*_VALUES, count, count + 1, was + 1, chosen.randrange(_NONE)} - {was})
        made += [_Forged(word, value, _is_another(content, header, word, value)) for value in values if value <= _NONE]
    return made


def _is_another(content: bytes, header: tuple[int, ...], word: _Word, value: int) -> bool:
    """Return whether a manifest with this word is valid but different."""
    facts = (header[17] - header[16]) // 32
    match word.table, word.field:
        case "module", "kind":
            return value <= _LAST_KIND
        case "request", "target":
            return value < header[4]
        case "request", "set":
            return value < header[8]
        case "member", "input":
            return value < header[12]
        case "module", "pack":
            return value < header[14] or value == _NONE
        case ("request", "directory") | ("input" | "pack", "fact"):
            return value < facts or value == _NONE
        case "set", "first member":
            return value + _number(content, word.at + 4) <= header[10]
        case "set", "members":
            return value + _number(content, word.at - 4) <= header[10]
        case _, field if field.endswith(" start"):
            return value + _number(content, word.at + 4) <= _units(content, header)
        case _, field if field.endswith(" length") and field != "source length":
            return value + _number(content, word.at - 4) <= _units(content, header)
    return False


def _is_compared_with_files(word: _Word) -> bool:
    """Return whether a wrong number can only be found by comparison with the program's files or the packs."""
    whole = {"flags", "pack offset", "source length", "checksum", "asked", "kind"}
    return word.table == "fact" or word.field in whole or (word.table == "header" and int(word.field) >= 19)


def _number(content: bytes, at: int) -> int:
    (number,) = struct.unpack_from("<I", content, at)
    return int(number)


def _units(content: bytes, header: tuple[int, ...]) -> int:
    text = content[header[18] : header[18] + header[19]].decode()
    return len(text.encode("utf-16-le")) // 2
