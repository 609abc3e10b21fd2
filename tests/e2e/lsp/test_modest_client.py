"""A client that announces no capabilities gets only what every client supports, and no requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, at, between

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP = 'import { a, b } from "./a.js";\nimport { answer } from "tool";\n'
FILES = {
    "app.js": APP,
    "a.js": "export const a = 1;\n",
    "node_modules/tool/package.json": '{"name": "tool", "version": "1.2.3", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "export const answer = 42;\n",
}
EVERYWHERE = types.Range(types.Position(0, 0), types.Position(100, 0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory, node: Path) -> AsyncIterator[Editor]:
    async with an_editor(tmp_path_factory.mktemp("modest"), node, FILES, types.ClientCapabilities()) as editor:
        editor.open("app.js")
        await editor.warm()
        yield editor


async def test_hover_in_plain_text(editor: Editor) -> None:
    place = between(APP, '"tool"')
    hover = await editor.client.text_document_hover_async(types.HoverParams(editor.place("app.js"), place.start))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.kind is types.MarkupKind.PlainText
    lines = hover.contents.value.splitlines()
    assert lines[:6] == [
        "tool → node_modules/tool/main.js",
        "",
        "package: tool@1.2.3",
        "format: module",
        "conditions: import, node, module-sync, node-addons",
        "cache: warm",
    ]
    assert lines[-1] == "reaches: 1 module, 26 B"


async def test_definition_is_a_location(editor: Editor) -> None:
    parameters = types.DefinitionParams(editor.place("app.js"), between(APP, "a, b").start)
    answer = await editor.client.text_document_definition_async(parameters)
    assert answer == types.Location(editor.uri("a.js"), at(0, 13, 14))


async def test_code_actions_are_commands(editor: Editor) -> None:
    parameters = types.CodeActionParams(editor.place("app.js"), at(0, 0, 0), types.CodeActionContext([]))
    found = await editor.client.text_document_code_action_async(parameters)
    uri = editor.uri("app.js")
    assert list(found or ()) == [
        types.Command("Warm this module", "esmcache.warm", arguments=(uri, {"reach": False})),
        types.Command("Warm this module and all it reaches", "esmcache.warm", arguments=(uri,)),
        types.Command("Rebuild its cache", "esmcache.rebuild", arguments=(uri,)),
    ]


async def test_diagnostics_are_pushed_without_related_places(editor: Editor) -> None:
    assert editor.server_capabilities.diagnostic_provider is None
    (found,) = await editor.codes("app.js", ["missing-export"])
    assert found.related_information is None
    assert editor.server_capabilities.position_encoding == "utf-16"


async def test_renames_are_not_announced(editor: Editor) -> None:
    assert editor.server_capabilities.workspace is not None
    assert editor.server_capabilities.workspace.file_operations in (None, types.FileOperationOptions())


async def test_lens_and_hints_without_being_told_to_ask_anew(editor: Editor) -> None:
    (lens,) = await editor.client.text_document_code_lens_async(types.CodeLensParams(editor.place("app.js"))) or ()
    assert lens.command is not None
    assert lens.command.title.startswith("esmcache: warm · 3 modules")
    parameters = types.InlayHintParams(editor.place("app.js"), EVERYWHERE)
    hints = await editor.client.text_document_inlay_hint_async(parameters)
    assert [one.label for one in hints or ()] == ["1 module, 20 B", "1 module, 26 B"]


async def test_nothing_is_asked_of_the_client(editor: Editor) -> None:
    await editor.warm()
    assert (editor.refreshed, editor.connection.registered, editor.status, editor.client.progress_reports) == (
        {},
        [],
        {},
        {},
    )
