"""Messages that are not valid LSP: every request is answered, users are not disturbed, and the server continues."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.wire import Wire, a_server, log_of, wire_to

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED, INTERNAL_ERROR = -32002, -32603


class SharedServer:
    """A server without Node that the tests share; it is started again after it has ended."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._log = home / "server.log"
        self._running = ExitStack()
        self._server: subprocess.Popen[bytes] | None = None
        self._wire: Wire | None = None

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        """Yield the wire; at the end the server must work and have shown no message and logged no traceback."""
        wire = self._current()
        wire.others.clear()
        log_size = self._log.stat().st_size
        yield wire
        try:
            assert code(wire.ask("textDocument/hover")) == INVALID_PARAMS
        except BaseException:
            # A server that has ended or hangs fails this test, not the next one.
            self._stop()
            raise
        assert "Traceback" not in self._log.read_bytes()[log_size:].decode()
        check_shown(wire)

    def end(self) -> None:
        """End the server as clients do, if it runs."""
        if self._server is not None and self._wire is not None:
            self._wire.leave()
            assert self._server.wait(WATCHDOG_S) == 0
        self._stop()

    def _stop(self) -> None:
        self._server = self._wire = None
        self._running.close()

    def _current(self) -> Wire:
        if self._wire is None:
            starting = a_server(self._home, "--log-file", str(self._log), ESMCACHE_NODE=str(self._home / "no-node"))
            self._server = self._running.enter_context(starting)
            self._wire = wire_to(self._server)
            self._wire.initialize()
        return self._wire


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    server = SharedServer(tmp_path_factory.mktemp("protocol"))
    yield server
    server.end()


@pytest.fixture
def wire(shared: SharedServer) -> Iterator[Wire]:
    with shared.wire() as wire:
        yield wire


def check_shown(wire: Wire) -> None:
    """Assert that the user was shown no message; there is no Node here, so a message about that is right."""
    assert [one for one in wire.shown() if "no Node" not in one] == []


