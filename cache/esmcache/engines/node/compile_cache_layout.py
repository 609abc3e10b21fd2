"""Node's own compile-cache directory: its names and entries.

This module must not know how code caches are made. Node calls this layout an implementation detail, so layout_probe.py
must confirm it before anything is written. It was the same in 22.15, 22.18, 22.23, 24.19 and 26.10:

    <directory>/<version>-<arch>-<V8 tag as 8 hex digits>-<effective user id>/<CRC32 of the key as 8 hex digits>
    key    type byte (0 CommonJS, 1 ES module), then the path (CommonJS) or the URL (ES module), both as UTF-8
    entry  magic 0x8adfdbb2, source size, code cache size, source CRC32, code cache CRC32 (u32 LE), the code cache

The code cache of TypeScript is that of its text without types, at whose end a comment names the file. Node 24 and 26
keep this text in the same way: the type byte is 2, the source is the text with types, and the stripped text takes the
place of the code cache. Node 22 keeps no such text. The comment and the key depend on the loader that strips the types:

    loader        Node 24 and 26: the comment names the URL                  Node 22: the comment names
    ES modules    key: the URL; CommonJS is stripped again, key: the path    the URL
    CommonJS      key: the path                                              the path

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

import struct
import zlib
from dataclasses import dataclass
from hashlib import sha256

from esmcache.file_source import path_from_file_url
from esmcache.records import ModuleFormat, NodeBuild, Stripping

_MAGIC = 0x8ADFDBB2
_HEADER = struct.Struct("<5I")
_LARGEST = 0xFFFFFFFF
_TYPE_BYTES = {ModuleFormat.COMMONJS: b"\x00", ModuleFormat.MODULE: b"\x01"}
_STRIPPED_TYPE_BYTE = b"\x02"
# The part of the SHA-256 of a URL or path that is in the kinds of code caches that depend on it.
_NAME_DIGITS = 32
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Ends the kinds of code caches that are made without the functions that earlier starts called.
_TOP_LEVEL_ONLY = "-top-level"


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


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """An entry that Node looks for when it loads a module: its file's name, and the kind under which it is stored.

    The stripped text of TypeScript names the URL or the path, so its kinds depend on these.
    """

    name: str
    kind: str


def stripping(
    module_format: ModuleFormat | None, url: str, path: str, *, is_imported: bool, keeps_stripped: bool
) -> Stripping:
    """Return how Node strips the types of TypeScript, which is CommonJS if its format is not known yet.

    Args:
        module_format: The format of the module.
        url: The URL of the module.
        path: The path of the file.
        is_imported: Whether the loader of ES modules strips the types, and not that of CommonJS.
        keeps_stripped: Whether this Node keeps stripped texts.
    """
    if not keeps_stripped:
        return Stripping(1, url if is_imported else path)
    return Stripping(2 if is_imported and module_format is not ModuleFormat.MODULE_TYPESCRIPT else 1, url)


def module_entries(
    module_format: ModuleFormat,
    url: str,
    path: str,
    *,
    is_imported: bool,
    keeps_stripped: bool,
    top_level_only: bool = False,
) -> tuple[NodeEntry, ...]:
    """Return the entries of a module: that of its code cache, then those of its stripped texts.

    Args:
        module_format: A format of JavaScript or TypeScript.
        url: The URL of the module.
        path: The path of the file.
        is_imported: Whether the loader of ES modules strips the types, and not that of CommonJS.
        keeps_stripped: Whether this Node keeps stripped texts.
        top_level_only: Whether the code cache has no functions besides the top level.
    """
    suffix = _TOP_LEVEL_ONLY if top_level_only else ""
    plain = module_format.without_types
    code_cache = entry_name(plain, url if plain is ModuleFormat.MODULE else path)
    if not module_format.is_typescript:
        return (NodeEntry(code_cache, module_format.value + suffix),)
    how = stripping(module_format, url, path, is_imported=is_imported, keeps_stripped=keeps_stripped)
    keys = [url if is_imported else path, path][: how.times if keeps_stripped else 0]
    return (
        NodeEntry(code_cache, _code_cache_kind(module_format.value, how) + suffix),
        *(
            NodeEntry(_stripped_name(key), f"stripped-{time}-{_digest(how.source_url)}")
            for time, key in enumerate(keys, 1)
        ),
    )


def is_top_level_only(kind: str) -> bool:
    """Return whether code caches that are stored under a kind have no functions besides the top level."""
    return kind.endswith(_TOP_LEVEL_ONLY)


def stored_kinds(module_kind: str, url: str) -> tuple[str, ...]:
    """Return the kinds under which the code cache of a module may be stored, by its format.

    TypeScript has several. An ES module that is imported has the first one.
    """
    if not module_kind.endswith("-typescript"):
        return (module_kind,)
    ways = (Stripping(1, url), Stripping(2, url), Stripping(1, path_from_file_url(url) or url))
    return tuple(_code_cache_kind(module_kind, how) for how in ways)


def _code_cache_kind(module_kind: str, how: Stripping) -> str:
    return f"{module_kind}-{how.times}-{_digest(how.source_url)}"


def _digest(url_or_path: str) -> str:
    return sha256(url_or_path.encode("utf-8", "surrogatepass")).hexdigest()[:_NAME_DIGITS]


def _stripped_name(url_or_path: str) -> str:
    return f"{zlib.crc32(_STRIPPED_TYPE_BYTE + url_or_path.encode()):08x}"


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
    return directory_name_of(build.version, build.arch, build.v8_tag if v8_tag is None else v8_tag, uid)


def directory_name_of(version: str, arch: str, v8_tag: int, uid: int) -> str:
    """Return the name of a compile-cache directory by the facts that it consists of."""
    return f"{version}-{arch}-{v8_tag:08x}-{uid}"
