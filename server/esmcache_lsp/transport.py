"""The transport of messages over stdin and stdout or over the streams of a connection.

This module owns the framing of messages in a stream. It must not know their content.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

_STDIN, _STDOUT = 0, 1
_CHUNK = 1 << 16
_HEADERS = (b"content-length", b"content-type")
# The largest messages hold the text of one document, or diagnostics that a client sends back.
LARGEST_MESSAGE = 256 * 1024 * 1024
# LSP has two header fields, and one of them is a number.
_LARGEST_HEADER = 8 * 1024
_MOST_DIGITS = 19


class NotAMessage(Exception):
    """The bytes are not a header of LSP; the message says why in one line."""


class MessageTooLarge(Exception):
    """A message was larger than allowed and was skipped; the message says so in one line."""


class Writer(Protocol):
    """Sends messages with their headers."""

    def write(self, data: bytes) -> None:
        """Send some bytes.

        Raises:
            OSError: If the reader is gone.
        """
        ...

    def close(self) -> None:
        """Close the stream after the bytes that were written."""
        ...

    async def wait_closed(self) -> None:
        """Wait until all written bytes are sent.

        Raises:
            OSError: If the reader is gone.
        """
        ...


class Channel:
    """The stream of a client's messages, and the writer to the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: Writer, largest: int = LARGEST_MESSAGE) -> None:
        self._reader = reader
        self._read_ahead: list[bytes] = []
        self.writer = writer
        # The limit of a message's size in bytes.
        self.largest = largest

    def put_back(self, body: bytes) -> None:
        """Make `next` return a message a second time."""
        self._read_ahead.append(body)

    async def next(self) -> bytes | None:
        """Return the next message's body, or None at the end of the stream.

        Raises:
            MessageTooLarge: If the body has more than `largest` bytes; it was skipped.
            NotAMessage: If the bytes are not a header of LSP.
        """
        if self._read_ahead:
            return self._read_ahead.pop()
        try:
            length = await self._length()
            if length is None:
                return None
            if length > self.largest:
                await self._pass_over(length)
                raise MessageTooLarge(f"a message of {length} bytes was skipped; at most {self.largest} are allowed")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _length(self) -> int | None:
        """Read a header; return its Content-Length, or None at the end of the stream.

        Raises:
            NotAMessage: If the bytes are not a header of LSP.
        """
        length, size = None, 0
        while True:
            try:
                line = await self._reader.readline()
            except ValueError as error:
                raise NotAMessage(f"not an LSP header: {error}") from None
            if not line:
                return None
            size += len(line)
            if size > _LARGEST_HEADER:
                raise NotAMessage(f"not an LSP header: longer than {_LARGEST_HEADER} bytes")
            if line.strip():
                name, _, value = line.partition(b":")
                if name.strip().lower() not in _HEADERS:
                    raise NotAMessage(f"not an LSP header: {line[:100]!r}")
                if name.strip().lower() == _HEADERS[0]:
                    digits = value.strip()
                    if not digits.isdigit() or len(digits) > _MOST_DIGITS:
                        raise NotAMessage(f"not an LSP header: {line[:100]!r}")
                    length = int(digits)
            elif length is not None:
                return length

    async def _pass_over(self, length: int) -> None:
        while length > 0:
            passed = await self._reader.read(min(length, _CHUNK))
            if not passed:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(passed)


def message_of(body: bytes) -> bytes:
    """Return a message with its header."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@asynccontextmanager
async def stdio() -> AsyncIterator[Channel]:
    """Yield the channel over stdin and stdout."""
    reader, loop, pause = asyncio.StreamReader(), asyncio.get_running_loop(), _Pause()
    reader.set_transport(pause)
    # stdin may be a file, which an event loop cannot watch. Python does not wait for a daemon thread at exit.
    threading.Thread(target=_read_stdin, args=(loop, reader, pause), name="stdin", daemon=True).start()
    yield Channel(reader, _Stdout())


class _Pause(asyncio.ReadTransport):
    """Stops reading stdin while the reader's buffer is full, so that a client cannot fill the memory."""

    def __init__(self) -> None:
        super().__init__()
        self._may_read = threading.Event()
        self._may_read.set()

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def wait(self) -> None:
        """Wait until reading is allowed."""
        self._may_read.wait()


def _read_stdin(loop: asyncio.AbstractEventLoop, reader: asyncio.StreamReader, pause: _Pause) -> None:
    # The loop is already closed if the server ended for another reason.
    with contextlib.suppress(RuntimeError):
        while chunk := _read_chunk():
            loop.call_soon_threadsafe(reader.feed_data, chunk)
            pause.wait()
        loop.call_soon_threadsafe(reader.feed_eof)


def _read_chunk() -> bytes:
    try:
        return os.read(_STDIN, _CHUNK)
    except OSError:
        return b""


class _Stdout:
    """Writes directly to the file descriptor: if the reader is gone, Python could not flush its buffer at exit."""

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(_STDOUT, rest) :]

    def close(self) -> None:
        """Do nothing; the process that started the server sees the server's end."""

    async def wait_closed(self) -> None:
        """Return at once, since nothing is buffered."""
