"""No content of a program or a disk makes the resolver raise."""

from __future__ import annotations

import json
import random

import pytest

from conftest import EVERYTHING
from esmcache.file_source import DiskFileSource
from esmcache.records import Resolution, ResolutionFailure
from esmcache.resolution import Resolver
from unit.resolution.memory_files import MemoryFiles

_PIECES = [
    "./", "../", "/", "//", ".", "..", "a", "x", "node_modules", "@", "@s/", "#", "#i", "?", "*", "%",
    "%2e", "%2F", "%ff", "\0", "\\", ":", "file:", "file://", "node:", "data:", "text/javascript,",
    "https://", "\ud800", "\udcff", "\udc00", "😀", "é", " ", "\t", "\n", "|", "^", "~", "[", "]", "{",
    "\x7f", "\u2028", "y" * 300, "z/" * 3000, "package.json", ".js", "localhost", "C:", "0", "-",
]  # fmt: skip


def _text(chance: random.Random) -> str:
    return "".join(chance.choice(_PIECES) for _ in range(chance.randrange(6)))


def check_answers(resolver: Resolver, specifier: str, referrer: str) -> None:
    for answer in (
        resolver.resolve_import(specifier, "file:///p/" + referrer),
        resolver.resolve_import(specifier, referrer),
        resolver.resolve_require(specifier, "/p/" + referrer),
        resolver.resolve_require(specifier, referrer),
        resolver.resolve_entry("/p/" + specifier),
    ):
        assert isinstance(answer, Resolution | ResolutionFailure)
        if isinstance(answer, ResolutionFailure):
            assert answer.code and answer.message


@pytest.mark.parametrize("version", [(22, 15, 0), (24, 19, 0), (26, 10, 0)])
def test_odd_texts(version: tuple[int, int, int]) -> None:
    chance = random.Random(str(version))
    files = MemoryFiles()
    for path in ("/p/x.js", "/p/a", "/p/node_modules/a/x.js", "/p/node_modules/@s/x/a.js"):
        files.write(path, b"")
    files.write("/p/package.json", b'{"imports":{"#i*":"./*","#x":"*"},"exports":{"./*":"./*"},"name":"x"}')
    files.write("/p/node_modules/a/package.json", b'{"exports":{"./*":"./*","./x*":["*", "./%ff*"]}}')
    for source in (files, DiskFileSource()):
        resolver = Resolver(source, (), version)
        for _ in range(250 if EVERYTHING else 80):
            check_answers(resolver, _text(chance), _text(chance))


def test_odd_package_json() -> None:
    chance = random.Random(5)
    fields = ["name", "main", "type", "exports", "imports", "scripts", "x"]
    tokens = [
        '"',
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "1",
        "nul",
        "null",
        "true",
        " ",
        "\\",
        '"./a.js"',
        '"\\ud800"',
        '"."',
        '"#i"',
        "\x01",
        "é",
    ]
    tokens += [f'"{field}":' for field in fields]
    for _ in range(1000):
        files = MemoryFiles()
        text = "{" + "".join(chance.choice(tokens) for _ in range(chance.randrange(12))) + "}"
        files.write("/p/node_modules/a/package.json", text.encode())
        files.write("/p/package.json", text.encode()[:: chance.choice((1, 1, -1))])
        files.write("/p/node_modules/a/a.js", b"")
        resolver = Resolver(files, (), chance.choice([(22, 15, 0), (24, 19, 0), (26, 10, 0)]))
        for specifier in ("a", "a/a.js", "#i"):
            check_answers(resolver, specifier, "m.js")


def test_deep_and_large_package_json() -> None:
    deep: dict[str, object] = {}
    inner = deep
    for _ in range(250 if EVERYTHING else 80):
        inner["node"] = {}
        inner = inner["node"]  # type: ignore[assignment]
    contents = [
        json.dumps({"exports": deep}),
        '{"exports":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"exports":' + '{"node":' * 100_000 + "1" + "}" * 100_000 + "}",
        '{"x":' + "[" * 100_000 + "]" * 100_000 + ',"main":"a.js"}',
        '{"exports":' + "1" * 100_000 + ',"main":"a.js"}',
        '{"exports":{".":' + "1" * 100_000 + "}}",
        '{"main":"' + "a" * 100_000 + '"}',
        '{"x":"' + "a" * 17_000_000 + '"}',
    ]
    for content in contents:
        files = MemoryFiles()
        files.write("/p/node_modules/a/package.json", content.encode())
        files.write("/p/node_modules/a/a.js", b"")
        check_answers(Resolver(files), "a", "m.js")
