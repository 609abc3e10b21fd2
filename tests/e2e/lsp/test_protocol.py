"""Messages that are not valid LSP: every request is answered, users are not disturbed, and the server continues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.wire import Wire, a_server, log_of, wire_to

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED, INTERNAL_ERROR = -32002, -32603


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """Yield the wire to a server; at the end the server must work and have shown no message and logged no traceback."""
    (tmp_path / "a.js").write_text("export {};\n")
    with a_server(tmp_path, ESMCACHE_NODE=str(tmp_path / "no-node")) as server:
        wire = wire_to(server)
        yield wire
        wire.leave()
        assert server.wait(WATCHDOG_S) == 0
        assert "Traceback" not in log_of(server)
        # There is no Node here, and that is the only message for the user.
        assert [one for one in wire.shown() if "no Node" not in one] == []


def code(answer: dict[str, Any]) -> int:
    assert "result" not in answer
    assert "\n" not in answer["error"]["message"]
    number: int = answer["error"]["code"]
    return number


def test_params_of_another_kind(wire: Wire) -> None:
    wire.initialize()
    for params in (
        {"textDocument": {}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "file:///a.js"}, "position": {"line": "x", "character": 0}},
        {"textDocument": None, "position": None},
        {"nothing": 1},
    ):
        assert code(wire.ask("textDocument/hover", **params)) == INVALID_PARAMS


def test_params_that_are_no_object(wire: Wire) -> None:
    wire.initialize()
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
    wire.initialize()
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
    wire.initialize()
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
    wire.initialize()
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
    wire.initialize()
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
def test_a_client_that_does_not_answer_what_was_asked(wire: Wire, answer: dict[str, Any], tmp_path: Path) -> None:
    """The server finishes its first steps, whatever the client answers."""
    capabilities = {
        "workspace": {
            "configuration": True,
            "didChangeConfiguration": {"dynamicRegistration": True},
            "didChangeWatchedFiles": {"dynamicRegistration": True},
        },
        "experimental": {"esmcacheStatus": True},
    }
    wire.initialize(tmp_path, capabilities=capabilities)
    while (message := wire.receive()).get("method") != "esmcache/status":
        if "id" in message:
            wire.send(id=message["id"], **answer)


def test_an_edit_without_a_version(wire: Wire, tmp_path: Path) -> None:
    wire.initialize(tmp_path)
    uri = wire.open(tmp_path / "app.js", "")
    for version in ({"version": None}, {}):
        for text, count in (("import './a.js';\n", 1), ("", 0)):
            change = {"textDocument": {"uri": uri, **version}, "contentChanges": [{"text": text}]}
            wire.send(method="textDocument/didChange", params=change)
            assert len(wire.links(uri)) == count


def test_files_that_cannot_be(wire: Wire) -> None:
    wire.initialize()
    for uri in ("file:///a%00b.js", "file://[/a.js", "file:", "file://", "file://host/a.js", "a.js", "\ud800", ""):
        item = {"uri": uri, "languageId": "javascript", "version": 1, "text": "import './a.js';\n"}
        wire.send(method="textDocument/didOpen", params={"textDocument": item})
        wire.send(method="textDocument/didSave", params={"textDocument": {"uri": uri}})
        assert wire.links(uri) == []
        wire.send(method="textDocument/didClose", params={"textDocument": {"uri": uri}})


def test_names_of_files(wire: Wire, tmp_path: Path) -> None:
    wire.initialize(tmp_path)
    for name in ("a;b.js", "a b.js", "ä#?%.js", "C:.js", "a\udcffb.js"):
        uri = wire.open(tmp_path / name, "import './a.js';\n")
        assert [one["target"] for one in wire.links(uri)] == [(tmp_path / "a.js").as_uri()]
        assert (
            wire.links(uri.replace("file://", "file://localhost"))
            == wire.links(uri.replace("//", ""))
            == wire.links(uri)
        )