def open_folder(wire: Wire, folder: Path) -> None:
    """Open a package with one module in it."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "a.js").write_text("export {};\n")
    event = {"added": [{"uri": folder.as_uri(), "name": folder.name}], "removed": []}
    wire.send(method="workspace/didChangeWorkspaceFolders", params={"event": event})


def code(answer: dict[str, Any]) -> int:
    assert "result" not in answer
    assert "\n" not in answer["error"]["message"]
    number: int = answer["error"]["code"]
    return number


def test_params_of_another_kind(wire: Wire) -> None:
    for params in (
        {"textDocument": {}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "file:///a.js"}, "position": {"line": "x", "character": 0}},
        {"textDocument": None, "position": None},
        {"nothing": 1},
    ):
        assert code(wire.ask("textDocument/hover", **params)) == INVALID_PARAMS


def test_params_that_are_no_object(wire: Wire) -> None:
    without: list[dict[str, Any]] = [{}, {"params": None}, {"params": []}, {"params": "x"}, {"params": 3}]
    for params in without:
        for method in ("textDocument/hover", "workspace/executeCommand", "esmcache/lookup"):
            wire.send(id="one", method=method, **params)
            assert code(wire.answer_to("one")) == INVALID_PARAMS


def test_shutdown_while_much_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("export {};\n")
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        wire.initialize()
        for number in range(20):
            parameters = {"command": "esmcache.warmWorkspace", "arguments": []}
            wire.send(id=f"asked {number}", method="workspace/executeCommand", params=parameters)
        wire.leave()
        assert server.wait(WATCHDOG_S) == 0
        assert "Traceback" not in log_of(server)


def test_arguments_of_another_kind(wire: Wire) -> None:
    for arguments in ([], [3], ["untitled:1"], ["file:///a.js", None, None, None]):
        assert (
            code(wire.ask("workspace/executeCommand", command="esmcache.explain", arguments=arguments))
            == INVALID_PARAMS
        )
    assert code(wire.ask("workspace/executeCommand", command="esmcache.nothing")) == INVALID_PARAMS


def test_order(tmp_path: Path) -> None:
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        assert code(wire.ask("textDocument/hover")) == NOT_INITIALIZED
        wire.send(method="textDocument/didSave", params={"textDocument": {"uri": "file:///a.js"}})
        assert code(wire.ask("initialize", capabilities=3)) == INVALID_PARAMS
        assert "result" in wire.initialize()
        assert code(wire.ask("initialize", capabilities={})) == INVALID_REQUEST
        assert wire.ask("shutdown")["result"] is None
        assert code(wire.ask("textDocument/hover")) == INVALID_REQUEST
        assert code(wire.ask("shutdown")) == INVALID_REQUEST
        wire.send(method="exit")
        assert server.wait(WATCHDOG_S) == 0
        assert "Traceback" not in log_of(server)


def test_what_is_no_message(wire: Wire) -> None:
    for body, expected in (
        (b"{", PARSE_ERROR),
        (b"\xff\xfe\xff", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"3", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b"{}", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "textDocument/hover"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "textDocument/hover"}', INVALID_REQUEST),
    ):
        wire.write(body)
        assert code(wire.answer_to(None)) == expected
    wire.to_server.write(b"what is this?\r\nContent-Length: x\r\n\r\n")
    assert code(wire.ask("textDocument/hover")) == INVALID_PARAMS


def test_notifications_that_are_not_understood(wire: Wire) -> None:
    for method in (
        "initialized",
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didSave",
        "textDocument/didClose",
        "workspace/didChangeConfiguration",
        "workspace/didChangeWatchedFiles",
        "workspace/didChangeWorkspaceFolders",
        "workspace/didRenameFiles",
        "window/workDoneProgress/cancel",
        "$/cancelRequest",
        "$/setTrace",
        "$/of/somebody/else",
        "textDocument/hover",
    ):
        for params in ({}, {"params": None}, {"params": 3}, {"params": {"textDocument": 3, "changes": 3}}):
            wire.send(method=method, **params)
    assert code(wire.ask("initialized")) == METHOD_NOT_FOUND


def test_responses_that_nobody_waits_for(wire: Wire) -> None:
    for response in ({"id": 17, "result": 3}, {"id": "x", "error": {"code": 1, "message": ""}}, {"id": 1, "error": 3}):
        wire.send(**response)
    assert code(wire.ask("textDocument/hover")) == INVALID_PARAMS


@pytest.mark.parametrize(
    "answer",
    [
        {"result": None},
        {"result": {}},
        {"result": 3},
        {"result": []},
        {"result": [3]},
        {},
        {"error": {"code": METHOD_NOT_FOUND, "message": "none"}},
        {"error": 3},
    ],
    ids=json.dumps,
)
def test_a_client_that_does_not_answer_what_was_asked(answer: dict[str, Any], tmp_path: Path) -> None:
    """The server finishes its first steps, whatever the client answers."""
    capabilities = {
        "workspace": {
            "configuration": True,
            "didChangeConfiguration": {"dynamicRegistration": True},
            "didChangeWatchedFiles": {"dynamicRegistration": True},
        },
        "experimental": {"esmcacheStatus": True},
    }
    (tmp_path / "a.js").write_text("export {};\n")
    with a_server(tmp_path, ESMCACHE_NODE=str(tmp_path / "no-node")) as server:
        wire = wire_to(server)
        wire.initialize(tmp_path, capabilities=capabilities)
        while (message := wire.receive()).get("method") != "esmcache/status":
            if "id" in message:
                wire.send(id=message["id"], **answer)
        wire.leave()
        assert server.wait(WATCHDOG_S) == 0
        assert "Traceback" not in log_of(server)
        check_shown(wire)


def test_an_edit_without_a_version(wire: Wire, tmp_path: Path) -> None:
    open_folder(wire, tmp_path)
    uri = wire.open(tmp_path / "app.js", "")
    for version in ({"version": None}, {}):
        for text, count in (("import './a.js';\n", 1), ("", 0)):
            change = {"textDocument": {"uri": uri, **version}, "contentChanges": [{"text": text}]}
            wire.send(method="textDocument/didChange", params=change)
            assert len(wire.links(uri)) == count


def test_files_that_cannot_be(wire: Wire) -> None:
    for uri in ("file:///a%00b.js", "file://[/a.js", "file:", "file://", "file://host/a.js", "a.js", "\ud800", ""):
        item = {"uri": uri, "languageId": "javascript", "version": 1, "text": "import './a.js';\n"}
        wire.send(method="textDocument/didOpen", params={"textDocument": item})
        wire.send(method="textDocument/didSave", params={"textDocument": {"uri": uri}})
        assert wire.links(uri) == []
        wire.send(method="textDocument/didClose", params={"textDocument": {"uri": uri}})


def test_names_of_files(wire: Wire, tmp_path: Path) -> None:
    open_folder(wire, tmp_path)
    for name in ("a;b.js", "a b.js", "ä#?%.js", "C:.js", "a\udcffb.js"):
        uri = wire.open(tmp_path / name, "import './a.js';\n")
        assert [one["target"] for one in wire.links(uri)] == [(tmp_path / "a.js").as_uri()]
        assert (
            wire.links(uri.replace("file://", "file://localhost"))
            == wire.links(uri.replace("//", ""))
            == wire.links(uri)
        )
