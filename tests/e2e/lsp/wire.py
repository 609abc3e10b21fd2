"""A client that can write any message to the server, over a pipe or a connection."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from conftest import FOREIGN_VARIABLES

COMMAND = [sys.executable, "-m", "esmcache_lsp"]
CAPABILITIES: dict[str, Any] = {"experimental": {"esmcacheStatus": True}}


@dataclass
class Wire:
    """Both directions; `others` has all received messages that are not answers, such as the server's requests."""

    to_server: IO[bytes]
    from_server: IO[bytes]
    others: list[dict[str, Any]] = field(default_factory=list)
    _count: int = 0

    def write(self, body: bytes) -> None:
        """Send some bytes as a message."""
        self.to_server.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.to_server.flush()

    def send(self, **message: Any) -> None:
        """Send a message without changes."""
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        length = None
        while header := self.from_server.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length is not None, "the server closed its output"
        message: dict[str, Any] = json.loads(self.from_server.read(length))
        return message

    def answer_to(self, msg_id: int | str | None) -> dict[str, Any]:
        """Return the answer to a request."""
        while "method" in (message := self.receive()) or message.get("id") != msg_id:
            self.others.append(message)
        return message

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a request; if there are no `params`, the message has none either."""
        self._count += 1
        self.send(id=self._count, method=method, **({"params": params} if params else {}))
        return self.answer_to(self._count)

    def until(self, method: str) -> dict[str, Any]:
        """Return the next message with a method."""
        while (message := self.receive()).get("method") != method:
            self.others.append(message)
        return message

    def each(self, method: str) -> Iterator[dict[str, Any]]:
        """Yield the messages with a method without end: first those received already, then the next ones."""
        yield from [one for one in self.others if one.get("method") == method]
        while True:
            message = self.until(method)
            self.others.append(message)
            yield message

    def initialize(self, root: Path | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the answer to `initialize`; the client is ready afterwards."""
        defaults = {"processId": None, "rootUri": root and root.as_uri(), "capabilities": CAPABILITIES}
        answer = self.ask("initialize", **{**defaults, **parameters})
        self.send(method="initialized", params={})
        return answer

    def open(self, path: Path, text: str) -> str:
        """Open a document; return its URI."""
        item = {"uri": path.as_uri(), "languageId": "javascript", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": item})
        return path.as_uri()

    def links(self, uri: str) -> list[dict[str, Any]]:
        """Return the document links of a document."""
        found: list[dict[str, Any]] = self.ask("textDocument/documentLink", textDocument={"uri": uri})["result"]
        return found

    def shown(self) -> list[str]:
        """Return the messages that the user was shown so far."""
        return [one["params"]["message"] for one in self.others if one.get("method") == "window/showMessage"]

    def leave(self) -> None:
        """Send the messages that end a session."""
        assert self.ask("shutdown")["result"] is None
        self.send(method="exit")


def environment_at(home: Path) -> Mapping[str, str]:
    """Return the environment of a user with this home directory."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    return {**kept, "HOME": str(home), "ESMCACHE_DIR": str(home / "cache")}


@contextmanager
def a_server(home: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a server of a user with this home directory; kill it at the end."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment_at(home), **environment},
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def wire_to(server: subprocess.Popen[bytes]) -> Wire:
    """Return the wire over a server's pipes."""
    assert server.stdin is not None and server.stdout is not None
    return Wire(server.stdin, server.stdout)


def log_of(server: subprocess.Popen[bytes]) -> str:
    """Return a server's standard error up to its end."""
    assert server.stderr is not None
    return server.stderr.read().decode()


def address_of(server: subprocess.Popen[bytes]) -> tuple[str, int]:
    """Return the address that a server announces."""
    assert server.stderr is not None
    said, _, address = server.stderr.readline().decode().rpartition(" ")
    assert said == "esmcache-lsp: listening on"
    host, _, port = address.rpartition(":")
    return host, int(port)


def token_of(server: subprocess.Popen[bytes]) -> str:
    """Return the token that a TCP server announces after its address."""
    assert server.stderr is not None
    said, _, token = server.stderr.readline().decode().rstrip("\n").rpartition(" ")
    assert said == "esmcache-lsp: token"
    return token


def socket_of(server: subprocess.Popen[bytes]) -> str:
    """Return the path of the Unix socket that a server announces."""
    assert server.stderr is not None
    return server.stderr.readline().decode().rstrip("\n").removeprefix("esmcache-lsp: listening on ")


@contextmanager
def connected_to(address: tuple[str, int] | str) -> Iterator[Wire]:
    """Yield the wire over a connection to a port or to a Unix socket."""
    with (
        _connection(address) as connection,
        connection.makefile("wb") as to_server,
        connection.makefile("rb") as from_server,
    ):
        yield Wire(to_server, from_server)


def _connection(address: tuple[str, int] | str) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection(address)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
