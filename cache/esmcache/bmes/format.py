"""BMES, the Bun Module ESM Serialization, version 1: grammar, constants and the values that a file holds.

All integers are u32, little-endian. A string is its length in bytes, then UTF-8; an absent string has length 0.

    file     = magic version requests imports exports stars bytecode [trailer]
    magic    = 0x424D4553                      on disk 53 45 4D 42, "SEMB"
    version  = 1
    requests = count { specifier attributes }
    attributes = 0                             none
               | 1 count { key value }         all of them; the first implementation wrote count 0
    imports  = count { type module_request import_name local_name }
                 type: 0 Single, 1 SingleTypeScript, 2 Namespace (import_name is then "*")
    exports  = count { type export_name module_name import_name local_name }
                 type: 0 Local      export_name, local_name ("*default*" for a value without a name)
                       1 Indirect   export_name, module_name, import_name
                       2 Namespace  export_name, module_name
    stars    = count { module_name }
    bytecode = size bytes

    trailer  = module_kind engine_tag source_sha256 checksum length closing_magic
    source_sha256 = 32 bytes
    checksum      = 32 bytes, SHA-256 of all bytes before it, from the file's first byte
    length        = size of the whole trailer, including this field and the closing magic
    closing_magic = 0x424D4554                 on disk 54 45 4D 42, "TEMB"

The trailer is an addition of esmcache: a reader of version 1 stops after the bytecode. The trailer can be found from
the end of the file: it directly follows the bytecode, and nothing follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from esmcache.records import ImportAttribute

MAGIC = 0x424D4553
VERSION = 1
CLOSING_MAGIC = 0x424D4554

U32_SIZE = 4
HASH_SIZE = 32
HEADER_SIZE = 2 * U32_SIZE
# The smallest trailer has an empty module kind and engine tag. Anything longer than the largest is not a trailer.
SMALLEST_TRAILER_SIZE = 2 * U32_SIZE + 2 * HASH_SIZE + 2 * U32_SIZE
LARGEST_TRAILER_SIZE = 4096
# No larger file is read or written; the data of a module is far smaller.
LARGEST_FILE_SIZE = 1 << 30

# The fewest bytes that one entry takes. A count is checked against the rest of the file before anything is allocated.
SMALLEST_REQUEST_SIZE = 2 * U32_SIZE
SMALLEST_ATTRIBUTE_SIZE = 2 * U32_SIZE
SMALLEST_IMPORT_SIZE = 4 * U32_SIZE
SMALLEST_EXPORT_SIZE = 5 * U32_SIZE
SMALLEST_STAR_SIZE = U32_SIZE

# The import name of `import * as ns`, which is a private symbol in JavaScriptCore. So is the local name of
# `export default 1`: it is written as "*default*", as in ECMA-262 and in our records.
STAR_NAMESPACE = "*"


class ImportType(IntEnum):
    """The type of an import entry. Golden files must decode forever: add values, never change one."""

    SINGLE = 0  # import {x} from 'a', import x from 'a'
    SINGLE_TYPESCRIPT = 1  # import {type T} from 'a': never from JavaScript
    NAMESPACE = 2  # import * as ns from 'a'


class ExportType(IntEnum):
    """The type of an export entry. Golden files must decode forever: add values, never change one."""

    LOCAL = 0  # export const x = 1
    INDIRECT = 1  # export {x} from 'a'
    NAMESPACE = 2  # export * as ns from 'a'


class ValidationLevel(IntEnum):
    """The level to which a file is valid; each level includes the ones below it."""

    NONE = 0  # not even a header
    HEADER = 1  # magic and version
    STRUCTURE = 2  # every length inside the file, every enum known, all text UTF-8; no trailer needed
    INTEGRITY = 3  # the trailer's checksum
    FRESHNESS = 4  # the trailer's source hash and engine tag


@dataclass(frozen=True, slots=True)
class BmesRequest:
    """`'a' with {type: 'json'}` in `import x from 'a' with {type: 'json'}`."""

    specifier: str
    attributes: tuple[ImportAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class BmesImport:
    """`x as y` in `import {x as y} from 'a'`."""

    type: ImportType
    module_request: str
    import_name: str
    local_name: str


@dataclass(frozen=True, slots=True)
class BmesExport:
    """`x as y` in `export {x as y} from 'a'`; fields that its type does not have are empty."""

    type: ExportType
    export_name: str
    module_name: str
    import_name: str
    local_name: str


@dataclass(frozen=True, slots=True)
class BmesTrailer:
    """The origin of a file: module kind and engine of the bytecode, SHA-256 of the source text."""

    module_kind: str
    engine_tag: str
    source_sha256: bytes


@dataclass(frozen=True, slots=True)
class BmesFile:
    """The complete content of a file."""

    requests: tuple[BmesRequest, ...] = ()
    imports: tuple[BmesImport, ...] = ()
    exports: tuple[BmesExport, ...] = ()
    stars: tuple[str, ...] = ()
    bytecode: bytes = b""
    trailer: BmesTrailer | None = None
