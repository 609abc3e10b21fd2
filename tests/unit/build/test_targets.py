"""The entry points that package.json names are the files that Node starts for them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from esmcache.build.targets import find_targets, package_entries

PACKAGES = {
    "a file": ({"main": "./src/app.js"}, ["src/app.js"]),
    "without an extension": ({"main": "src/app"}, ["src/app.js"]),
    "a directory": ({"main": "./lib"}, ["lib/index.js"]),
    "a directory, with a slash": ({"main": "lib/"}, ["lib/index.js"]),
    "a file before a file with an extension": ({"main": "both.js"}, ["both.js"]),
    "no main": ({}, ["index.js"]),
    "an empty main": ({"main": ""}, ["index.js"]),
    "a main that is gone": ({"main": "gone.js"}, ["index.js"]),
    "a main that is no text": ({"main": 1}, ["index.js"]),
    "TypeScript": ({"main": "./src/typed.ts"}, ["src/typed.ts"]),
    "TypeScript by its format": ({"main": "src/typed.mts"}, ["src/typed.mts"]),
    "CommonJS TypeScript": ({"main": "src/typed.cts"}, ["src/typed.cts"]),
    "TypeScript without its extension": ({"main": "src/typed"}, ["index.js"]),
    "TypeScript as it would be compiled": ({"main": "src/typed.js"}, ["index.js"]),
}


@pytest.mark.parametrize(("content", "expected"), PACKAGES.values(), ids=PACKAGES)
def test_main_is_the_file_that_node_starts(
    tmp_path: Path, node: Path, content: dict[str, object], expected: list[str]
) -> None:
    typed = ("src/typed.ts", "src/typed.mts", "src/typed.cts", "index.ts")
    for name in ("src/app.js", "lib/index.js", "both.js", "both.js.js", "index.js", *typed):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"console.log({name!r}{' as string' if name in typed else ''});\n")
    (tmp_path / "package.json").write_text(json.dumps(content))
    started = subprocess.run([node, tmp_path], capture_output=True, text=True, check=True)
    assert started.stdout.splitlines() == expected
    assert package_entries(tmp_path) == [os.path.join(tmp_path, name) for name in expected]


@pytest.mark.parametrize(("cli", "part"), [("cli.js", "part.mjs"), ("cli.cts", "part.mts"), ("cli.ts", "part.ts")])
def test_fields_beside_main(tmp_path: Path, cli: str, part: str) -> None:
    for name in ("index.js", cli, part, "part.d.ts"):
        (tmp_path / name).write_text("")
    conditions = {"types": "./part.d.ts", "import": f"./{part}"}
    fields = {"bin": {"tool": f"./{cli}"}, "exports": {"./part": conditions, "./*": "./*.js"}}
    (tmp_path / "package.json").write_text(json.dumps(fields))
    assert package_entries(tmp_path) == [f"{tmp_path}/{cli}", f"{tmp_path}/{part}"]


UNBUILT = {
    "by rootDir and outDir": (
        {"main": "./out/app.js"},
        '{"compilerOptions": {"rootDir": "code", "outDir": "out",}} // TypeScript allows this',
        ["`main` names ./out/app.js, which does not exist: build it, or name code/app.ts in its place"],
    ),
    "by outDir": (
        {"bin": {"a": "out/b/cli.mjs"}},
        '{"compilerOptions": {"outDir": "./out/b"}}',
        ["`bin` names out/b/cli.mjs, which does not exist: build it, or name src/cli.mts in its place"],
    ),
    "by convention": (
        {"main": "dist/app", "exports": {".": {"types": "./dist/app.d.ts", "default": "./dist/app.js"}}},
        None,
        [
            "`main` names dist/app, which does not exist: build it, or name src/app.ts in its place",
            "`exports` names ./dist/app.js, which does not exist: build it, or name src/app.ts in its place",
        ],
    ),
    "beside it": (
        {"main": "code/app.js"},
        "{broken",
        ["`main` names code/app.js, which does not exist: build it, or name code/app.ts in its place"],
    ),
    "without rootDir in it": ({"main": "out/app.js"}, '{"compilerOptions": {"rootDir": "x", "outDir": "out"}}', []),
    "no source": ({"main": "dist/absent.js", "bin": "../src/app.js", "module": "/dist/app.js"}, None, []),
    "files that exist": ({"main": "built", "bin": "built.js"}, None, []),
    "no text": ({"main": 1, "bin": None, "exports": [1, {}]}, "[]", []),
}


@pytest.mark.parametrize(("content", "tsconfig", "expected"), UNBUILT.values(), ids=UNBUILT)
def test_the_source_of_an_output_that_is_not_built_is_named_but_not_warmed(
    tmp_path: Path, content: dict[str, object], tsconfig: str | None, expected: list[str]
) -> None:
    for name in ("code/app.ts", "src/app.ts", "src/cli.mts", "built.js", "built.ts"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "package.json").write_text(json.dumps(content))
    if tsconfig is not None:
        (tmp_path / "tsconfig.json").write_text(tsconfig)
    targets = find_targets([tmp_path])
    assert [problem.message for problem in targets.problems] == expected
    assert not any(problem.is_error for problem in targets.problems)
    assert targets.entries == ([str(tmp_path / "built.js")] if "built" in content.values() else [])


def test_an_output_whose_source_is_an_entry_point_needs_no_hint(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.ts").write_text("")
    exports = {".": {"development": "./src/app.ts", "default": "./dist/app.js"}}
    (tmp_path / "package.json").write_text(json.dumps({"main": "dist/app.js", "exports": exports}))
    assert find_targets([tmp_path]).problems == []
