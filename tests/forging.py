"""Texts with a chosen CRC-32, which make one file look like another in Node's compile cache."""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

from esmcache.engines.node.compile_cache_layout import entry_name, module_entries
from esmcache.records import ModuleFormat
from program import Program

# Two letters that differ in one bit. The texts use more of them than the sum has bits, so that a solution exists.
_LETTERS = b"ac"
_NAME_LETTERS = 48
_TEXT_LETTERS = 64
_TYPES = re.compile(rb"(?::| as) string")


def forged(before: bytes, letters: int, after: bytes, wanted: int) -> bytes:
    """Return `before`, that many letters, and `after`, with letters that make the CRC-32 of the whole `wanted`."""

    def text(chosen: int) -> bytes:
        return before + bytes(_LETTERS[chosen >> at & 1] for at in range(letters)) + after

    nothing = crc32(text(0))
    # CRC-32 is linear: the change that one letter causes does not depend on the other letters.
    rows: dict[int, tuple[int, int]] = {}
    for at in range(letters):
        change, choice = crc32(text(1 << at)) ^ nothing, 1 << at
        while change:
            bit = change.bit_length()
            if bit not in rows:
                rows[bit] = change, choice
                break
            change, choice = change ^ rows[bit][0], choice ^ rows[bit][1]
    rest, chosen = nothing ^ wanted, 0
    while rest:
        change, choice = rows[rest.bit_length()]
        rest, chosen = rest ^ change, chosen ^ choice
    answer = text(chosen)
    assert crc32(answer) == wanted
    return answer


def forge_commonjs(directory: Path, victim: Path, code: bytes) -> Path:
    """Write a CommonJS file into `directory` that Node's compile cache takes for `victim`, and return its path.

    The file has the victim's size and sum, its path has the sum of the victim's path, and it runs `code`.
    """
    name_sum = int(entry_name(ModuleFormat.COMMONJS, str(victim)), 16)
    path = forged(b"\0" + f"{directory}/".encode(), _NAME_LETTERS, b".cjs", name_sum)[1:].decode()
    _write_forgery(Path(path), victim.read_bytes(), code)
    assert entry_name(ModuleFormat.COMMONJS, path) == entry_name(ModuleFormat.COMMONJS, str(victim))
    return Path(path)


def forge_typescript(directory: Path, victim: Path, code: bytes, *, keeps_stripped: bool) -> Path:
    """Write a TypeScript file for whose text without types, or its code cache, Node takes that of `victim`.

    Args:
        directory: The directory of the new file.
        victim: An ES module. All types in it and in `code` are strings.
        code: The text that the new file runs.
        keeps_stripped: Whether Node keeps texts without types. If it does, the file has the size and the sum of
            `victim`, and otherwise its text without types has those of the victim's.
    """
    name = typescript_entry(victim, keeps_stripped=keeps_stripped)
    before = (b"\2" if keeps_stripped else b"\1") + f"{directory.as_uri()}/".encode()
    url = forged(before, _NAME_LETTERS, b".ts", int(name, 16))[1:].decode()
    path = directory / url.rpartition("/")[2]
    original = victim.read_bytes()
    if keeps_stripped:
        _write_forgery(path, original, code)
    else:
        original = _without_types(original) + _name_comment(victim)
        _write_forgery(path, original, code, _without_types(code), _name_comment(path))
    assert typescript_entry(path, keeps_stripped=keeps_stripped) == name
    return path


def typescript_entry(path: Path, *, keeps_stripped: bool) -> str:
    """Return the name of the text without types of an ES module, or of its code cache if Node keeps no such text."""
    url, kind = path.as_uri(), ModuleFormat.MODULE_TYPESCRIPT
    return module_entries(kind, url, str(path), is_imported=True, keeps_stripped=keeps_stripped)[-1].name


def _without_types(text: bytes) -> bytes:
    return _TYPES.sub(lambda found: b" " * len(found[0]), text)


def _name_comment(path: Path) -> bytes:
    """Return what Node writes below a text without types."""
    return f"\n\n//# sourceURL={path.as_uri()}".encode()


def tool_with_configuration(directory: Path, like: Program) -> Program:
    """Return a tool that is installed in `directory`, and that loads and prints the file that its argument names."""
    tool = Program(directory / "node_modules" / "tool", like.node, like.home, entry="cli.mjs")
    tool.write(
        {
            "package.json": '{"name": "tool", "version": "1.0.0", "bin": "./cli.mjs"}',
            "cli.mjs": "import { pathToFileURL } from 'node:url';\n"
            "const { default: config } = await import(pathToFileURL(process.argv[2]).href);\nconsole.log(config);\n",
        }
    )
    return tool


def _write_forgery(
    path: Path, original: bytes, code: bytes, code_without_types: bytes = b"", comment: bytes = b""
) -> None:
    """Write a file of which Node makes a text with the size and the sum of `original`; it runs `code`.

    Args:
        path: The path of the file.
        original: The text that Node makes of another file.
        code: The beginning of the file.
        code_without_types: What Node makes of the beginning, if it strips types.
        comment: What Node adds at the end.
    """
    head, tail = (code_without_types or code) + b" // ", b"\n" + comment
    filling = len(original) - len(head) - len(tail) - _TEXT_LETTERS
    assert filling >= 0, "the victim is too short"
    forgery = forged(head + b"x" * filling, _TEXT_LETTERS, tail, crc32(original))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(code + forgery[len(code) : len(forgery) - len(comment)])
