"""Where messages come from and go to: stdin and stdout, or the streams of a connection.

Knows how messages follow one another in a stream, and nothing of what is in them.
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
# A message holds at most the text of one document, or the diagnostics that a client gives back.
LARGEST_MESSAGE = 256 * 1024 * 1024
# LSP has two headers, of which one is a number.
_LARGEST_HEADER = 8 * 1024
_MOST_DIGITS = 19


class NotAMessage(Exception):
    """What was read is no header that LSP has; the message says so in one line."""


class MessageTooLarge(Exception):
    """A message was larger than allowed, and passed over; the message says so in one line."""


class Writer(Protocol):
    """Takes messages, each with its header."""

    def write(self, data: bytes) -> None:
        """Send some bytes; raises OSError where nobody reads them any more."""
        ...

    def close(self) -> None:
        """Send no more than what was written."""
        ...

    async def wait_closed(self) -> None:
        """Wait until what was written is sent; raises OSError where nobody reads it."""
        ...


class Channel:
    """Messages of a client, and the writer that reaches it."""

    def __init__(self, reader: asyncio.StreamReader, writer: Writer, largest: int = LARGEST_MESSAGE) -> None:
        self._reader = reader
        self._read_ahead: list[bytes] = []
        self.writer = writer
        # The bytes that a message may have.
        self.largest = largest

    def put_back(self, body: bytes) -> None:
        """Have `next` return a message that was returned already."""
        self._read_ahead.append(body)

    async def next(self) -> bytes | None:
        """Return the next message's body, None where there will be no more; raises NotAMessage and MessageTooLarge."""
        if self._read_ahead:
            return self._read_ahead.pop()
        try:
            length = await self._length()
            if length is None:
                return None
            if length > self.largest:
                await self._pass_over(length)
                raise MessageTooLarge(f"a message of {length} bytes was passed over: {self.largest} are allowed")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _length(self) -> int | None:
        """Read a header; return the length that it gives, None where there will be no more."""
        length, size = None, 0
        while True:
            try:
                line = await self._reader.readline()
            except ValueError as error:
                raise NotAMessage(f"no header of LSP's: {error}") from None
            if not line:
                return None
            size += len(line)
            if size > _LARGEST_HEADER:
                raise NotAMessage(f"no header of LSP's: longer than {_LARGEST_HEADER} bytes")
            if line.strip():
                name, _, value = line.partition(b":")
                if name.strip().lower() not in _HEADERS:
                    raise NotAMessage(f"no header of LSP's: {line[:100]!r}")
                if name.strip().lower() == _HEADERS[0]:
                    digits = value.strip()
                    if not digits.isdigit() or len(digits) > _MOST_DIGITS:
                        raise NotAMessage(f"no header of LSP's: {line[:100]!r}")
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
    # It may be a file, which an event loop cannot watch; nobody waits for a thread that is a daemon.
    threading.Thread(target=_read_stdin, args=(loop, reader, pause), name="stdin", daemon=True).start()
    yield Channel(reader, _Stdout())


class _Pause(asyncio.ReadTransport):
    """Has stdin wait until what was read of it is taken, so that a client cannot fill the memory."""

    def __init__(self) -> None:
        super().__init__()
        self._may_read = threading.Event()
        self._may_read.set()

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def wait(self) -> None:
        """Wait until more may be read."""
        self._may_read.wait()


def _read_stdin(loop: asyncio.AbstractEventLoop, reader: asyncio.StreamReader, pause: _Pause) -> None:
    # The loop is closed where the server ends for another reason.
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
    """Writes at once, past Python's own buffer, so that nothing is left to be flushed when nobody reads any more."""

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(_STDOUT, rest) :]

    def close(self) -> None:
        """Leave it open: whoever started the server sees its end."""

    async def wait_closed(self) -> None:
        """Return at once, since nothing is held back."""
