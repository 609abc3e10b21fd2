"""The numbers of the layout of manifests and packs: for Python, and as constants for the preload.

manifest.py and pack.py describe the layout. Files of runtime/ repeat the constants that RUNTIME_CONSTANTS lists for
them, since reading another file would delay every start. A test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum

MANIFEST_MAGIC = 0x4D4D5345  # "ESMM"
MANIFEST_VERSION = 8
HEADER_SIZE = 128
# An index, or the number of a fact, that stands for no row.
NONE = 0xFFFFFFFF

PACK_MAGIC = 0x504D5345  # "ESMP"
PACK_VERSION = 2
ENTRY_MAGIC = 0x534D5345  # "ESMS"
ENTRY_HEADER_SIZE = 48
ENTRY_ONE_BYTE = 1

ASKED_BY_IMPORT = 1
ASKED_BY_REQUIRE = 2
ASKED_WHILE_RUNNING = 4

HAS_CODE_CACHES = 1
WANTS_CALLED_FUNCTIONS = 2
UNKNOWN_LAYOUT = 4
COUNTS_CALLS = 8

MODULE_PROVEN = 1
MODULE_ONE_BYTE = 2
MODULE_BY_SYNTAX = 4

FACT_SIZE = 32


class Header(IntEnum):
    """The words of a manifest's header. The offset of a table follows its count, a length its offset."""

    MAGIC = 0
    VERSION = 1
    SIZE = 2
    CHECKSUM = 3
    MODULES = 4
    REQUESTS = 6
    SETS = 8
    MEMBERS = 10
    INPUTS = 12
    PACKS = 14
    FACTS = 16
    HASHES = 17
    STRINGS = 18
    STRINGS_SIZE = 19
    STRINGS_FLAGS = 20
    IDENTITY = 21
    V8_TAG = 23
    FLAGS = 24
    LOADED_FIRST = 25
    DOMAIN = 26


class Module(IntEnum):
    """The fields of a module's row. The length of a string follows its offset."""

    URL = 0
    PATH = 2
    KIND = 4
    FLAGS = 5
    PACK = 6
    OFFSET = 7
    LENGTH = 8
    CHECKSUM = 9
    FIRST_REQUEST = 10
    REQUESTS = 11


class Request(IntEnum):
    """The fields of a request's row."""

    SPECIFIER = 0
    ASKED_BY = 2
    TARGET = 3
    SET = 4
    DIRECTORY = 5


class Input(IntEnum):
    """The fields of an input's row."""

    KIND = 0
    PATH = 1
    DETAIL = 3
    FACT = 5


class Pack(IntEnum):
    """The fields of a pack's row."""

    NAME = 0
    FACT = 2


class ServedKind(IntEnum):
    """The parts of a module that the runner serves."""

    NATIVE = 0  # nothing: Node resolves and loads it
    MODULE = 1  # resolution and source
    JSON = 2  # resolution and source
    COMMONJS = 3  # resolution and, if it is UTF-8, source
    MODULE_TYPESCRIPT = 4  # resolution and source, from which Node strips the types
    COMMONJS_TYPESCRIPT = 5  # resolution and source, from which Node strips the types


class InputNumber(IntEnum):
    """The kinds of inputs, as numbers in a manifest."""

    ABSENT = 0
    DIRECTORY = 1
    FILE = 2
    SYMLINK = 3
    PACKAGE_JSON = 4


# The count of numbers in a row of each table; the header has the table's place.
ROWS: Mapping[Header, int] = {
    Header.MODULES: 12,
    Header.REQUESTS: 6,
    Header.SETS: 2,
    Header.MEMBERS: 1,
    Header.INPUTS: 6,
    Header.PACKS: 3,
}

_MODULE_FIELDS = {"MODULE_FIELDS": ROWS[Header.MODULES]}
_REQUEST_FIELDS = {"REQUEST_FIELDS": ROWS[Header.REQUESTS]}
_INPUT_FIELDS = {"INPUT_FIELDS": ROWS[Header.INPUTS]}


