"""The commands and esmcache's own requests, each sent once as an editor does it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pygls.exceptions import JsonRpcException

from e2e.lsp.editor import Editor, an_editor

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {
    "app.js": (
        "import { b } from './b.js';\nimport './c.cjs';\n"
        "const late = () => import('./late.js');\nconsole.log(b, late.name);\n"
    ),
    "b.js": "import './app.js';\nexport const b = 1;\n",
    "c.cjs": "require('./data.json');\n",
    "data.json": '{"a": 1}',
    "late.js": "export {};\n",
    "alone.js": "import 'tool';\nconsole.log('alone');\n",
    "node_modules/tool/package.json": '{"name": "tool", "version": "1.2.3", "type": "module", "exports": "./main.js"}',
    "node_modules/tool/main.js": "export const answer = 42;\n",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory, node: Path) -> AsyncIterator[Editor]:
    # A warm after reports of changed files would fill the cache again while a test expects it to be empty.
    async with an_editor(tmp_path_factory.mktemp("commands"), node, FILES, warmOnSave=False) as editor:
        await editor.warm()
        yield editor


async def test_warming_a_file_makes_it_an_entry_point(editor: Editor) -> None:
    summary = await editor.command("esmcache.warm", editor.uri("alone.js"))
    assert (summary["entries"], summary["modules"], summary["problems"]) == (1, 2, [])
    assert await _starts_served(editor, "alone.js") == 2


async def test_warming_a_file_alone(editor: Editor) -> None:
    editor.write("lonely.js", "import './app.js';\n")
    summary = await editor.command("esmcache.warm", editor.uri("lonely.js"), {"reach": False})
    assert (summary["entries"], summary["modules"]) == (0, 1)
    assert (await editor.request("esmcache/lookup", uri=editor.uri("lonely.js")))["state"] == "fresh"


async def test_warming_the_workspace_again_reads_nothing(editor: Editor) -> None:
    await editor.warm()
    summary = await editor.command("esmcache.warmWorkspace")
    assert (summary["read"], summary["compiled"]) == (0, 0)


async def test_rebuilding_a_file_compiles_it_again(editor: Editor) -> None:
    summary = await editor.command("esmcache.rebuild", editor.uri("b.js"))
    assert summary["compiled"] == 1
    assert (await editor.command("esmcache.rebuild"))["compiled"] >= 5


async def test_problems_are_in_the_summary(editor: Editor) -> None:
    editor.write("broken.js", "import './nowhere.js';\n")
    problems = (await editor.command("esmcache.warm", editor.uri("broken.js")))["problems"]
    assert [(one["code"], one["line"]) for one in problems] == [("ERR_MODULE_NOT_FOUND", 1)]
    (editor.root / "broken.js").unlink()
    editor.touched("broken.js")


async def test_statistics(editor: Editor) -> None:
    asked, commanded = await editor.request("esmcache/stats"), (await editor.command("esmcache.stats"))
    assert asked["directory"] == commanded["directory"] == str(editor.user.cache_dir)
    assert asked["totalBytes"] == sum(asked["bytes"].values()) > 0
    assert asked["modules"] >= 6
    assert "tool@1.2.3" in {one["name"] for one in asked["packages"]}


async def test_lookup(editor: Editor) -> None:
    await editor.warm()
    found = await editor.request("esmcache/lookup", uri=editor.uri("b.js"))
    assert (found["uri"], found["state"]) == (editor.uri("b.js"), "fresh")
    assert Path(found["blobPath"]).read_bytes()[:4] == b"SEMB"
    assert Path(found["codeCachePath"]).is_file()
    cold = await editor.request("esmcache/lookup", uri=editor.uri("never.js"))
    assert (cold["state"], cold["blobPath"], cold["codeCachePath"]) == ("cold", None, None)


async def test_the_graph_of_a_file(editor: Editor) -> None:
    await editor.warm()
    graph = await editor.command("esmcache.graph", editor.uri("app.js"))
    assert graph["nodes"] == (await editor.request("esmcache/graph", uri=editor.uri("app.js")))["nodes"]
    names = [node["name"] for node in graph["nodes"]]
    assert sorted(names) == ["app.js", "b.js", "c.cjs", "data.json", "late.js"]
    edges = {(names[one["from"]], names[one["to"]], one["dynamic"]) for one in graph["edges"]}
    assert edges == {
        ("app.js", "b.js", False),
        ("app.js", "c.cjs", False),
        ("app.js", "late.js", True),
        ("b.js", "app.js", False),
        ("c.cjs", "data.json", True),
    }
    assert {node["name"] for node in graph["nodes"] if node["inCycle"]} == {"app.js", "b.js"}
    assert {node["state"] for node in graph["nodes"]} == {"fresh"}
    whole = await editor.request("esmcache/graph")
    assert whole["root"] is None
    assert {"app.js", "b.js"} <= {node["name"] for node in whole["nodes"]}


async def test_the_graph_follows_every_save(editor: Editor) -> None:
    """An import that is removed and added again leaves as many rows in the index as before."""
    editor.write("edges.js", "import './b.js';\n")
    await editor.command("esmcache.warm", editor.uri("edges.js"))
    for text, reached in (
        ("import './late.js';\n", "late.js"),
        ("import './c.cjs';\n", "c.cjs"),
        ("import './b.js';\n", "b.js"),
    ):
        editor.write("edges.js", text)
        await editor.command("esmcache.warm", editor.uri("edges.js"))
        graph = await editor.command("esmcache.graph", editor.uri("edges.js"))
        names = [node["name"] for node in graph["nodes"]]
        assert [names[edge["to"]] for edge in graph["edges"] if names[edge["from"]] == "edges.js"] == [reached]
    (editor.root / "edges.js").unlink()
    editor.touched("edges.js")


async def test_modules_by_package(editor: Editor) -> None:
    await editor.command("esmcache.warm", editor.uri("alone.js"))
    packages = {one["name"]: one for one in (await editor.request("esmcache/modules"))["packages"]}
    assert packages["demo"]["isWorkspace"] and not packages["tool"]["isWorkspace"]
    assert packages["tool"]["version"] == "1.2.3"
    own = {one["name"]: one for one in packages["demo"]["modules"]}
    assert own["b.js"]["state"] == "fresh"
    assert own["b.js"]["bytecodeBytes"] > own["data.json"]["bytecodeBytes"] == 0


async def test_explaining(editor: Editor) -> None:
    await editor.warm()
    answer = await editor.command("esmcache.explain", editor.uri("b.js"))
    assert (answer["state"], answer["served"]) == ("fresh", True)
    assert "app.js" in answer["text"]


async def test_what_starts_a_file_served(editor: Editor) -> None:
    await editor.warm()
    assert await _starts_served(editor, "app.js") >= 3


async def test_what_cannot_be_done_is_one_line(editor: Editor) -> None:
    for arguments in ((), (3,), ("untitled:1",), (editor.uri("b.js"), None, None)):
        with pytest.raises(JsonRpcException) as caught:
            await editor.command("esmcache.explain", *arguments)
        assert caught.value.message and "\n" not in caught.value.message
    with pytest.raises(JsonRpcException, match="file: URI"):
        await editor.request("esmcache/lookup")


async def test_output_without_a_log_file(editor: Editor) -> None:
    answer = await editor.command("esmcache.showOutput")
    assert answer["path"] is None and "--log-file" in answer["text"]


async def test_clearing(editor: Editor) -> None:
    await editor.warm()
    answer = await editor.command("esmcache.clear")
    assert answer["bytesAfter"] < answer["bytesBefore"]
    assert (await editor.request("esmcache/lookup", uri=editor.uri("b.js")))["state"] == "cold"


async def _starts_served(editor: Editor, name: str) -> int:
    """Start a file by the command that the server gives, and return how many modules were served."""
    launch = await editor.command("esmcache.launch", editor.uri(name))
    log = editor.root.parent / "runner.log"
    log.unlink(missing_ok=True)
    environment = {**editor.user.environment, **launch["env"], "ESMCACHE_LOG": str(log)}
    command = [launch["executable"], *launch["args"]]
    await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
    assert os.path.samefile(launch["args"][1], launch["hook"])
    return int(json.loads(log.read_text().splitlines()[-1])["served"])
