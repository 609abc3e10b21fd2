"""Links, definitions and references of specifiers, and of names through re-exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, at, between
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = """\
import { greet as hello } from "./lib/index.js";
import * as all from "./lib/index.js";
import plain from "./lib/greet.js";
import { answer } from "tool";
import { sep } from "node:path";
import { gone } from "./gone.js";
export * from './lib/deep.js';
const later = () => import("./lib/deep.js?again");
hello(sep, later);
"""
INDEX = 'export { greet } from "./greet.js";\nexport * from "./deep.js";\n'
GREET = "function greet(name) {\n  return greet;\n}\nexport { greet };\nexport default class {}\n"
OTHER = 'import { greet } from "./lib/index.js";\nimport { deep } from "./lib/index.js";\nexport { greet as again };\n'
FILES = {
    "package.json": '{"name": "demo", "type": "module", "main": "app.js", "esmcache": {"entries": ["other.js"]}}',
    "app.js": APP,
    "other.js": OTHER,
    "lib/index.js": INDEX,
    "lib/greet.js": GREET,
    "lib/deep.js": "export const deep = 1;\n",
    "node_modules/tool/package.json": '{"name": "tool", "version": "1.2.3", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "export const answer = 42;\n",
}


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES) as editor:
        await editor.warm()
        for name in ("app.js", "lib/greet.js"):
            editor.open(name)
        yield editor


async def links(editor: Editor, name: str) -> dict[str, types.Range]:
    found = await editor.client.text_document_document_link_async(types.DocumentLinkParams(editor.place(name)))
    assert found is not None
    return {(one.target or "").replace(editor.root.as_uri(), ""): one.range for one in found}


async def defined(editor: Editor, name: str, position: types.Position) -> tuple[str, types.Range, types.Range] | None:
    """Return file and range of the definition, and the range that it was asked from."""
    answer = await editor.client.text_document_definition_async(types.DefinitionParams(editor.place(name), position))
    if answer is None:
        return None
    assert isinstance(answer, list)
    (link,) = answer
    assert isinstance(link, types.LocationLink)
    assert link.origin_selection_range is not None
    return link.target_uri.replace(editor.root.as_uri(), ""), link.target_range, link.origin_selection_range


async def referring(
    editor: Editor, name: str, position: types.Position, *, declaration: bool = False
) -> set[tuple[str, int, int]]:
    """Return file, line and column of each reference."""
    context = types.ReferenceContext(include_declaration=declaration)
    parameters = types.ReferenceParams(context, editor.place(name), position)
    found = await editor.client.text_document_references_async(parameters)
    assert found is not None
    assert len(found) == len({(one.uri, one.range.start.line, one.range.start.character) for one in found})
    prefix = editor.root.as_uri() + "/"
    return {(one.uri.removeprefix(prefix), one.range.start.line, one.range.start.character) for one in found}


async def test_links(editor: Editor) -> None:
    """Links exist for resolved specifiers only; the quotes are not part of them."""
    found = await editor.client.text_document_document_link_async(types.DocumentLinkParams(editor.place("app.js")))
    assert found is not None
    assert [((one.target or "").replace(editor.root.as_uri(), ""), one.range) for one in found] == [
        ("/lib/index.js", between(APP, "./lib/index.js")),
        ("/lib/index.js", between(APP, "./lib/index.js", occurrence=1)),
        ("/lib/greet.js", between(APP, "./lib/greet.js")),
        ("/node_modules/tool/main.js", between(APP, "tool")),
        ("/lib/deep.js", between(APP, "./lib/deep.js")),
        ("/lib/deep.js", between(APP, "./lib/deep.js?again")),
    ]


async def test_links_of_a_text_with_errors(editor: Editor) -> None:
    text = 'import { a } from "./lib/deep.js";\nlet = (;\n'
    editor.write("broken.js", text)
    editor.open("broken.js")
    assert await links(editor, "broken.js") == {"/lib/deep.js": between(text, "./lib/deep.js")}


@pytest.mark.parametrize(
    ("wanted", "occurrence", "file", "range_"),
    [
        pytest.param('"./lib/index.js"', 0, "/lib/index.js", at(0, 0, 0), id="specifier"),
        pytest.param('"tool"', 0, "/node_modules/tool/main.js", at(0, 0, 0), id="package"),
        pytest.param("hello", 0, "/lib/greet.js", at(0, 9, 14), id="through a re-export, to the declaration"),
        pytest.param("hello", 1, "/lib/greet.js", at(0, 9, 14), id="where it is used"),
        pytest.param("all", 0, "/lib/index.js", at(0, 0, 0), id="namespace"),
        pytest.param("plain", 0, "/lib/greet.js", at(4, 7, 14), id="default without a name"),
        pytest.param("answer", 0, "/node_modules/tool/main.js", at(0, 13, 19), id="name of a package"),
    ],
)
async def test_definition(editor: Editor, wanted: str, occurrence: int, file: str, range_: types.Range) -> None:
    place = between(APP, wanted, occurrence=occurrence)
    for position in (place.start, place.end):
        assert await defined(editor, "app.js", position) == (file, range_, place)


async def test_definition_of_an_export_clause(editor: Editor) -> None:
    place = between(GREET, "greet", occurrence=2)
    assert await defined(editor, "lib/greet.js", place.start) == ("/lib/greet.js", at(0, 9, 14), place)


@pytest.mark.parametrize("wanted", ['"node:path"', '"./gone.js"', "gone", "const later"])
async def test_no_definition(editor: Editor, wanted: str) -> None:
    assert await defined(editor, "app.js", between(APP, wanted).start) is None


async def test_definition_follows_unsaved_text(editor: Editor) -> None:
    editor.open("lib/deep.js", "// one\n// two\nexport const deep = 1;\n")
    editor.open("other.js")
    place = between(OTHER, "deep")
    assert await defined(editor, "other.js", place.start) == ("/lib/deep.js", at(2, 13, 17), place)
    editor.close("lib/deep.js")
    assert await defined(editor, "other.js", place.start) == ("/lib/deep.js", at(0, 13, 17), place)


async def test_references_of_an_export(editor: Editor) -> None:
    """The references are all imports and re-exports, including those in modules that are not open."""
    expected = {("app.js", 0, 18), ("other.js", 0, 9), ("other.js", 2, 18), ("lib/index.js", 0, 9)}
    for text, name, wanted, occurrence in ((GREET, "lib/greet.js", "greet", 0), (APP, "app.js", "hello", 1)):
        position = between(text, wanted, occurrence=occurrence).start
        assert await referring(editor, name, position) == expected
        declared = await referring(editor, name, position, declaration=True)
        assert declared == {*expected, ("lib/greet.js", 0, 9)}


async def test_references_of_a_module(editor: Editor) -> None:
    assert await referring(editor, "app.js", between(APP, '"./lib/index.js"').start) == {
        ("app.js", 0, 31),
        ("app.js", 1, 21),
        ("other.js", 0, 22),
        ("other.js", 1, 21),
    }


async def test_references_in_unsaved_text(editor: Editor) -> None:
    editor.open("other.js", "\n" + OTHER)
    found = await referring(editor, "lib/greet.js", between(GREET, "greet").start)
    assert found == {("app.js", 0, 18), ("other.js", 1, 9), ("other.js", 3, 18), ("lib/index.js", 0, 9)}


@pytest.mark.parametrize("wanted", ["const later", '"node:path"', '"./gone.js"', "gone"])
async def test_no_references(editor: Editor, wanted: str) -> None:
    assert await referring(editor, "app.js", between(APP, wanted).start) == set()
