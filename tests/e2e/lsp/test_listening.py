"""A listening server admits only a client with the token or a process of the same user."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.wire import COMMAND, a_server, address_of, connected_to, log_of, socket_of, token_of, wire_to
from esmcache_lsp.admission import is_same_user

REFUSAL = "esmcache-lsp: initialize must come first, with the token of this server in initializationOptions.token"
FIRST_MESSAGES: dict[str, dict[str, Any]] = {
    "no token": {"method": "initialize", "id": 1, "params": {"capabilities": {}}},
    "another token": {
        "method": "initialize",
        "id": 1,
        "params": {"capabilities": {}, "initializationOptions": {"token": "a" * 43}},
    },
    "a token that is no text": {
        "method": "initialize",
        "id": 1,
        "params": {"capabilities": {}, "initializationOptions": {"token": ["a"]}},
    },
    "half a character": {
        "method": "initialize",
        "id": 1,
        "params": {"capabilities": {}, "initializationOptions": {"esmcache": {"token": "\ud800"}}},
    },
    "something else": {"method": "workspace/executeCommand", "id": 1, "params": {"command": "esmcache.clear"}},
    "exit": {"method": "exit"},
}


@pytest.fixture
def private() -> Iterator[Path]:
    """Yield a directory that only this user can write to, with a short path: a socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o700)
        yield Path(directory)


