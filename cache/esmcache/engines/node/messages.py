"""The messages between the compile pool and a Node worker; `worker/messages.mjs` mirrors all four.

A frame is two u32 little-endian (length of the header, length of the payload), the header as JSON, the payload.
The header has the message's fields and, as `type`, its name. The payload is a source text (`Compile`) or a code
cache (`Compiled`).
A worker sends `Hello` once, then answers each `Compile` in order with `Compiled` or `Failed`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, BinaryIO

from esmcache.file_source import path_from_file_url
from esmcache.records import ImportAttribute, ModuleFormat, ModuleRequest, Phase, Stripping

_LENGTHS = struct.Struct("<II")
# Far above the size of any answer; larger lengths are garbage.
_LONGEST_HEADER = 256 << 20
_LONGEST_PAYLOAD = 1 << 30


class CompileKind(Enum):
    """The kind as which a source text is compiled; DETECT uses Node's syntax detection (a `.js` without "type").

    TRANSLATE compiles nothing. It returns JavaScript for TypeScript that Node cannot strip, and its source map, in the
    place of the stripped texts.
    """

    MODULE = "module"
    COMMONJS = "commonjs"
    DETECT = "detect"
    TRANSLATE = "translate"


@dataclass(frozen=True, slots=True)
class CompileTask:
    """One file to compile: its bytes on disk and the URL by which Node would load it.

    `functions` are the start offsets, in UTF-16 code units of the compiled text, of the functions that the code cache
    should have besides the top level. An offset where no function starts has no effect. `stripping` is how Node strips
    the types of CommonJS, None for JavaScript. It strips those of an ES module once.
    """

    kind: CompileKind
    url: str
    source: bytes
    functions: tuple[int, ...] = ()
    stripping: Stripping | None = None


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker is running; the fields identify its Node."""

    version: str
    arch: str
    v8_version: str
    v8_tag: int


@dataclass(frozen=True, slots=True)
class Compile:
    """A request to compile the payload; `filename` identifies a CommonJS module.

    Types are stripped `strips` times, and a comment at the end of the result names `source_url`.
    """

    id: int
    kind: str
    url: str
    filename: str
    functions: Sequence[int]
    strips: int
    source_url: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """The answer, whose payload has the stripped texts and then the code cache.

    A request is `[specifier, [[key, value], …], phase]`. `stripped` are the sizes of the stripped texts in bytes.
    """

    id: int
    requests: list[Any]
    detected_kind: str | None
    stripped: list[int]


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer if V8 or Node's type stripping threw an error; lines and columns are one-based, 0 if unknown."""

    id: int
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    is_syntax_error: bool
    detected_kind: str | None
    error_code: str


class ProtocolError(Exception):
    """The worker sent bytes that are not a message."""


def encode_compile(task_id: int, task: CompileTask) -> bytes:
    """Return the frame that requests `task`."""
    filename = path_from_file_url(task.url)
    filename = task.url if filename is None else filename
    how = task.stripping or Stripping(0, "")
    message = Compile(task_id, task.kind.value, task.url, filename, task.functions, how.times, how.source_url)
    header = {"type": "Compile", **{name: getattr(message, name) for name in Compile.__slots__}}
    encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
    return _LENGTHS.pack(len(encoded), len(task.source)) + encoded + task.source


def read_message(stream: BinaryIO) -> tuple[Hello | Compiled | Failed, bytes] | None:
    """Return the worker's next message and payload, or None at the end.

    Raises:
        ProtocolError: If the worker sent bytes that are not a message.
    """
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, payload_length = _LENGTHS.unpack(lengths)
    if header_length > _LONGEST_HEADER or payload_length > _LONGEST_PAYLOAD:
        raise ProtocolError("a frame of impossible length")
    encoded = stream.read(header_length)
    payload = stream.read(payload_length)
    if len(encoded) < header_length or len(payload) < payload_length:
        return None
    try:
        header = json.loads(encoded)
        name = header.pop("type")
        return _FROM_WORKER[name](**header), payload
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"a header that is no message: {error!r}") from error


def stripped_texts(sizes: list[int], payload: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Return the stripped texts and the code cache of a `Compiled` payload.

    Raises:
        ProtocolError: If the payload has no texts of these sizes.
    """
    texts = []
    for size in sizes:
        if type(size) is not int or not 0 <= size <= len(payload):
            raise ProtocolError("stripped texts that are none")
        texts.append(payload[:size])
        payload = payload[size:]
    return tuple(texts), payload


def requested_modules(requests: list[Any]) -> tuple[ModuleRequest, ...]:
    """Return the requests as records.

    Attributes are in V8's order (sorted by key), not in that of the source.

    Args:
        requests: The `requests` of a `Compiled`.

    Raises:
        ProtocolError: If an item is no request.
    """
    try:
        return tuple(
            ModuleRequest(
                specifier,
                tuple(ImportAttribute(key, value) for key, value in attributes) if attributes else (),
                Phase.EVALUATION if phase == "evaluation" else Phase(phase),
            )
            for specifier, attributes, phase in requests
        )
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"requests that are none: {error!r}") from error


def detected_format(detected_kind: str | None) -> ModuleFormat | None:
    """Return the format that syntax detection found, or None if it was not asked.

    Args:
        detected_kind: The `detected_kind` of an answer.

    Raises:
        ProtocolError: If there is no such format.
    """
    if detected_kind is None:
        return None
    try:
        return ModuleFormat(detected_kind)
    except ValueError as error:
        raise ProtocolError(str(error)) from error


_FROM_WORKER: dict[str, type[Hello] | type[Compiled] | type[Failed]] = {
    message.__name__: message for message in (Hello, Compiled, Failed)
}
