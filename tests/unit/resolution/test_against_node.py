"""Our answers to questions of resolution equal Node's, error messages included."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from esmcache.file_source import DiskFileSource, file_url_from_path
from esmcache.records import Resolution, ResolutionFailure
from esmcache.resolution import Resolver
from unit.resolution.hostile_tree import HostileTree
from unit.resolution.node_answers import Question, ask_node, node_version

# An error of JSON.parse has V8's own message, which we do not reproduce.
_OUR_OWN_WORDS = ("SyntaxError",)


def our_answer(resolver: Resolver, question: Question) -> dict[str, Any]:
    """Return our answer in the shape of Node's."""
    if question["kind"] == "require":
        answer = resolver.resolve_require(question["specifier"], question["referrer"])
    else:
        answer = resolver.resolve_import(question["specifier"], question["referrer"])
    if isinstance(answer, ResolutionFailure):
        return {"code": answer.code, "message": answer.message}
    return {"url": answer.resolved_url, "format": answer.module_format and answer.module_format.value}


def check_questions(node: Path, questions: list[Question], cwd: Path, conditions: tuple[str, ...] = ()) -> int:
    """Compare all answers and return their number."""
    resolver = Resolver(DiskFileSource(), conditions, node_version(node), {"HOME": str(cwd / "home")})
    flags = [f"--conditions={condition}" for condition in conditions]
    wrong = []
    for question, node_says in zip(questions, ask_node(node, questions, cwd, *flags), strict=True):
        we_say = our_answer(resolver, question)
        if not node_says.get("url", "").startswith("file:"):
            # Node decides the format of a URL that is not a file's only when it loads it.
            node_says.pop("format", None)
            if "url" in node_says and question["kind"] == "require":
                # Node 22 passes `test` to its hooks for `node:test`.
                node_says["url"] = "node:" + node_says["url"].removeprefix("node:")
            we_say.pop("format", None)
        if node_says.get("code") in _OUR_OWN_WORDS:
            node_says["message"] = we_say.get("message")
        if node_says != we_say:
            wrong.append({**question, "node": node_says, "ours": we_say})
    assert not wrong, f"{len(wrong)} of {len(questions)}:\n" + "\n".join(map(repr, wrong[:40]))
    return len(questions)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> HostileTree:
    """Return the tree, built once."""
    return HostileTree(tmp_path_factory.mktemp("hostile"))


def test_hostile_tree(any_node: Path, tree: HostileTree) -> None:
    # Node's "Did you mean" depends on the working directory; ours is always the referrer's directory.
    questions: dict[Path, list[Question]] = {}
    for referrer, specifier in tree.questions():
        path = tree.root / referrer
        here = questions.setdefault(path.parent, [])
        here.append({"kind": "import", "specifier": specifier, "referrer": file_url_from_path(str(path))})
        here.append({"kind": "require", "specifier": specifier, "referrer": str(path)})
    assert sum(check_questions(any_node, here, cwd) for cwd, here in questions.items()) > 1500


@pytest.mark.every_node
def test_user_conditions(any_node: Path, tree: HostileTree) -> None:
    path = str(tree.root / "app/main.mjs")
    questions = [
        {"kind": kind, "specifier": name, "referrer": file_url_from_path(path) if kind == "import" else path}
        for name in ("conditions-user", "conditions-order", "conditions-none")
        for kind in ("import", "require")
    ]
    check_questions(any_node, questions, tree.root / "app", ("special", "absent"))


def test_referrers_with_data_urls(any_node: Path, tree: HostileTree) -> None:
    specifiers = (
        "./a.js",
        "plain",
        "fs",
        "node:fs",
        "#x",
        "/x",
        "data:text/javascript,2",
        "",
        "file:///absent.mjs",
    )
    questions = [
        {"kind": "import", "specifier": specifier, "referrer": "data:text/javascript,1"} for specifier in specifiers
    ]
    check_questions(any_node, questions, tree.root / "app")


