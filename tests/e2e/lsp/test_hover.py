"""Hovers over specifiers and names, as Markdown and as plain text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, between
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = """\
import { greet as hello, deep } from "./lib/index.js";
import * as all from "./lib/index.js";
import { answer } from "tool";
import { sep } from "node:path";
import { gone } from "./gone.js";
import legacy from "./legacy.cjs";
import { once } from "./legacy.cjs";
import { absent } from "./lib/greet.js";

export const used = (name) => hello(name) + answer + sep;
export { deep as deeper };
function local(hello) {
  return hello;
}
"""
FILES = {
    "app.js": APP,
    "lib/index.js": 'export { greet } from "./greet.js";\nexport * from "./deep.js";\n',
    "lib/greet.js": "function greet(name) {\n  return name;\n}\nexport { greet };\n",
    "lib/deep.js": "export const deep = 1;\n",
    "legacy.cjs": "exports.once = 1;\n",
    "node_modules/tool/package.json": '{"name": "tool", "version": "1.2.3", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "export const answer = 42;\n",
}


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        await editor.warm()
        editor.open("app.js")
        yield editor


async def hovered(editor: Editor, wanted: str, occurrence: int = 0) -> tuple[types.Hover, str]:
    """Return the hover over a text in app.js, and its text without the project's path, keys and sizes."""
    place = between(APP, wanted, occurrence=occurrence)
    hover = await editor.client.text_document_hover_async(types.HoverParams(editor.place("app.js"), place.start))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.range == place
    text = hover.contents.value.replace(editor.root.as_uri(), "ROOT").replace(str(editor.root), "ROOT")
    text = re.sub(r"\b[0-9a-f]{12}\b", "KEY", text)
    return hover, re.sub(r"(record|code cache) [\d.]+ k?B", r"\1 SIZE", text)


async def test_specifier_of_a_module(editor: Editor) -> None:
    hover, text = await hovered(editor, '"./lib/index.js"')
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.kind is types.MarkupKind.Markdown
    assert text.splitlines() == [
        "**`./lib/index.js`** → [`lib/index.js`](<ROOT/lib/index.js>)",
        "",
        "- package: `demo`",
        "- format: module",
        "- cache: warm",
        "- key: `KEY`",
        "- size: source 63 B, record SIZE, code cache SIZE",
        "- reaches: 3 modules, 144 B",
    ]


async def test_specifier_of_a_package(editor: Editor) -> None:
    _, text = await hovered(editor, '"tool"')
    assert text.splitlines() == [
        "**`tool`** → [`node_modules/tool/main.js`](<ROOT/node_modules/tool/main.js>)",
        "",
        "- package: `tool@1.2.3`",
        "- format: module",
        "- conditions: import, node, module-sync, node-addons",
        "- cache: warm",
        "- key: `KEY`",
        "- size: source 26 B, record SIZE, code cache SIZE",
        "- reaches: 1 module, 26 B",
    ]


async def test_specifier_of_a_builtin(editor: Editor) -> None:
    _, text = await hovered(editor, '"node:path"')
    assert text.splitlines() == ["**`node:path`** → `node:path`", "", "- format: builtin"]


async def test_specifier_that_is_not_found(editor: Editor) -> None:
    _, text = await hovered(editor, '"./gone.js"')
    assert text.splitlines() == [
        "**`./gone.js`** is not found",
        "",
        "`ERR_MODULE_NOT_FOUND: Cannot find module 'ROOT/gone.js' imported from ROOT/app.js`",
    ]


@pytest.mark.parametrize(
    ("wanted", "occurrence", "expected"),
    [
        pytest.param(
            "hello",
            0,
            [
                "**`hello`** is `greet` from [`lib/greet.js:1`](<ROOT/lib/greet.js#L1>)",
                "",
                "- re-exported by [`lib/index.js:1`](<ROOT/lib/index.js#L1>)",
            ],
            id="imported under another name",
        ),
        pytest.param(
            "greet",
            0,
            [
                "**`hello`** is `greet` from [`lib/greet.js:1`](<ROOT/lib/greet.js#L1>)",
                "",
                "- re-exported by [`lib/index.js:1`](<ROOT/lib/index.js#L1>)",
            ],
            id="the name that it has there",
        ),
        pytest.param(
            "hello",
            1,
            [
                "**`hello`** is `greet` from [`lib/greet.js:1`](<ROOT/lib/greet.js#L1>)",
                "",
                "- re-exported by [`lib/index.js:1`](<ROOT/lib/index.js#L1>)",
            ],
            id="where it is used",
        ),
        pytest.param(
            "deeper",
            0,
            [
                "**`deeper`** is `deep` from [`lib/deep.js:1`](<ROOT/lib/deep.js#L1>)",
                "",
                "- re-exported by [`lib/index.js:2`](<ROOT/lib/index.js#L2>)",
            ],
            id="exported again",
        ),
        pytest.param("all", 0, ["**`all`** is from [`lib/index.js`](<ROOT/lib/index.js>)"], id="namespace"),
        pytest.param("used", 0, ["**`used`** is from [`app.js:10`](<ROOT/app.js#L10>)"], id="own export"),
        pytest.param(
            "once",
            0,
            [
                "**`once`** is from [`legacy.cjs`](<ROOT/legacy.cjs>)",
                "",
                "- from a module whose exports are known only when it runs",
            ],
            id="CommonJS",
        ),
        pytest.param("absent", 0, ["**`absent`** is not exported"], id="not exported"),
        pytest.param("gone", 0, ["**`gone`** is from a module that is not found"], id="not found"),
    ],
)
async def test_name(editor: Editor, wanted: str, occurrence: int, expected: list[str]) -> None:
    _, text = await hovered(editor, wanted, occurrence)
    assert text.split("\n") == expected


@pytest.mark.parametrize(("wanted", "occurrence"), [("(hello)", 0), ("return hello", 0), ("function local", 0)])
async def test_nothing_to_say(editor: Editor, wanted: str, occurrence: int) -> None:
    place = between(APP, wanted, occurrence=occurrence).end
    position = types.Position(place.line, place.character - 2)
    assert await editor.client.text_document_hover_async(types.HoverParams(editor.place("app.js"), position)) is None


async def test_unsaved_text_of_the_target_counts(editor: Editor) -> None:
    editor.open("lib/deep.js", "\n\nexport const deep = 2;\n")
    _, text = await hovered(editor, "deeper")
    assert "lib/deep.js:3" in text
