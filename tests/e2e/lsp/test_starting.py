"""How the server is started and ended: over stdio and TCP, with a log, with what it says of itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from e2e.lsp.editor import SERVER, WATCHDOG_S

COMMAND = SERVER[:-1]


@contextmanager
def a_server(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def send(stream: IO[bytes], message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, Any]:
    length = None
    while header := stream.readline().strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    assert length is not None, "the server closed its output"
    message: dict[str, Any] = json.loads(stream.read(length))
    return message


def check_whole_life(to_server: IO[bytes], from_server: IO[bytes], options: object = None) -> None:
    """Do all that a client must do, and expect what a server must answer."""
    parameters = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
    send(to_server, {"id": 1, "method": "initialize", "params": parameters})
    answer = receive(from_server)
    assert answer["id"] == 1
    assert answer["result"]["serverInfo"] == {"name": "esmcache-lsp", "version": metadata.version("esmcache")}
    send(to_server, {"method": "initialized", "params": {}})
    send(to_server, {"id": 2, "method": "shutdown"})
    assert receive(from_server) == {"jsonrpc": "2.0", "id": 2, "result": None}
    send(to_server, {"method": "exit"})


def test_stdio() -> None:
    with a_server("--stdio") as server:
        assert server.stdin is not None
        assert server.stdout is not None
        check_whole_life(server.stdin, server.stdout)
        assert server.wait(WATCHDOG_S) == 0


def test_tcp() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    with a_server("--tcp", f"{host}:{port}") as server:
        with connected_to(server, host, port) as connection:
            check_whole_life(connection.makefile("wb"), connection.makefile("rb"))
        assert server.wait(WATCHDOG_S) == 0


def test_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        host, port = taken.getsockname()
        result = run("--tcp", f"{host}:{port}")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("esmcache-lsp: ")
    assert len(result.stderr.splitlines()) == 1


def test_log_file(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with a_server("--stdio", "--log-file", str(log)) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        check_whole_life(server.stdin, server.stdout, {"warmOnSave": "perhaps"})
        assert server.wait(WATCHDOG_S) == 0
    assert "ERROR esmcache_lsp.settings: settings: Expected `bool`, got `str` - at `$.warmOnSave`" in log.read_text(
        "utf-8"
    )


def test_log_file_that_cannot_be_written(tmp_path: Path) -> None:
    result = run("--stdio", "--log-file", str(tmp_path / "absent" / "server.log"))
    assert result.returncode == 2
    assert "No such file or directory" in result.stderr


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"esmcache-lsp {metadata.version('esmcache')}\n")


def test_the_installed_command() -> None:
    command = Path(sys.executable).with_name("esmcache-lsp")
    result = subprocess.run([command, "--version"], capture_output=True, encoding="utf-8", check=True)
    assert result.stdout == run("--version").stdout


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, encoding="utf-8", timeout=WATCHDOG_S, check=False
    )


def connected_to(server: subprocess.Popen[bytes], host: str, port: int) -> socket.socket:
    """Return a connection as soon as the server takes one."""
    while server.poll() is None:
        try:
            return socket.create_connection((host, port), WATCHDOG_S)
        except ConnectionRefusedError:
            os.sched_yield()
    raise AssertionError("the server ended")
