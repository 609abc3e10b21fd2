"""The server over its real stdio: it starts, says who it is, and ends when told."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from typing import IO, Any


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


def test_initialize_and_shutdown() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "esmcache_lsp", "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            parameters: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
            send(server.stdin, {"id": 1, "method": "initialize", "params": parameters})
            answer = receive(server.stdout)
            assert answer["id"] == 1
            assert answer["result"]["serverInfo"] == {
                "name": "esmcache-lsp",
                "version": metadata.version("esmcache"),
            }
            send(server.stdin, {"method": "initialized", "params": {}})
            send(server.stdin, {"id": 2, "method": "shutdown"})
            assert receive(server.stdout) == {"jsonrpc": "2.0", "id": 2, "result": None}
            send(server.stdin, {"method": "exit"})
            assert server.wait(timeout=30) == 0
        finally:
            server.kill()


def test_version() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "esmcache_lsp", "--version"], capture_output=True, encoding="utf-8", check=True
    )
    assert result.stdout == f"esmcache-lsp {metadata.version('esmcache')}\n"
