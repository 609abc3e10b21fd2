"""Pull diagnostics: result ids, unchanged reports, whole workspaces, and the clients that get them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, neovim_pulling
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIET = {"cache-cold": "off", "cache-stale": "off"}
FILES = {
    "app.js": 'import { a } from "./a.js";\n',
    "a.js": "export const b = 1;\n",
    "sound.js": "export {};\n",
    "node_modules/tool/package.json": '{"name": "tool", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "import './gone.js';\n",
}


@pytest_asyncio.fixture(loop_scope="session")
async def editor(pulling: SharedServer, tmp_path: Path) -> AsyncIterator[Editor]:
    async with pulling.a_folder(tmp_path, FILES, severity=QUIET) as editor:
        yield editor


async def document_report(editor: Editor, name: str, previous: str | None = None) -> types.DocumentDiagnosticReport:
    parameters = types.DocumentDiagnosticParams(editor.place(name), previous_result_id=previous)
    return await editor.client.text_document_diagnostic_async(parameters)


async def workspace_reports(
    editor: Editor, previous: Mapping[str, str] | None = None
) -> dict[str, types.WorkspaceDocumentDiagnosticReport]:
    """Return the reports by file name; `previous` has result ids by file name."""
    ids = [types.PreviousResultId(editor.uri(name), value) for name, value in (previous or {}).items()]
    answer = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(ids))
    return {one.uri.removeprefix(editor.root.as_uri() + "/"): one for one in answer.items}


async def test_what_is_offered(editor: Editor) -> None:
    assert editor.server_capabilities.diagnostic_provider == types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier="esmcache", work_done_progress=False
    )


async def test_unchanged_report(editor: Editor) -> None:
    editor.open("app.js")
    first = await document_report(editor, "app.js")
    assert isinstance(first, types.RelatedFullDocumentDiagnosticReport)
    assert [one.code for one in first.items] == ["missing-export"]
    again = await document_report(editor, "app.js", first.result_id)
    assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
    assert again.result_id == first.result_id

    editor.retype("app.js", '\nimport { a } from "./a.js";\n')
    moved = await document_report(editor, "app.js", first.result_id)
    assert isinstance(moved, types.RelatedFullDocumentDiagnosticReport)
    assert [one.range.start.line for one in moved.items] == [1]
    assert moved.result_id != first.result_id

    editor.close("app.js")
    back = await document_report(editor, "app.js", moved.result_id)
    assert isinstance(back, types.RelatedFullDocumentDiagnosticReport)
    assert back.result_id == first.result_id


async def test_workspace_report(editor: Editor) -> None:
    """The report includes files that are not open, but no installed packages and no files without diagnostics."""
    editor.open("sound.js", 'import "./gone.js";\n')
    first = await workspace_reports(editor)
    assert sorted(first) == ["app.js", "sound.js"]
    codes = {}
    for name, report in first.items():
        assert isinstance(report, types.WorkspaceFullDocumentDiagnosticReport)
        codes[name] = [one.code for one in report.items]
    assert codes == {"app.js": ["missing-export"], "sound.js": ["unresolved-import"]}
    assert (first["app.js"].version, first["sound.js"].version) == (None, 1)

    ids = {name: report.result_id or "" for name, report in first.items()}
    again = await workspace_reports(editor, ids)
    assert {name: type(report) for name, report in again.items()} == {
        "app.js": types.WorkspaceUnchangedDocumentDiagnosticReport,
        "sound.js": types.WorkspaceUnchangedDocumentDiagnosticReport,
    }
    editor.close("sound.js")
    mended = await workspace_reports(editor, ids)
    assert isinstance(mended["app.js"], types.WorkspaceUnchangedDocumentDiagnosticReport)
    assert isinstance(mended["sound.js"], types.WorkspaceFullDocumentDiagnosticReport)
    assert mended["sound.js"].items == ()


async def test_client_is_told_to_pull_again(editor: Editor) -> None:
    editor.open("app.js")
    await editor.codes("app.js", ["missing-export"])
    is_refreshed = editor.noting(types.WORKSPACE_DIAGNOSTIC_REFRESH)
    editor.write("a.js", "export const a = 1;\n")
    editor.touched("a.js")
    await editor.until(is_refreshed)
    await editor.codes("app.js", [])
    editor.write("a.js", FILES["a.js"])
    editor.touched("a.js")
    await editor.codes("app.js", ["missing-export"])


async def test_client_that_cannot_be_told_to_pull_again_is_pushed_to(tmp_path: Path, node: Path) -> None:
    """Neovim 0.11 is such a client: it would keep its last diagnostics until the user types."""
    async with an_editor(tmp_path, node, FILES, neovim_pulling(), severity=QUIET) as editor:
        assert editor.server_capabilities.diagnostic_provider is None
        editor.open("app.js")
        await editor.codes("app.js", ["missing-export"])
        editor.write("a.js", "export const a = 1;\n")
        editor.touched("a.js")
        await editor.codes("app.js", [])
