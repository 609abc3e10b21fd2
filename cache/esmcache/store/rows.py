"""The types of the index's rows, as frozen values."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

# The reason of a miss that a later warm has taken in.
SETTLED = "warmed since"


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """A file as it was when it was last warmed; times are as in `file_source.Fingerprint`, `warmed_at` is in s."""

    url: str
    path: str
    kind: str
    size: int
    mtime_ms: float
    ctime_ms: float
    inode: int
    proven: int
    source_sha256: bytes
    package: str
    problem: str
    warmed_at: float


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """The analysis of a source text; `requests`, `bindings` and `diagnostics` are JSON of our own."""

    source_sha256: bytes
    kind: str
    version: int
    complete: int
    requests: str
    bindings: str
    diagnostics: str
    blob_key: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """An engine's verdict on a source text; line and column are one-based, 0 where they do not apply."""

    engine_tag: str
    kind: str
    source_sha256: bytes
    outcome: str
    detail: str
    line: int
    column: int
    requests: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request of a module and its answer: `resolved_url`, or `error_code` and `error_message`."""

    url: str
    ordinal: int
    specifier: str
    asked: int
    attributes: str
    resolved_url: str
    error_code: str
    error_message: str
    input_set: str


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An exported name of a source text; `module_name` is '' for a local export, `export_name` is '' for a star."""

    source_sha256: bytes
    ordinal: int
    export_name: str
    module_name: str
    import_name: str


@dataclass(frozen=True, slots=True)
class InputRow:
    """One file-system fact in a set of them."""

    input_set: str
    ordinal: int
    kind: str
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A package's directory, name and version ('' if its package.json does not say)."""

    root: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A stored BMES file: the SHA-256 of all its bytes, and the file's fingerprint when that was last compared.

    Times are as in `file_source.Fingerprint`, but `stored_at` is in s.
    """

    key: str
    content_sha256: bytes
    size: int
    stored_at: float
    mtime_ms: float
    ctime_ms: float
    inode: int


@dataclass(frozen=True, slots=True)
class CodeCacheRow:
    """A stored code cache: the SHA-256 of the whole file, and the file's fingerprint when that was compared.

    `functions` is the checksum of the called functions that it has besides the top level, 0 if there are none. The
    times are as in `file_source.Fingerprint`. A file with another fingerprint is hashed before it is used. Each hard
    link changes the ctime, so a file is hashed once more after it was linked.
    """

    engine_tag: str
    kind: str
    source_sha256: bytes
    content_sha256: bytes
    size: int
    stored_at: float
    functions: int
    mtime_ms: float
    ctime_ms: float
    inode: int


@dataclass(frozen=True, slots=True)
class CodeCacheLinkRow:
    """A module's claim to a name in a compile-cache directory (`<domain>/<node tag>-<user>`, below v8/).

    There is a file of that name only if a single module claims it.
    """

    directory: str
    name: str
    url: str
    kind: str
    source_sha256: bytes


@dataclass(frozen=True, slots=True)
class CalledFunctionsRow:
    """The offsets of the functions in a source text (UTF-16 code units) that runs called: u32 LE, ascending."""

    source_sha256: bytes
    starts: bytes

    @classmethod
    def of(cls, source_sha256: bytes, offsets: Iterable[int]) -> CalledFunctionsRow:
        """Return the row that holds these offsets, which may be in any order."""
        ordered = sorted(set(offsets))
        return cls(source_sha256, struct.pack(f"<{len(ordered)}I", *ordered))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Return the offsets, ascending."""
        return struct.unpack(f"<{len(self.starts) // 4}I", self.starts)

    @property
    def checksum(self) -> int:
        """Return the CRC-32 of the offsets, 0 if there are none."""
        return zlib.crc32(self.starts)


@dataclass(frozen=True, slots=True)
class PackEntryRow:
    """The place of a source in a pack."""

    source_sha256: bytes
    pack: str
    offset: int
    length: int
    checksum: int
    one_byte: int


@dataclass(frozen=True, slots=True)
class PackRow:
    """The fingerprint of a pack's file when all its sources were found sound; times as in `file_source.Fingerprint`."""

    pack: str
    size: int
    mtime_ms: float
    ctime_ms: float
    inode: int


@dataclass(frozen=True, slots=True)
class EntryPointRow:
    """A manifest: the entry point, Node build and conditions (NUL-separated) that it is for.

    `domain` is the name of the trust domain whose code caches its starts use.
    """

    manifest: str
    path: str
    engine_tag: str
    node_version: str
    arch: str
    conditions: str
    domain: str
    modules: int
    warmed_at: float
    used_at: float


@dataclass(frozen=True, slots=True)
class ReplacedRow:
    """Functions that a program replaced in its last start, separated by blanks, and the questions left to Node then."""

    manifest: str
    questions: int
    functions: str


@dataclass(frozen=True, slots=True)
class MissRow:
    """A miss that a runner (`executable`) reported; `url` is '' if the entry point has no fresh manifest.

    `conditions` are those of the start, separated by NUL.
    """

    entry: str
    url: str
    executable: str
    conditions: str
    reason: str
    count: int
    seen_at: float

    @property
    def is_settled(self) -> bool:
        """Return whether a later warm has taken the miss in."""
        return self.reason == SETTLED


# The table of each row type.
ROW_TABLES: dict[type, str] = {
    ModuleRow: "modules",
    AnalysisRow: "analyses",
    VerdictRow: "verdicts",
    RequestRow: "requests",
    ExportRow: "exports",
    InputRow: "resolution_inputs",
    PackageRow: "packages",
    BlobRow: "blobs",
    CodeCacheRow: "code_caches",
    CodeCacheLinkRow: "code_cache_links",
    CalledFunctionsRow: "called_functions",
    PackEntryRow: "pack_entries",
    PackRow: "packs",
    EntryPointRow: "entry_points",
    ReplacedRow: "replaced_functions",
    MissRow: "misses",
}
