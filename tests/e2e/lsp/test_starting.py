"""The start and the end of the server: over stdio and TCP, with a log, and its information about itself."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.wire import COMMAND, Wire, a_server, address_of, connected_to, log_of, token_of, wire_to

NO_SUCH_PROCESS = 2**31 - 1


def check_whole_life(wire: Wire, **parameters: Any) -> None:
    """Send the messages that every client must send, and check the server's answers."""
    answer = wire.initialize(**parameters)
    assert answer["result"]["serverInfo"] == {"name": "esmcache-lsp", "version": metadata.version("esmcache")}
    wire.leave()


@pytest.mark.usefixtures("without_forks")
def test_stdio(tmp_path: Path) -> None:
    with a_server(tmp_path, "--stdio") as server:
        check_whole_life(wire_to(server))
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


@pytest.mark.usefixtures("without_forks")
def test_tcp(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        with connected_to(address_of(server)) as wire:
            check_whole_life(wire, initializationOptions={"token": token_of(server)})
            assert wire.from_server.read() == b""
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


def test_who_connects_and_is_no_client(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        address, token = address_of(server), token_of(server)
        with socket.create_connection(address) as stays:
            for said in (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"Content-Length: 9\r\n\r\n{"):
                with socket.create_connection(address) as probe:
                    probe.sendall(said)
            with connected_to(address) as wire:
                check_whole_life(wire, initializationOptions={"token": token})
            assert stays.recv(1) == b""
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


def test_one_client_at_a_time(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        address, token = address_of(server), token_of(server)
        with connected_to(address) as wire:
            wire.initialize(initializationOptions={"token": token})
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            assert wire.ask("nothing/like/it")["error"]["code"] == -32601
            wire.send(method="exit")
            assert server.wait(WATCHDOG_S) == 1


def test_a_connection_that_ends(tmp_path: Path) -> None:
    with a_server(tmp_path, "--tcp", "127.0.0.1:0") as server:
        with connected_to(address_of(server)) as wire:
            wire.initialize(initializationOptions={"token": token_of(server)})
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


def test_the_clients_process_ends(tmp_path: Path) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client,
        a_server(tmp_path, "--tcp", "127.0.0.1:0") as server,
        connected_to(address_of(server)) as wire,
    ):
        wire.initialize(processId=client.pid, initializationOptions={"token": token_of(server)})
        client.kill()
        assert wire.from_server.read() == b""
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")


def test_a_client_of_another_machine(tmp_path: Path) -> None:
    with a_server(tmp_path) as server:
        check_whole_life(wire_to(server), processId=NO_SUCH_PROCESS)
        assert server.wait(WATCHDOG_S) == 0


@pytest.mark.parametrize("when", ["at once", "initialized", "indexing", "typing"])
@pytest.mark.parametrize("after_shutdown", [True, False])
def test_leaving_early_is_quiet(when: str, after_shutdown: bool, tmp_path: Path, node: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "package.json").write_text('{"name": "demo", "type": "module", "main": "m0.js"}')
    for number in range(60):
        (root / f"m{number}.js").write_text(f"import './m{number + 1}.js';\n" + "export {};\n" * 4000)
    with a_server(tmp_path, ESMCACHE_NODE=str(node)) as server:
        wire = wire_to(server)
        wire.ask(
            "initialize", processId=None, rootUri=root.as_uri(), capabilities={"experimental": {"esmcacheStatus": 1}}
        )
        if when != "at once":
            wire.send(method="initialized", params={})
        if when == "indexing":
            wire.until("esmcache/status")
        elif when == "typing":
            uri = wire.open(root / "m0.js", "import './gone.js';\n")
            wire.send(method="textDocument/didSave", params={"textDocument": {"uri": uri}})
            change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": ""}]}
            wire.send(method="textDocument/didChange", params=change)
        if after_shutdown:
            wire.leave()
        else:
            wire.send(method="exit")
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0 if after_shutdown else 1, "")


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
    with a_server(tmp_path, "--stdio", "--log-file", str(log)) as server:
        wire = wire_to(server)
        wire.initialize(initializationOptions={"warmOnSave": "perhaps"})
        wire.until("window/showMessage")
        wire.leave()
        assert (server.wait(WATCHDOG_S), log_of(server)) == (0, "")
    assert "ERROR esmcache_lsp.features.configuration: settings: esmcache.warmOnSave: " in log.read_text("utf-8")


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
