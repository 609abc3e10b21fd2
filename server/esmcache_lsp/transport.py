"""Where messages come from and go to: stdin and stdout, or one connection to a TCP port.

Knows how messages follow one another in a stream, and nothing of what is in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

_STDIN, _STDOUT = 0, 1
_CHUNK = 1 << 16
_HEADERS = (b"content-length", b"content-type")
# What is still to be sent to a client that said exit, or went away, is not waited for any longer.
_LAST_WORDS_S = 1.0


class NotAMessage(Exception):
    """What was read is no header that LSP has; the message says so in one line."""


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

    def __init__(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self._reader = reader
        self._read_ahead: list[bytes] = []
        self.writer = writer

    def put_back(self, body: bytes) -> None:
        """Have `next` return a message that was returned already."""
        self._read_ahead.append(body)

    async def next(self) -> bytes | None:
        """Return the next message's body, None where there will be no more; raises NotAMessage."""
        if self._read_ahead:
            return self._read_ahead.pop()
        length = None
        while True:
            try:
                line = await self._reader.readline()
                if not line:
                    return None
                if line.strip():
                    name, _, value = line.partition(b":")
                    if name.strip().lower() not in _HEADERS:
                        raise NotAMessage(f"no header of LSP's: {line[:100]!r}")
                    if name.strip().lower() == _HEADERS[0]:
                        length = int(value)
                elif length is not None:
                    return await self._reader.readexactly(length)
            except asyncio.IncompleteReadError:
                return None
            except ConnectionError:
                return None
            except ValueError as error:
                # A line without an end, or a length that is no number or below zero.
                raise NotAMessage(f"no header of LSP's: {error}") from None


@asynccontextmanager
async def stdio() -> AsyncIterator[Channel]:
    """Yield the channel over stdin and stdout."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    # It may be a file, which an event loop cannot watch; nobody waits for a thread that is a daemon.
    threading.Thread(target=_read_stdin, args=(loop, reader), name="stdin", daemon=True).start()
    yield Channel(reader, _Stdout())


@asynccontextmanager
async def tcp(address: tuple[str, int], when_listening: Callable[[str], None]) -> AsyncIterator[Channel]:
    """Yield the channel to the first one who sends a message to a port; raises OSError where that cannot be had.

    Who connects and says nothing is no client, and who does not speak LSP is sent away. Once there is a client,
    nobody else is let in.
    """
    found: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
    silent: set[asyncio.StreamWriter] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.add(writer)
        channel, body = Channel(reader, writer), None
        with contextlib.suppress(NotAMessage):
            body = await channel.next()
        silent.discard(writer)
        if body is None or found.done():
            writer.close()
        else:
            channel.put_back(body)
            found.set_result(channel)

    server = await asyncio.start_server(greet, *address)
    when_listening(", ".join(_shown(one) for one in server.sockets))
    try:
        channel = await found
    finally:
        server.close()
        for one in silent:
            one.close()
    try:
        yield channel
    finally:
        channel.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(channel.writer.wait_closed(), _LAST_WORDS_S)


def _shown(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _read_stdin(loop: asyncio.AbstractEventLoop, reader: asyncio.StreamReader) -> None:
    # The loop is closed where the server ends for another reason.
    with contextlib.suppress(RuntimeError):
        while chunk := _read_chunk():
            loop.call_soon_threadsafe(reader.feed_data, chunk)
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
