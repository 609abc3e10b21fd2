"""Names and texts of files are escaped: they control no terminal, reverse no line, and are not Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from e2e.lsp.editor import Editor, between
from e2e.lsp.shared_server import SharedServer
from e2e.lsp.wire import a_server, log_of, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

# These clear the screen, reverse the rest of the line, ring the bell, and end the line.
CONTROLS = "\x1b[2J\u202egnp\u2066\x07\x85"
SHOWN = r"\u001b[2J\u202egnp\u2066\u0007\u0085"
MARKUP = "`<img src=x onerror=alert(1)>`[click](command:evil)![](https://evil.example/x)"
DIRECTORY = f"d{CONTROLS}"
FILE = "[x](command:evil) ``**b**.js"
GONE = f"./gone-{MARKUP}{CONTROLS}.js"
APP = f"""\
import {{ nothing }} from {json.dumps(f"./{DIRECTORY}/{FILE}")};
import {json.dumps(GONE)};
import "evil";
"""
PACKAGE = {
    "name": f"{MARKUP}{CONTROLS}",
    "version": f"1.0.0-{MARKUP}{CONTROLS}",
    "type": "module",
    "exports": "./main.js",
}
FILES = {
    "app.js": APP,
    f"{DIRECTORY}/{FILE}": "export const nothin = 1;\n",
    "node_modules/evil/package.json": json.dumps(PACKAGE),
    "node_modules/evil/main.js": "export {};\n",
    "esmcache.json": json.dumps({"conditions": [f"{MARKUP}{CONTROLS}"]}),
}
UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        await editor.warm()
        editor.open("app.js")
        yield editor


@pytest.mark.parametrize("specifier", [f"./{DIRECTORY}/{FILE}", GONE, "evil"], ids=["file", "gone", "package"])
async def test_hovers(specifier: str, editor: Editor) -> None:
    place = between(APP, json.dumps(specifier)).start
    hover = await editor.client.text_document_hover_async(types.HoverParams(editor.place("app.js"), place))
    assert hover is not None and isinstance(hover.contents, types.MarkupContent)
    check_markdown(hover.contents.value)


async def test_diagnostics_and_what_mends_them(editor: Editor) -> None:
    found = await editor.pulled("app.js")
    assert {one.code for one in found} >= {"missing-export", "unresolved-import"}
    assert not [one.message for one in found if UNPRINTABLE.search(one.message) or "\n" in one.message]
    assert any(SHOWN in one.message for one in found)
    whole = types.Range(types.Position(0, 0), types.Position(3, 0))
    context = types.CodeActionContext(found)
    actions = await editor.client.text_document_code_action_async(
        types.CodeActionParams(editor.place("app.js"), whole, context)
    )
    assert not [one.title for one in actions or () if UNPRINTABLE.search(one.title)]


async def test_an_explanation(editor: Editor) -> None:
    for name in ("app.js", f"{DIRECTORY}/{FILE}"):
        answer = await editor.command("esmcache.explain", editor.uri(name))
        check_markdown(answer["text"])
        assert not UNPRINTABLE.search(answer["reason"])


async def test_answers_that_are_shown(editor: Editor) -> None:
    packages = (await editor.request("esmcache/modules"))["packages"]
    graph = await editor.request("esmcache/graph", uri=editor.uri("app.js"))
    statistics = await editor.request("esmcache/stats")
    shown = [
        *(text for one in packages for text in (one["name"], one["version"])),
        *(text for package in packages for one in package["modules"] for text in (one["name"], one["problem"])),
        *(text for one in graph["nodes"] for text in (one["name"], one["package"], one["problem"])),
        *(one["name"] for one in statistics["packages"]),
    ]
    assert any(SHOWN in one for one in shown)
    assert not [one for one in shown if UNPRINTABLE.search(one)]
    # A URI is not escaped in this way, since it must lead to the file.
    assert editor.uri(f"{DIRECTORY}/{FILE}") in {one["uri"] for one in graph["nodes"]}


async def test_what_a_command_did(editor: Editor) -> None:
    summary: dict[str, Any] = await editor.command("esmcache.rebuild", editor.uri("app.js"))
    assert any(SHOWN in one["message"] for one in summary["problems"])
    assert not [one for one in summary["problems"] if UNPRINTABLE.search(one["message"])]
    with pytest.raises(JsonRpcException) as caught:
        await editor.command("esmcache.warm", f"untitled:{MARKUP}{CONTROLS}")
    assert not UNPRINTABLE.search(caught.value.message)
    # VS Code turns this into links in messages.
    assert "](" not in caught.value.message


async def test_the_log_and_messages(tmp_path: Path) -> None:
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        unfit = {"severity": {CONTROLS: "off", "cache-cold": f"{CONTROLS}\n"}, "trace": f"{CONTROLS}\n", CONTROLS: 1}
        wire.initialize(initializationOptions=unfit)
        for _ in range(2):
            message = wire.until("window/showMessage")["params"]["message"]
            assert not UNPRINTABLE.search(message) and "\n" not in message
        wire.send(method=CONTROLS, params={})
        wire.leave()
        server.wait()
        log = log_of(server)
        assert SHOWN in log and not UNPRINTABLE.search(log)


def check_markdown(text: str) -> None:
    """Assert that a text has no control characters, and that all text from files is code or escaped words."""
    assert not UNPRINTABLE.search(text)
    for line in text.splitlines():
        # Text between backticks is code, whatever it contains; a link's URI leads to a file and is percent-encoded.
        rest = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line)
        rest = re.sub(r"\[CODE\]\(<file:[^<>\s]*>\)", "LINK", rest)
        rest = re.sub(r"\\[!-/:-@\[-`{-~]", "", rest)
        assert not re.search(r"[`<>\[\]!]|command:|https:", rest), line