def test_referrers_with_query(any_node: Path, tree: HostileTree) -> None:
    url = file_url_from_path(str(tree.root / "app/main.mjs"))
    questions = [
        {"kind": "import", "specifier": specifier, "referrer": url + suffix}
        for specifier in ("./a.js", "plain", "absent", "./absent", "", "?x", "./?x")
        for suffix in ("?a=/b/c", "#/x/y", "?q#h")
    ]
    check_questions(any_node, questions, tree.root / "app")


@pytest.mark.every_node
def test_schemes_are_refused_on_loading(any_node: Path, tree: HostileTree) -> None:
    specifiers = [
        "https://example.org/a.js", "http://x", "HTTPS://x/y?z", "ftp://x", "npm:x", "a:b", "C:\\x",
        "blob:x", "javascript:1",
        "node:absent", "node:fs", "data:text/javascript,1", "data:text/javascript;charset=utf-8,1",
        "data:text/plain,1",
        "data:no-comma", "data:,x", "data:application/javascript;base64,", "DATA:text/javascript,1 ",
        "data:text/css;a,b",
        "data:text/javascript,//?x#y", "data:text/javascript,//é \t\n1", "data:Text/JavaScript,1",
        "data:text/javascript x,1",
    ]  # fmt: skip
    referrer = file_url_from_path(str(tree.root / "app/main.mjs"))
    questions = [{"kind": "load", "specifier": specifier, "referrer": referrer} for specifier in specifiers]
    resolver = Resolver(DiskFileSource(), (), node_version(any_node))
    for question, node_says in zip(questions, ask_node(any_node, questions, tree.root / "app"), strict=True):
        ours = resolver.resolve_import(question["specifier"], referrer)
        if isinstance(ours, Resolution):
            assert node_says == {"loaded": True}, question
        else:
            assert node_says == {"code": ours.code, "message": ours.message}, question


@pytest.mark.every_node
def test_builtin_lists(any_node: Path) -> None:
    script = "console.log(JSON.stringify(require('node:module').builtinModules))"
    listed = json.loads(subprocess.run([any_node, "-e", script], capture_output=True, check=True).stdout)
    resolver = Resolver(DiskFileSource(), (), node_version(any_node))
    for name in listed:
        full = name if name.startswith("node:") else "node:" + name
        answer = resolver.resolve_import(name, "file:///main.mjs")
        assert isinstance(answer, Resolution) and answer.resolved_url == full
        answer = resolver.resolve_require(name, "/main.mjs")
        assert isinstance(answer, Resolution) and answer.resolved_url == full


@pytest.mark.every_node
def test_entry_points(any_node: Path, tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    print_url = "console.log(require('node:url').pathToFileURL(__filename).href)"
    files = {
        "a.js": print_url,
        "b.mjs": "console.log(import.meta.url)",
        "c.cjs": print_url,
        "no-extension": print_url,
        "dir/index.js": print_url,
        "main/package.json": '{"main": "lib/start"}',
        "main/lib/start.js": print_url,
        "bad/package.json": '{"main": "absent"}',
        "exports/package.json": '{"exports": "./x.js"}',
        "odd name #é.js": print_url,
        "esm/package.json": '{"type": "module"}',
        "esm/a.js": "console.log(import.meta.url)",
        "esm/a.css": "",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(content)
    (root / "link.js").symlink_to("dir/index.js")
    (root / "link-dir").symlink_to("main")
    resolver = Resolver(DiskFileSource(), (), node_version(any_node))
    names = """a.js a b.mjs b c.cjs c no-extension dir dir/ main main/lib/start bad exports esm/a.js esm/a
        esm/a.css link.js link link-dir absent"""
    for name in [*names.split(), "odd name #é"]:
        process = subprocess.run([any_node, root / name], capture_output=True, text=True, check=False)
        answer = resolver.resolve_entry(str(root / name))
        if isinstance(answer, Resolution):
            assert process.stdout == answer.resolved_url + "\n", (name, process.stderr)
        else:
            assert answer.message in process.stderr, (name, answer, process.stderr)
            assert answer.code in process.stderr, (name, answer, process.stderr)