def test_clients_without_the_token_are_refused_and_sent_away(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        address, token = address_of(server), token_of(server)
        for name, first in FIRST_MESSAGES.items():
            with connected_to(address) as stranger:
                stranger.send(**first)
                assert stranger.receive()["error"] == {"code": -32600, "message": REFUSAL}, name
                assert stranger.from_server.read() == b"", name
        assert not (tmp_path / "cache").exists()
        with connected_to(address) as wire:
            assert "result" in wire.initialize(initializationOptions={"esmcache": {"token": token}})
            wire.leave()
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


def test_each_server_has_a_token_of_its_own(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
            address_of(server)
            tokens.append(token_of(server))
    assert len(set(tokens)) == 2 and min(map(len, tokens)) >= 43


def test_the_token_in_a_file(private: Path) -> None:
    path = private / "token"
    path.write_text("of an earlier server")
    path.chmod(0o666)
    with a_server(private, "--tcp", "127.0.0.1:0", "--token-file", str(path)) as server:
        address = address_of(server)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with connected_to(address) as wire:
            assert "result" in wire.initialize(initializationOptions={"token": path.read_text().strip()})
            wire.leave()
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")
    assert not path.exists()


def test_a_client_by_tcp_names_no_program_and_no_directory(tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    evil.chmod(0o755)
    with a_server(tmp_path, "--tcp", "127.0.0.1:0", ESMCACHE_NODE=str(tmp_path / "no-node")) as server:
        address, token = address_of(server), token_of(server)
        with connected_to(address) as wire:
            options = {"token": token, "node": str(evil), "cacheDir": str(tmp_path / "elsewhere"), "warmOnStart": False}
            wire.initialize(initializationOptions=options)
            wire.send(
                method="workspace/didChangeConfiguration",
                params={"settings": {"esmcache": {"node": str(evil), "cacheDir": str(tmp_path / "elsewhere")}}},
            )
            statistics = wire.ask("esmcache/stats")["result"]
            assert statistics["directory"] == str(tmp_path / "cache")
            messages = (status["params"]["message"] for status in wire.each("esmcache/status"))
            assert str(tmp_path / "no-node") in next(filter(None, messages))
            refused = "cannot be set by a client that is connected by TCP"
            assert sorted(wire.shown()) == [
                f"esmcache: settings: esmcache.cacheDir: {refused}",
                f"esmcache: settings: esmcache.node: {refused}",
            ]
            wire.leave()
    assert not (tmp_path / "was-run").exists() and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_unix_socket(mask: int, private: Path) -> None:
    path = private / "lsp.sock"
    with masked(mask), a_server(private, "--socket", str(path)) as server:
        assert socket_of(server) == str(path)
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        with connected_to(str(path)) as wire:
            assert "result" in wire.initialize()
            with pytest.raises(ConnectionRefusedError), connected_to(str(path)):
                pass
            wire.leave()
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")
    assert not path.exists()


def test_a_process_of_another_user_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert is_same_user(ours)
        another = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: another)
        assert not is_same_user(ours)


@pytest.mark.parametrize("has_client", [False, True], ids=["waiting", "serving"])
def test_a_server_that_is_terminated_removes_its_socket(has_client: bool, private: Path) -> None:
    path = private / "lsp.sock"
    with a_server(private, "--socket", str(path)) as server:
        socket_of(server)
        if has_client:
            with connected_to(str(path)) as wire:
                wire.initialize()
                server.terminate()
                assert server.wait(WATCHDOG_S) == 128 + signal.SIGTERM
        else:
            server.terminate()
            assert server.wait(WATCHDOG_S) == 128 + signal.SIGTERM
        assert not path.exists()


def test_the_socket_of_a_server_that_was_killed(private: Path) -> None:
    path = private / "lsp.sock"
    with a_server(private, "--socket", str(path)) as killed:
        socket_of(killed)
    assert path.exists()
    with a_server(private, "--socket", str(path)) as server:
        socket_of(server)
        with connected_to(str(path)) as wire:
            assert "result" in wire.initialize()


def test_a_socket_that_is_in_use(private: Path) -> None:
    path = private / "lsp.sock"
    with a_server(private, "--socket", str(path)) as server:
        socket_of(server)
        assert refusal_of("--socket", str(path)) == (
            f"{path} is in use by another server; name another path, or end that server"
        )
        with connected_to(str(path)) as wire:
            assert "result" in wire.initialize()


@pytest.mark.parametrize("kind", ["file", "directory", "link to a socket", "dangling link"])
def test_what_stands_at_the_path_is_left_alone(kind: str, private: Path) -> None:
    path, stale = private / "lsp.sock", private / "stale.sock"
    with socket.socket(socket.AF_UNIX) as unused:
        unused.bind(str(stale))
    if kind == "file":
        path.write_text("mine")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(stale if kind == "link to a socket" else private / "absent")
    before = path.lstat()
    assert refusal_of("--socket", str(path)) == (
        f"{path} is there already and no socket of yours; name another path, or remove it"
    )
    assert os.path.samestat(path.lstat(), before) and stale.exists()


@pytest.mark.parametrize("option", ["--socket", "--token-file"])
def test_a_directory_that_others_can_write(option: str, private: Path) -> None:
    path = private / "file"
    private.chmod(0o777)
    arguments = [option, str(path)] if option == "--socket" else ["--tcp", "127.0.0.1:0", option, str(path)]
    refusal = refusal_of(*arguments)
    assert refusal.startswith(f"{path} is refused: {private} can be written by others (mode 0777)")
    assert not path.exists()


def test_a_directory_of_another_user(private: Path) -> None:
    # The directory `/` belongs to root. If root runs the tests, another directory gets another owner.
    directory = Path("/")
    if os.geteuid() == 0:
        directory = private / "another's"
        directory.mkdir()
        os.chown(directory, 12345, 12345)
    assert refusal_of("--socket", str(directory / "lsp.sock")).startswith(f"{directory / 'lsp.sock'} is refused: ")


def test_a_path_that_is_too_long_for_a_socket(private: Path) -> None:
    assert "too long" in refusal_of("--socket", str(private / ("a" * 120)))


def test_a_token_file_without_tcp(private: Path) -> None:
    result = run("--socket", str(private / "lsp.sock"), "--token-file", str(private / "token"))
    assert result.returncode == 2 and "--token-file is for --tcp" in result.stderr


def test_a_message_that_is_too_large_is_passed_over(tmp_path: Path) -> None:
    length = 257 * 1024 * 1024
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        wire.initialize()
        wire.to_server.write(b"Content-Length: %d\r\n\r\n" % length)
        chunk = b" " * (1024 * 1024)
        for _ in range(257):
            wire.to_server.write(chunk)
        wire.to_server.flush()
        error = wire.answer_to(None)["error"]
        assert f"a message of {length} bytes was skipped; at most 268435456 are allowed" in error["message"]
        # The message was not kept in memory: this is the peak of the process's memory.
        assert most_memory_kb(server) < 200_000
        wire.leave()
        assert server.wait(WATCHDOG_S) == 0
        assert len(log_of(server).splitlines()) == 1


def test_headers_that_are_none_are_passed_over(tmp_path: Path) -> None:
    headers = {
        "too many digits": b"Content-Length: " + b"9" * 4000 + b"\r\n",
        "below zero": b"Content-Length: -5\r\n",
        "no digits": b"Content-Length: 0x10\r\n",
        "too many lines": b"Content-Type: x\r\n" * 1000,
        "too long a line": b"Content-Type: " + b"x" * 100_000 + b"\r\n",
    }
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        wire.initialize()
        for name, header in headers.items():
            wire.to_server.write(header + b"\r\n")
            assert wire.links("file:///no.js") == [], name
        assert wire.ask("shutdown")["result"] is None
        wire.send(method="exit")
        assert server.wait(WATCHDOG_S) == 0
        logged = [line.partition(": ")[2][:19] for line in log_of(server).splitlines()]
        assert logged == ["not an LSP header: "] * len(headers)


def test_a_stranger_cannot_have_much_read(tmp_path: Path) -> None:
    body = json.dumps({"method": "initialize", "id": 1, "params": {"capabilities": {}, "x": "x" * 2_000_000}}).encode()
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        address, token = address_of(server), token_of(server)
        with connected_to(address) as stranger:
            stranger.write(body)
            assert stranger.from_server.read() == b""
        with connected_to(address) as wire:
            assert "result" in wire.initialize(initializationOptions={"token": token})


def test_many_who_say_nothing_keep_no_client_out(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        address, token = address_of(server), token_of(server)
        silent = [socket.create_connection(address) for _ in range(200)]
        with connected_to(address) as wire:
            assert "result" in wire.initialize(initializationOptions={"token": token})
        for one in silent:
            one.close()


def test_nothing_is_imported_from_the_directory_that_the_server_is_started_in(tmp_path: Path, node: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.js").write_text("export {};\n")
    for name in ("multiprocessing", "pickle", "socket", "esmcache", "esmcache_lsp", "sitecustomize"):
        (project / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n")
    # Editors start the server in this way: by its command, in the open folder.
    command = Path(COMMAND[0]).with_name("esmcache-lsp")
    with subprocess.Popen(
        [command],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "HOME": str(tmp_path), "ESMCACHE_DIR": str(tmp_path / "cache"), "ESMCACHE_NODE": str(node)},
    ) as server:
        wire = wire_to(server)
        wire.initialize(project)
        uri = wire.open(project / "app.js", "import './gone.js';\n")
        assert len(wire.links(uri)) == 0
        answer = wire.ask("workspace/executeCommand", command="esmcache.warm", arguments=[uri])
        assert answer["result"]["modules"] == 1
        wire.leave()
    assert not (tmp_path / "was-run").exists()


@contextmanager
def masked(mask: int) -> Iterator[None]:
    """Start processes under this umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def most_memory_kb(server: subprocess.Popen[bytes]) -> int:
    """Return the peak memory of a process in kB."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def refusal_of(*arguments: str) -> str:
    """Return the line with which a server refuses to listen."""
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("esmcache-lsp: ")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, encoding="utf-8", timeout=WATCHDOG_S, check=False
    )
