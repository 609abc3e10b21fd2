"""Open documents: edits and positions in every encoding, long documents, line ends, and unsaved texts."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, at, between, marked, position_of, visual_studio_code, with_encoding
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET = {"cache-cold": "off", "cache-stale": "off", "not-served": "off"}
FILES = {"a.js": "/* ä𝒳 */ export const 𝒳a = 1; export { 𝒳a as name };\n"}
# Characters of one, two, three and four bytes, and of two UTF-16 code units.
PIECES = (
    "",
    "a",
    "é",
    "€",
    "𝒳",
    "\n",
    "\r\n",
    " ",
    ";",
    "}",
    "/* é𝒳 */",
    'import { name } from "./a.js";\n',
    'import { none as é } from "./a.js";\r\n',
    "import './gone𝒳.js';",
    "export const x = `€${1}`;\n",
    "function f() { await 1; }\n",
)
EDITS = 60


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=list(types.PositionEncodingKind), ids=lambda one: one.value
)
async def server(
    request: pytest.FixtureRequest, pulling: SharedServer, tmp_path_factory: pytest.TempPathFactory, node: Path
) -> AsyncIterator[SharedServer]:
    """Yield a server for each encoding; the one that all tests share counts in UTF-16."""
    if request.param is types.PositionEncodingKind.Utf16:
        yield pulling
        return
    capabilities = partial(with_encoding, visual_studio_code(), request.param)
    server = SharedServer(tmp_path_factory.mktemp("documents"), node, capabilities)
    yield server
    await server.end()


@pytest_asyncio.fixture(loop_scope="session")
async def editor(server: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with server.a_folder(tmp_path, FILES, severity=QUIET) as editor:
        yield editor


def encoding(editor: Editor) -> str:
    return types.PositionEncodingKind(editor.server_capabilities.position_encoding).value


async def test_encoding_is_the_one_that_the_client_prefers(editor: Editor) -> None:
    assert editor.capabilities.general is not None
    assert [editor.server_capabilities.position_encoding] == editor.capabilities.general.position_encodings


async def test_places_behind_other_characters(editor: Editor) -> None:
    text = "/* é€𝒳 */ import { name as 𝒳, none as é } from './a.js'; import '𝒳€'; 𝒳;\n"
    editor.open("places.js", text)
    found = {one.code: one for one in await editor.codes("places.js", ["missing-export", "unresolved-import"])}
    assert found["missing-export"].range == marked(text, "none as «é»", encoding(editor))
    assert found["unresolved-import"].range == marked(text, "import «'𝒳€'»", encoding(editor))
    (related,) = found["missing-export"].related_information or ()
    assert related.location.range.start == types.Position(0, 0)

    position = marked(text, "; «𝒳;»", encoding(editor)).start
    hover = await editor.client.text_document_hover_async(types.HoverParams(editor.place("places.js"), position))
    assert hover is not None
    assert hover.range == marked(text, "; «𝒳»;", encoding(editor))
    parameters = types.DefinitionParams(editor.place("places.js"), position)
    links = await editor.client.text_document_definition_async(parameters)
    assert isinstance(links, list | tuple)
    (link,) = links
    assert isinstance(link, types.LocationLink)
    assert link.target_range == marked(FILES["a.js"], "const «𝒳a»", encoding(editor))


async def test_edits_come_to_what_a_fresh_text_comes_to(editor: Editor) -> None:
    """The edits insert, delete and replace across lines, sometimes several in one change; the seed is fixed."""
    chance = random.Random(5)
    text = 'import { name } from "./a.js";\r\nexport const é = name;\n'
    editor.open("edited.js", text)
    for number in range(EDITS):
        changes = []
        for _ in range(chance.choice((1, 1, 2))):
            start, end = sorted(chance.choices(_between_lines_ends(text), k=2))
            # Long deletions would leave little text to edit.
            end = min(end, start + 12)
            while "\r\n" in text[end - 1 : end + 1]:
                end += 1
            new = chance.choice(PIECES)
            changes.append((types.Range(_position(editor, text, start), _position(editor, text, end)), new))
            text = text[:start] + new + text[end:]
        editor.edit("edited.js", *changes)
        if number % 3 == 0:
            editor.open("fresh.js", text)
            fresh = await editor.pulled("fresh.js")
            edited = await editor.pulled("edited.js")
            assert _without_name(edited, "edited.js") == _without_name(fresh, "fresh.js"), text
            editor.close("fresh.js")


async def test_windows_line_ends(editor: Editor) -> None:
    text = "// é\r\nimport './gone.js';\r\nimport { none } from './a.js';\r\n"
    editor.open("windows.js", text)
    found = await editor.codes("windows.js", ["missing-export", "unresolved-import"])
    assert {one.code: one.range for one in found} == {
        "unresolved-import": between(text, "'./gone.js'", encoding(editor)),
        "missing-export": between(text, "none", encoding(editor)),
    }
    editor.edit("windows.js", (types.Range(types.Position(1, 0), types.Position(2, 0)), ""))
    (found_after,) = await editor.codes("windows.js", ["missing-export"])
    assert found_after.range.start.line == 1


async def test_unsaved_text_counts_for_importers(editor: Editor) -> None:
    editor.write("shared.js", "export const one = 1;\n")
    editor.write("importer.js", 'import { two } from "./shared.js";\n')
    editor.open("importer.js")
    await editor.codes("importer.js", ["missing-export"])
    editor.open("shared.js", "export const two = 2;\n")
    await editor.codes("importer.js", [])
    editor.retype("shared.js", "export const three = 3;\n")
    await editor.codes("importer.js", ["missing-export"])
    editor.retype("shared.js", "export const two = 2;\n")
    await editor.codes("importer.js", [])
    editor.close("shared.js")
    await editor.codes("importer.js", ["missing-export"])


async def test_typing_decides_the_format_of_a_file_without_a_type(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"package.json": "{}", "a.js": "export const a = 1;\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        for text, links in (("", 0), ("import './a.js';\n", 1), ("require('./a.js');\n", 1), ("", 0)):
            if "app.js" in editor.versions:
                editor.retype("app.js", text)
            else:
                editor.open("app.js", text)
            parameters = types.DocumentLinkParams(editor.place("app.js"))
            assert len(await editor.client.text_document_document_link_async(parameters) or ()) == links, text


async def test_document_that_is_no_file(editor: Editor) -> None:
    """A new document that was never saved: its requests are resolved, and its cache has no diagnostics."""
    editor.open("never-saved.js", 'import { name } from "./a.js";\nimport "./gone.js";\n')
    await editor.codes("never-saved.js", ["unresolved-import"])
    editor.close("never-saved.js")
    untitled = types.TextDocumentItem("untitled:Untitled-1", "javascript", 1, "import './gone.js';\n")
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(untitled))
    parameters = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(untitled.uri))
    report = await editor.client.text_document_diagnostic_async(parameters)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert report.items == ()


async def test_document_of_three_megabytes(pulling: SharedServer, tmp_path: Path) -> None:
    line = "export const name% = [1, 'two', { three: 3 }].map((one) => one);\n"
    text = "".join(line.replace("%", str(number)) for number in range(45_000))
    assert len(text) > 3_000_000
    async with pulling.a_folder(tmp_path, {"long.js": text}, severity=QUIET) as editor:
        editor.open("long.js")
        await editor.codes("long.js", [])
        start = types.Position(45_000, 0)
        editor.edit("long.js", (types.Range(start, start), "export const name7 = 1;\n"))
        found = await editor.codes("long.js", ["duplicate-declaration", "duplicate-export"])
        assert [one.range for one in found] == [at(45_000, 13, 18)] * 2
        editor.edit("long.js", (types.Range(start, types.Position(45_001, 0)), ""))
        await editor.codes("long.js", [])


def _between_lines_ends(text: str) -> list[int]:
    return [index for index in range(len(text) + 1) if text[index - 1 : index + 1] != "\r\n"]


def _position(editor: Editor, text: str, index: int) -> types.Position:
    return position_of(text, index, encoding(editor))


def _without_name(found: list[types.Diagnostic], name: str) -> str:
    return repr(found).replace(name, "NAME")
