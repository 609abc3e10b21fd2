"""Node's own compile-cache directory: its names and entries, and a probe that checks them against a Node executable.

This module must not know how code caches are made. Node calls this layout an implementation detail, so `probe_layout`
must confirm it before anything is written. It was the same in 22.15, 24.19 and 26.10:

    <directory>/<version>-<arch>-<V8 tag as 8 hex digits>-<effective user id>/<CRC32 of the key as 8 hex digits>
    key    type byte (0 CommonJS, 1 ES module), then the path (CommonJS) or the URL (ES module), both as UTF-8
    entry  magic 0x8adfdbb2, source size, code cache size, source CRC32, code cache CRC32 (u32 LE), the code cache

The source is the text that was compiled, as UTF-8: see `compiled_text`. The V8 tag is
`v8.cachedDataVersionTag()` of the running process. It depends on V8's flags, and in Node 22 even on
--max-old-space-size.

Node reads an entry when it compiles the module. It compares magic, both sizes and both CRC32s, then V8
compares its own version, flags and the source's length. At exit (or `module.flushCompileCache()`) Node
writes, by a temporary file (`<name>.` and six more characters) and rename, every module whose entry was
absent, unreadable or rejected. It does not write accepted entries again. It deletes nothing and sets no times: only
the file system's atime shows that an entry was read. Node 26 writes nothing after `enableCompileCache({directory,
readOnly: true})`; 22.15 takes only a string. `enableCompileCache` never returns if `mkdir` of the directory fails with
ENOENT although its parent exists (/proc).
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from esmcache.file_source import file_url_from_path
from esmcache.records import ModuleFormat, NodeBuild

_MAGIC = 0x8ADFDBB2
_HEADER = struct.Struct("<5I")
_LARGEST = 0xFFFFFFFF
_TYPE_BYTES = {ModuleFormat.COMMONJS: b"\x00", ModuleFormat.MODULE: b"\x01"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PROBE_SECONDS = 30
_PROBE_FILES = {
    "module.mjs": (
        b"import './commonjs.cjs';\n"
        b"import v8 from 'node:v8';\n"
        b"const { version, arch } = process;\n"
        b"const facts = { version, arch, tag: v8.cachedDataVersionTag(), uid: process.geteuid() };\n"
        b"console.log(JSON.stringify(facts)); // \xc3\xa9\n"
    ),
    "commonjs.cjs": b"#!/usr/bin/env node\nexports.answer = () => 42; // \xf0\x9f\x98\x80\n",
}
# A dynamically linked executable may need these variables to start at all. None of them configures Node.
_KEPT_VARIABLES = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class CompileCacheEntry:
    """An entry whose magic, sizes and checksum are right; `matches` checks whether it fits a source text."""

    source_size: int
    source_crc32: int
    code_cache: bytes

    def matches(self, text: bytes) -> bool:
        """Return whether Node would accept the entry for this compiled text."""
        return self.source_size == len(text) and self.source_crc32 == zlib.crc32(text)


def compiled_text(kind: ModuleFormat, source: bytes) -> bytes:
    """Return, as UTF-8, the text that Node compiles when it loads a file with these bytes.

    Node removes the byte order mark of an ES module; malformed UTF-8 becomes U+FFFD. A CommonJS file keeps the mark
    when it is required, but loses it when it is imported (Node 24 and newer; 22 under hooks): its entry may miss.
    """
    if kind is ModuleFormat.MODULE:
        source = source.removeprefix(_BYTE_ORDER_MARK)
    if source.isascii():
        return source
    return source.decode("utf-8", "replace").encode("utf-8")


def entry_name(kind: ModuleFormat, url_or_path: str) -> str:
    """Return the file name of a module's entry.

    Args:
        url_or_path: The URL of an ES module, the plain path of a CommonJS module.
    """
    return f"{zlib.crc32(_TYPE_BYTES[kind] + url_or_path.encode('utf-8', 'surrogatepass')):08x}"


def encode_entry(source_text_utf8: bytes, code_cache: bytes) -> bytes:
    """Return the entry's bytes.

    Args:
        source_text_utf8: The result of `compiled_text`.

    Raises:
        ValueError: If the text or the code cache has 4 GiB or more.
    """
    if max(len(source_text_utf8), len(code_cache)) > _LARGEST:
        raise ValueError("a compile cache entry cannot say sizes of 4 GiB")
    header = _HEADER.pack(
        _MAGIC, len(source_text_utf8), len(code_cache), zlib.crc32(source_text_utf8), zlib.crc32(code_cache)
    )
    return header + code_cache


def decode_entry(data: bytes) -> CompileCacheEntry | None:
    """Return the entry, or None if Node would not read it: wrong magic, size or checksum."""
    if len(data) < _HEADER.size:
        return None
    magic, source_size, code_cache_size, source_crc32, code_cache_crc32 = _HEADER.unpack_from(data)
    code_cache = data[_HEADER.size :]
    if magic != _MAGIC or code_cache_size != len(code_cache) or code_cache_crc32 != zlib.crc32(code_cache):
        return None
    return CompileCacheEntry(source_size, source_crc32, code_cache)


def directory_name(build: NodeBuild, uid: int, v8_tag: int | None = None) -> str:
    """Return the name of the directory that this Node and user read.

    Args:
        v8_tag: The V8 tag under the flags that Node runs with, or None if it runs without V8 flags.
    """
    return _directory_name(build.version, build.arch, build.v8_tag if v8_tag is None else v8_tag, uid)


def probe_layout(executable: str) -> bool:
    """Return whether the Node at `executable` writes the same names and entries as this module.

    The probe runs two files of ours in a temporary directory with its own compile cache. Any error means False.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="esmcache-probe-") as created:
            return _probe(executable, Path(os.path.realpath(created)))
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return False


def _probe(executable: str, directory: Path) -> bool:
    for name, source in _PROBE_FILES.items():
        (directory / name).write_bytes(source)
    cache = directory / "cache"
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment["NODE_COMPILE_CACHE"] = str(cache)
    answer = subprocess.run(
        [executable, str(directory / "module.mjs")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        cwd=directory,
        timeout=_PROBE_SECONDS,
        check=True,
    )
    facts = json.loads(answer.stdout)
    expected_directory = _directory_name(facts["version"], facts["arch"], facts["tag"], facts["uid"])
    if os.listdir(cache) != [expected_directory]:
        return False
    module, commonjs = (str(directory / name) for name in _PROBE_FILES)
    expected = {
        entry_name(ModuleFormat.MODULE, file_url_from_path(module)): (ModuleFormat.MODULE, module),
        entry_name(ModuleFormat.COMMONJS, commonjs): (ModuleFormat.COMMONJS, commonjs),
    }
    entries = cache / expected_directory
    if set(os.listdir(entries)) != set(expected):
        return False
    return all(
        _is_as_expected(entries / name, compiled_text(kind, Path(path).read_bytes()))
        for name, (kind, path) in expected.items()
    )


def _is_as_expected(path: Path, text: bytes) -> bool:
    data = path.read_bytes()
    entry = decode_entry(data)
    return entry is not None and entry.matches(text) and encode_entry(text, entry.code_cache) == data


def _directory_name(version: str, arch: str, v8_tag: int, uid: int) -> str:
    return f"{version}-{arch}-{v8_tag:08x}-{uid}"
