"""Listening for the one client that may connect: on a TCP port with a token, or on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from esmcache.private_files import write_whole
from esmcache.trust import find_untrusted
from esmcache_lsp.admission import Token, is_same_user
from esmcache_lsp.transport import LARGEST_MESSAGE, Channel, MessageTooLarge, NotAMessage, message_of

# The limit before a client is admitted. A message `initialize` has about ten kilobytes.
_LARGEST_FIRST_MESSAGE = 1024 * 1024
# The limit of connections that have not sent a message yet. A new one closes the oldest.
_MOST_SILENT = 64
# The time to finish sending to a client that sent `exit` or disconnected.
_LAST_WORDS_S = 1.0


# Announces the server's address; the context lasts as long as the server listens.
Announce = Callable[[str], AbstractContextManager[None]]


class CannotListen(OSError):
    """The server cannot or must not listen at the given place; the message says why in one line."""


@asynccontextmanager
async def tcp(address: tuple[str, int], token: Token, announce: Announce) -> AsyncIterator[Channel]:
    """Yield the channel to the client that presents the token.

    Silent connections do not block others, connections that do not speak LSP are closed, and those without the token
    get an error. After a client is admitted, all others are refused.

    Args:
        address: Host and port.

    Raises:
        OSError: If the port cannot be used.
    """
    _end_in_order()
    greeting = _Greeting(token.refusal)
    server = await asyncio.start_server(greeting.greet, *address)
    with announce(", ".join(_shown(one) for one in server.sockets)):
        async with greeting.client_of(server) as channel:
            yield channel


@asynccontextmanager
async def unix_socket(path: Path, announce: Announce) -> AsyncIterator[Channel]:
    """Yield the channel to the first process of this user that sends a message to a socket at `path`.

    Raises:
        CannotListen: If the socket cannot be made, or other users could replace it.
    """
    _end_in_order()
    greeting = _Greeting(lambda _: None, is_welcome=is_same_user)
    with _bound_socket(path) as listening:
        server = await asyncio.start_unix_server(greeting.greet, sock=listening)
        with announce(str(path)):
            async with greeting.client_of(server) as channel:
                yield channel


@contextmanager
def token_file(path: Path, token: Token) -> Iterator[None]:
    """Keep the token in a file of mode 0600 until the end.

    Raises:
        CannotListen: If others could replace the file.
        OSError: If the file cannot be written.
    """
    _check_private_directory(path)
    write_whole(path, token.text.encode(), b"\n")
    ours = os.lstat(path)
    try:
        yield
    finally:
        _remove_if(path, ours)


def _check_private_directory(path: Path) -> None:
    """Check that the directory of `path` belongs to the user and nobody else can write to it.

    Raises:
        CannotListen: If it does not, or somebody else can.
    """
    untrusted = find_untrusted(path.parent)
    if untrusted is not None:
        raise CannotListen(f"{path} is refused: {untrusted}; name a path in a directory that only you can write")
    if os.stat(path.parent).st_uid != os.geteuid():
        raise CannotListen(f"{path} is refused: {path.parent} is not yours; name a path in a directory of your own")


class _Greeting:
    """All connections until one of them is admitted as the client."""

    def __init__(
        self,
        refusal: Callable[[bytes], bytes | None],
        is_welcome: Callable[[socket.socket], bool] = lambda _: True,
    ) -> None:
        self._refusal = refusal
        self._is_welcome = is_welcome
        self._found: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        self._silent: dict[asyncio.StreamWriter, None] = {}

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Admit a connection as the client, or close it."""
        connection = writer.get_extra_info("socket")
        if self._found.done() or not self._is_welcome(connection):
            writer.close()
            return
        if len(self._silent) >= _MOST_SILENT:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.close()
        self._silent[writer] = None
        channel, body = Channel(reader, writer, _LARGEST_FIRST_MESSAGE), None
        with contextlib.suppress(NotAMessage, MessageTooLarge):
            body = await channel.next()
        self._silent.pop(writer, None)
        refusal = None if body is None or self._found.done() else self._refusal(body)
        if refusal is not None:
            writer.write(message_of(refusal))
        if body is None or refusal is not None or self._found.done():
            writer.close()
        else:
            channel.put_back(body)
            channel.largest = LARGEST_MESSAGE
            self._found.set_result(channel)

    @asynccontextmanager
    async def client_of(self, server: asyncio.Server) -> AsyncIterator[Channel]:
        """Yield the channel to the client, once one is admitted; refuse all others from then on."""
        try:
            channel = await self._found
        finally:
            server.close()
            for one in self._silent:
                one.close()
        try:
            yield channel
        finally:
            channel.writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(channel.writer.wait_closed(), _LAST_WORDS_S)


def _end_in_order() -> None:
    """Cancel the listening task on SIGTERM. Otherwise the process would end without removing its socket."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())


def _cancel(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()


@contextmanager
def _bound_socket(path: Path) -> Iterator[socket.socket]:
    """Yield a socket of mode 0600 at `path` and remove it at the end.

    Raises:
        CannotListen: If the socket cannot be made, or other users could replace it.
    """
    _check_private_directory(path)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listening:
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        except OSError as error:
            raise CannotListen(f"{path}: {error.strerror or error}") from None
        finally:
            os.umask(before)
        ours = os.lstat(path)
        try:
            yield listening
        finally:
            _remove_if(path, ours)


def _remove_stale(path: Path) -> None:
    """Remove a socket of this user on which no process listens.

    Raises:
        CannotListen: If `path` is anything else, or cannot be looked at.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotListen(f"{path}: {error.strerror}") from None
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
        raise CannotListen(f"{path} is there already and no socket of yours; name another path, or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    if code != errno.ECONNREFUSED:
        raise CannotListen(f"{path} is in use by another server; name another path, or end that server")
    os.unlink(path)


def _remove_if(path: Path, ours: os.stat_result) -> None:
    """Remove the file at `path` if it is still the one that was created there."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(path), ours):
            os.unlink(path)


def _shown(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