def _named(prefix: str, members: Sequence[IntEnum]) -> Iterator[tuple[str, int]]:
    return ((f"{prefix}_{member.name}", member.value) for member in members)


# Words of the header that only quarantine.cjs reads, or no start.
_READ_ELSEWHERE = (Header.V8_TAG, Header.DOMAIN, Header.STRINGS_FLAGS)

# For each file of runtime/, the names and values of its constants, in the order in which the file declares them.
RUNTIME_CONSTANTS: Mapping[str, Mapping[str, int]] = {
    "quarantine.cjs": {
        **dict(_named("HEADER", (Header.V8_TAG, Header.FLAGS, Header.DOMAIN))),
        "HAS_CODE_CACHES": HAS_CODE_CACHES,
        "UNKNOWN_LAYOUT": UNKNOWN_LAYOUT,
        "COUNTS_CALLS": COUNTS_CALLS,
    },
    "serving.cjs": {
        "MAGIC": MANIFEST_MAGIC,
        "VERSION": MANIFEST_VERSION,
        "HEADER_SIZE": HEADER_SIZE,
        **dict(_named("HEADER", [one for one in Header if one > Header.CHECKSUM and one not in _READ_ELSEWHERE])),
        **_MODULE_FIELDS,
        **dict(_named("MODULE", (Module.URL, Module.PATH, Module.KIND, Module.FIRST_REQUEST, Module.REQUESTS))),
        **_REQUEST_FIELDS,
        **dict(_named("REQUEST", (Request.SPECIFIER, Request.ASKED_BY))),
        "SET_FIELDS": ROWS[Header.SETS],
        **_INPUT_FIELDS,
        **dict(_named("INPUT", (Input.PATH, Input.DETAIL))),
        "PACK_FIELDS": ROWS[Header.PACKS],
        **dict(_named("PACK", [*Pack])),
        "WANTS_CALLED_FUNCTIONS": WANTS_CALLED_FUNCTIONS,
        "LAST_KIND": max(ServedKind),
    },
    "called.cjs": {
        **_MODULE_FIELDS,
        **dict(_named("MODULE", (Module.KIND,))),
        **dict(_named("KIND", (ServedKind.NATIVE, ServedKind.JSON))),
    },
    "hooks.cjs": {
        **_MODULE_FIELDS,
        **dict(_named("MODULE", (Module.KIND, Module.FLAGS, Module.PACK, Module.OFFSET, Module.LENGTH))),
        **_REQUEST_FIELDS,
        **dict(_named("REQUEST", (Request.ASKED_BY, Request.TARGET, Request.SET, Request.DIRECTORY))),
        **_INPUT_FIELDS,
        **dict(_named("INPUT", (Input.KIND, Input.FACT))),
        "NONE": NONE,
        "IMPORT": ASKED_BY_IMPORT,
        "REQUIRE": ASKED_BY_REQUIRE,
        "WHILE_RUNNING": ASKED_WHILE_RUNNING,
        "ONE_BYTE": MODULE_ONE_BYTE,
        "BY_SYNTAX": MODULE_BY_SYNTAX,
        **dict(_named("KIND", (ServedKind.NATIVE, ServedKind.JSON, ServedKind.COMMONJS))),
        "KIND_COMMONJS_TYPESCRIPT": ServedKind.COMMONJS_TYPESCRIPT,
        "ABSENT": InputNumber.ABSENT,
        "DIRECTORY": InputNumber.DIRECTORY,
        "FILE": InputNumber.FILE,
        "SYMLINK": InputNumber.SYMLINK,
        "ENTRY_HEADER": ENTRY_HEADER_SIZE,
        "ENTRY_ONE_BYTE": ENTRY_ONE_BYTE,
    },
}


def runtime_constants(file_name: str) -> str:
    """Return the declarations of the constants that a file of runtime/ repeats."""
    return "".join(f"const {name} = {_literal(value)};\n" for name, value in RUNTIME_CONSTANTS[file_name].items())


def _literal(value: int) -> str:
    return hex(value) if value > 0xFFFF else str(int(value))
