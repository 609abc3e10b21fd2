"""Real workspaces: files changed by other programs, installed packages, several folders, and no folder."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, another, neovim, visual_studio_code
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOOL = {
    "node_modules/tool/package.json": '{"name": "tool", "version": "1.0.0", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "export const answer = 42;\n",
    "node_modules/.package-lock.json": "{}",
}


async def test_the_workspace_is_warmed_at_the_start_with_progress(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, _modules(40), visual_studio_code(), warmOnStart=True) as editor:
        await editor.until(lambda: editor.status.get("fresh") == 41 and editor.status["quiescent"])
        assert editor.status["health"] == "ok" and editor.status["engine"].startswith("node-v")
        reports = await editor.until(lambda: _progress_that_ended(editor))
        assert isinstance(reports[0], types.WorkDoneProgressBegin) and reports[0].cancellable


async def test_a_cancelled_warm_ends_and_another_can_follow(tmp_path: Path, node: Path) -> None:
    async with an_editor(tmp_path, node, _modules(400), visual_studio_code(), warmOnStart=True) as editor:
        token = await editor.until(lambda: next(iter(editor.client.progress_reports), None))
        assert isinstance(token, str)
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
        await editor.until(lambda: _progress_that_ended(editor))
        assert (await editor.command("esmcache.warmWorkspace"))["modules"] == 401


async def test_a_second_start_reads_nothing_again(pulling: SharedServer, tmp_path: Path) -> None:
    async with pulling.a_folder(tmp_path, _modules(20)) as editor:
        assert (await editor.command("esmcache.warmWorkspace"))["read"] == 21
        await editor.warm()
        async with another(editor) as again:
            summary = await again.command("esmcache.warmWorkspace")
            assert (summary["read"], summary["compiled"], summary["modules"]) == (0, 0, 21)


async def test_what_changed_while_no_server_ran_is_noticed(pulling: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import { a } from './a.js';\nconsole.log(a);\n", "a.js": "export const a = 1;\n"}
    async with pulling.a_folder(tmp_path, files) as editor:
        await editor.warm()
        editor.write("a.js", "export const b = 1;\n")
        async with another(editor, warmOnStart=True) as again:
            again.open("app.js")
            await again.codes("app.js", ["missing-export"])
            await again.until(lambda: again.status.get("fresh") == 2 and again.status["quiescent"])


async def test_an_installed_package_is_warmed_without_anyone_asking(tmp_path: Path, node: Path) -> None:
    files = {"app.js": "import { answer } from 'tool';\nconsole.log(answer);\n"}
    async with an_editor(tmp_path, node, files, visual_studio_code()) as editor:
        await editor.warm()
        editor.open("app.js")
        await editor.codes("app.js", ["unresolved-import"])
        for name, text in TOOL.items():
            editor.write(name, text)
        editor.touched("node_modules/.package-lock.json")
        await editor.codes("app.js", [])
        await _until_fresh(editor, "node_modules/tool/main.js")


async def test_typescript_that_changes_on_disk_is_warmed_without_anyone_asking(tmp_path: Path, node: Path) -> None:
    files = {
        "package.json": '{"type": "module", "main": "app.ts"}',
        "app.ts": "import { b } from './b.ts';\nconsole.log(b satisfies number);\n",
        "b.ts": "export const b: number = 1;\n",
    }
    async with an_editor(tmp_path, node, files, visual_studio_code()) as editor:
        await editor.warm()
        await _until_fresh(editor, "b.ts")
        editor.write("b.ts", "export const b: number = 23;\n")
        editor.touched("b.ts")
        await _until_fresh(editor, "b.ts")


async def test_a_client_that_watches_no_files(tmp_path: Path, node: Path) -> None:
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.did_change_watched_files = None
    files = {"app.js": "import { a } from './a.js';\nconsole.log(a);\n", "a.js": "export const a = 1;\n"}
    async with an_editor(tmp_path, node, files, capabilities) as editor:
        await editor.warm()
        editor.open("app.js")
        await editor.codes("app.js", [])
        # The client does not report this change.
        editor.write("a.js", "export const b = 1;\n")
        await editor.codes("app.js", ["missing-export"])


async def test_a_client_that_watches_no_files_opens_a_folder_later(tmp_path: Path, node: Path) -> None:
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.did_change_watched_files = None
    files = {"app.js": "import { a } from './a.js';\nconsole.log(a);\n", "a.js": "export const a = 1;\n"}
    async with an_editor(tmp_path, node, files, capabilities, folders=False) as editor:
        editor.connection.change_folders(added=[editor.root])
        editor.open("app.js")
        await editor.codes("app.js", [])
        for name in ("b", "a", "c"):
            editor.write("a.js", f"export const {name} = 1;\n")
            await editor.codes("app.js", [] if name == "a" else ["missing-export"])


async def test_what_a_program_missed_is_warmed_without_anyone_asking(pulling: SharedServer, tmp_path: Path) -> None:
    files = {
        "package.json": '{"type": "module"}',
        "app.js": "const name = './late.js';\nawait import(name);\n",
        "late.js": "console.log('late');\n",
    }
    async with pulling.a_folder(tmp_path, files, warmOnSave=True) as editor:
        await editor.command("esmcache.warm", editor.uri("app.js"))
        launch = await editor.command("esmcache.launch", editor.uri("app.js"))
        environment = {**editor.user.environment, **launch["env"]}
        command = [launch["executable"], *launch["args"]]
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
        await _until_fresh(editor, "late.js")
        log = tmp_path / "log"
        environment["ESMCACHE_LOG"] = str(log)
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
        assert json.loads(log.read_text())["missed"] == []


async def test_packages_of_a_workspace(pulling: SharedServer, tmp_path: Path) -> None:
    files = {
        "package.json": '{"private": true, "type": "module", "workspaces": ["packages/*"]}',
        "packages/one/package.json": '{"name": "one", "type": "module", "bin": "./cli.js"}',
        "packages/one/cli.js": "import { two } from 'two';\nconsole.log(two);\n",
        "packages/two/package.json": '{"name": "two", "type": "module", "exports": "./lib/main.js"}',
        "packages/two/lib/main.js": "export const two = 2;\n",
        "ignored/big.js": "export {};\n",
    }
    async with pulling.a_folder(tmp_path, files, exclude=["ignored"]) as editor:
        (editor.root / "node_modules").mkdir()
        (editor.root / "node_modules" / "two").symlink_to("../packages/two")
        assert (await editor.command("esmcache.warmWorkspace"))["entries"] == 2
        packages = {one["name"]: one for one in (await editor.request("esmcache/modules"))["packages"]}
        assert packages["one"]["isWorkspace"] and packages["two"]["isWorkspace"]
        assert (await editor.request("esmcache/lookup", uri=editor.uri("ignored/big.js")))["state"] == "cold"
        editor.open("packages/one/cli.js")
        location = await editor.client.text_document_definition_async(
            types.DefinitionParams(editor.place("packages/one/cli.js"), types.Position(0, 10))
        )
        assert isinstance(location, list) and isinstance(location[0], types.LocationLink)
        assert location[0].target_uri == editor.uri("packages/two/lib/main.js")


async def test_test_files_of_the_scripts_are_entry_points(pulling: SharedServer, tmp_path: Path) -> None:
    files = {
        "package.json": '{"type": "module", "main": "app.js", "scripts": {"test": "node --test"}}',
        "app.js": "export const app = 1;\n",
        "test/one.js": "import '../app.js';\n",
        "two.test.js": "import './app.js';\n",
    }
    async with pulling.a_folder(tmp_path, files) as editor:
        assert (await editor.command("esmcache.warmWorkspace"))["entries"] == 3


async def test_several_roots_and_one_more(pulling: SharedServer, tmp_path: Path) -> None:
    more = {"../other/package.json": '{"type": "module", "main": "b.js"}', "../other/b.js": "export const b = 1;\n"}
    async with pulling.a_folder(tmp_path, {"app.js": "export {};\n", **more}) as editor:
        assert (await editor.command("esmcache.warmWorkspace"))["modules"] == 1
        editor.connection.change_folders(added=[tmp_path / "other"])
        assert (await editor.command("esmcache.warmWorkspace"))["modules"] == 2


async def test_no_root(pushing: SharedServer, tmp_path: Path) -> None:
    async with pushing.a_folder(tmp_path, {"app.js": "import './gone.js';\n"}, is_open=False) as editor:
        editor.open("app.js")
        await editor.codes("app.js", ["unresolved-import", "cache-cold"])
        assert (await editor.command("esmcache.warm", editor.uri("app.js")))["entries"] == 1
        await editor.codes("app.js", ["unresolved-import"])


async def test_settings_change(pushing: SharedServer, tmp_path: Path) -> None:
    files = {"app.js": "import './gone.js';\n"}
    async with pushing.a_folder(tmp_path, files) as editor:
        editor.open("app.js")
        await editor.codes("app.js", ["unresolved-import", "cache-cold"])
        editor.configure(severity={"cache-cold": "off", "unresolved-import": "warning"})
        found = await editor.codes("app.js", ["unresolved-import"])
        assert found[0].severity == types.DiagnosticSeverity.Warning
        editor.configure(enable=False)
        await editor.codes("app.js", [])
        editor.configure(enable=True, severity="nonsense")
        await editor.codes("app.js", ["unresolved-import", "cache-cold"])


async def test_a_project_says_nothing_about_what_runs(pulling: SharedServer, tmp_path: Path) -> None:
    """No code of a project runs, and none of its files can name a directory or a binary."""
    files = {
        "esmcache.json": json.dumps({"node": "./evil.sh"}),
        "evil.sh": "#!/bin/sh\ntouch was-run\n",
        "app.js": "import { writeFileSync } from 'node:fs';\nwriteFileSync('was-run', '');\n",
    }
    async with pulling.a_folder(tmp_path, files) as editor:
        (editor.root / "evil.sh").chmod(0o755)
        editor.configure(node=str(editor.root / "evil.sh"), cacheDir=str(editor.root / "cache"))
        summary = await editor.command("esmcache.warmWorkspace")
        assert [one["code"] for one in summary["problems"]] == ["bad-configuration"]
        assert (await editor.request("esmcache/lookup", uri=editor.uri("app.js")))["state"] == "fresh"
        assert not list(tmp_path.rglob("was-run")) and not (editor.root / "cache").exists()


async def test_what_only_the_engine_refuses_is_shown_where_it_says(pushing: SharedServer, tmp_path: Path) -> None:
    text = "const ä = 'ä'; function f(a, a) {}\n"
    async with pushing.a_folder(tmp_path, {"app.js": "export {};\n"}, warmOnSave=True) as editor:
        await editor.warm()
        editor.open("app.js")
        editor.save("app.js", text)
        (found,) = await editor.codes("app.js", ["syntax-error"])
        assert found.range.start == types.Position(0, text.index("a) {}"))
        editor.save("app.js", "export {};\n")
        await editor.codes("app.js", [])


async def test_a_file_that_is_opened_again_is_told_of_again(pushing: SharedServer, tmp_path: Path) -> None:
    async with pushing.a_folder(tmp_path, {"app.js": "import './gone.js';\n"}) as editor:
        await editor.warm()
        editor.open("app.js")
        await editor.codes("app.js", ["unresolved-import"])
        editor.close("app.js")
        editor.client.diagnostics.clear()
        editor.open("app.js")
        await editor.codes("app.js", ["unresolved-import"])


def _modules(count: int) -> dict[str, str]:
    files = {f"m{number}.js": f"export const a{number} = {number};\n" for number in range(count)}
    return {**files, "app.js": "".join(f"import './{name}';\n" for name in files)}


def _progress_that_ended(editor: Editor) -> list[Any]:
    """Return the reports of a progress that has ended, or an empty list if none has."""
    some: list[list[Any]] = [list(one) for one in editor.client.progress_reports.values()]
    return next((one for one in some if one and isinstance(one[-1], types.WorkDoneProgressEnd)), [])


async def _until_fresh(editor: Editor, name: str) -> None:
    while (await editor.request("esmcache/lookup", uri=editor.uri(name)))["state"] != "fresh":
        await editor.news()
