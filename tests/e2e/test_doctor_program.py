"""`esmcache doctor ENTRY` lists what plain Node fails on in a program, and what keeps its modules from being served."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT, EsmcacheHome, RunEsmcache, node_of, user_environment
from e2e.doctor_cases import CASES, MODULE, REFUSED


@pytest.fixture(params=["node24", "node26"])
def node_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def plain(node_name: str, root: Path, entry: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node_of(node_name), entry], cwd=root, env=user_environment(root), capture_output=True, text=True, check=False
    )


def checked(run_esmcache: RunEsmcache, node_name: str, root: Path, entry: str = "app.ts") -> tuple[int, list[str]]:
    """Return the exit code and the lines about the program."""
    answer = run_esmcache("doctor", entry, cwd=root, env={"ESMCACHE_NODE": str(node_of(node_name))})
    assert answer.stderr == ""
    table, _, said = answer.stdout.partition("\n\n")
    assert table.startswith("check") and "failed" not in table
    return answer.returncode, said.splitlines()


@pytest.mark.parametrize("case", CASES)
def test_each_problem_is_one_line(run_esmcache: RunEsmcache, tmp_path: Path, node_name: str, case: str) -> None:
    files, expected, of_node = CASES[case]
    root = tmp_path / "project"
    write(root, {"package.json": MODULE, **files})
    entry = next(iter(files), "app.ts")
    exit_code, lines = checked(run_esmcache, node_name, root, entry)
    assert exit_code == 1
    assert len(lines) == len(expected) + 1
    for line, start in zip(lines, expected, strict=False):
        assert line.startswith(start.format(root=root))
    count = len(expected)
    assert lines[-1].endswith(f", {count} problem{'s' if count > 1 else ''}: plain node fails on {count}")
    native = plain(node_name, root, entry)
    assert native.returncode == 1 and of_node in native.stderr


def test_a_program_without_problems(run_esmcache: RunEsmcache, tmp_path: Path, node_name: str) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "package.json": MODULE,
            "app.ts": "import type { T } from './t';\nimport c from './c.cts';\nconst a: T = c;\nconsole.log(a);\n"
            "await import('optional').catch(() => {});\n",
            "c.cts": "try { require('absent'); } catch {}\nmodule.exports = 1 as number;\n",
            "t.ts": "export enum E { A }\n",
        },
    )
    assert checked(run_esmcache, node_name, root) == (0, ["app.ts: 2 modules, 0 problems"])
    assert plain(node_name, root, "app.ts").stdout == "1\n"


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_the_requests_of_a_refused_file_are_looked_at(
    run_esmcache: RunEsmcache, tmp_path: Path, node_name: str, refused: str
) -> None:
    root = tmp_path / "project"
    before = (
        "import type { T } from './types-alone';\nimport type * as ns from './types-alone';\n"
        "export type { U } from './types-alone';\n"
        "/* \U0001f600 \u4f60 */ import { type V, b } from './b';\n"
    )
    after = "export * from './c.js';\nexport { c } from './c.js';\nconst d = await import('./d');\nimport '@/e';\n"
    write(
        root,
        {
            "package.json": MODULE,
            "tsconfig.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["*"]}}}',
            "app.ts": before + refused + after,
            **dict.fromkeys(("b.ts", "c.ts", "d.ts", "e.ts", "types-alone.ts"), "export {};\n"),
        },
    )
    program = program_json(run_esmcache, node_name, root)
    lines = (before + refused + after).splitlines()
    found = [
        (one["suggestion"], lines[one["line"] - 1].encode("utf-16-le")[2 * one["column"] - 2 :].decode("utf-16-le"))
        for one in program["problems"]
        if one["suggestion"]
    ]
    assert found == [
        ("./b.ts", "'./b';"),
        ("./c.ts", "'./c.js';"),
        ("./c.ts", "'./c.js';"),
        ("./d.ts", "'./d');"),
        ("./e.ts", "'@/e';"),
    ]
    assert program["modules"] == 5


def program_json(run_esmcache: RunEsmcache, node_name: str, root: Path) -> Any:
    answer = run_esmcache("doctor", "--json", "app.ts", cwd=root, env={"ESMCACHE_NODE": str(node_of(node_name))})
    assert answer.stderr == ""
    said = json.loads(answer.stdout)
    assert {one["name"] for one in said["checks"]} > {"node", "served"}
    assert answer.returncode == int(bool(said["program"]["problems"]))
    return said["program"]


def test_a_program_for_tsx_runs_once_each_suggestion_is_followed(
    run_esmcache: RunEsmcache, tmp_path: Path, node_name: str
) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "package.json": MODULE,
            "tsconfig.json": '{"extends": "./base.json"}',
            "base.json": '{"compilerOptions": {"paths": {"#lib/*": ["./src/lib/*"]}}}',
            "app.ts": "import { start } from './src';\nstart();\n",
            "src/index.ts": "import { greet } from '#lib/greet.js';\nimport { name } from './name.mjs';\n"
            "import legacy from './legacy.cjs';\nexport const start = (): void => greet(`${name} ${legacy}`);\n",
            "src/name.mts": "export const name: string = 'World';\nawait import('./late?x');\n",
            "src/legacy.cts": "module.exports = require('./lib/value').a as number;\n",
            "src/late.ts": "export {};\n",
            "src/lib/greet.ts": "import * as a from '.';\nexport * from '.';\n"
            "export const greet = (who: string): void => console.log('Hello', who);\n",
            "src/lib/index.ts": "export {};\n",
            "src/lib/value.ts": "export const a: number = 1;\n",
        },
    )
    problems = program_json(run_esmcache, node_name, root)["problems"]
    assert sorted(one["suggestion"] for one in problems) == [
        "./index.ts", "./index.ts", "./late.ts?x", "./legacy.cts", "./lib/greet.ts", "./lib/value.ts", "./name.mts",
        "./src/index.ts",
    ]  # fmt: skip
    for one in problems:
        path = Path(one["path"])
        lines = path.read_text().splitlines(keepends=True)
        line, at = lines[one["line"] - 1], one["column"]
        end = line.index("'", at)
        lines[one["line"] - 1] = line[:at] + one["suggestion"] + line[end:]
        path.write_text("".join(lines))
    assert program_json(run_esmcache, node_name, root) == {"modules": 8, "problems": []}
    assert plain(node_name, root, "app.ts").stdout == "Hello World 1\n"


def test_the_example_of_the_documentation(run_esmcache: RunEsmcache, tmp_path: Path, node_name: str) -> None:
    page = (PROJECT / "docs" / "how-to" / "typescript.md").read_text()
    start = page.index("    import { total }")
    source = page[start : page.index("`Currency` is a type", start)].replace("\n    ", "\n").strip() + "\n"
    root = tmp_path / "shop"
    write(
        root,
        {
            "package.json": MODULE,
            "tsconfig.json": '{"compilerOptions": {"paths": { "@/*": ["./*"] }}}',
            "app.ts": source,
            "prices.ts": "export const total = (prices: number[]): number => prices.length;\n",
            "money.ts": "export type Currency = 'EUR';\nexport const format = (...all: any[]) => String(all);\n",
            "level.ts": "export enum Level { Low, High }\n",
        },
    )
    _, lines = checked(run_esmcache, node_name, root)
    assert "".join(f"    {line}\n" for line in lines).replace(str(root), "/home/me/shop") in page
    for old, new in (("'./prices'", "'./prices.ts'"), ("'@/money.js'", "'./money.ts'"), ("{ Cur", "{ type Cur")):
        source = source.replace(old, new)
    write(root, {"level.ts": "export const Level = { Low: 0, High: 1 } as const;\n", "app.ts": source})
    assert checked(run_esmcache, node_name, root) == (0, ["app.ts: 4 modules, 0 problems"])
    assert plain(node_name, root, "app.ts").stdout == "2,EUR 1\n"


def test_what_is_not_served_is_listed_apart(run_esmcache: RunEsmcache, tmp_path: Path, node_name: str) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "package.json": '{"name": "typeless"}',
            "app.ts": "import './mark.cts';\nexport const a: number = 1;\n",
            "mark.cts": "\ufeffconsole.log('ran' as string);\n",
        },
    )
    exit_code, lines = checked(run_esmcache, node_name, root)
    assert (exit_code, lines) == (
        1,
        [
            'app.ts: not served: a module by its syntax alone (package.json has no "type")',
            "mark.cts: not served: a byte order mark in what is no ES module",
            "app.ts: 2 modules, 2 problems: 2 only keep modules from being served",
        ],
    )
    assert plain(node_name, root, "app.ts").stdout == "ran\n"


def test_packages_have_problems_only_where_the_program_surely_meets_them(
    run_esmcache: RunEsmcache, tmp_path: Path, node_name: str
) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "package.json": MODULE,
            "app.ts": "import 'sure';\nimport('perhaps');\n",
            "node_modules/sure/package.json": '{"type": "module", "exports": "./index.js"}',
            "node_modules/sure/index.js": "import 'gone';\nimport('optional');\nimport('./tool.js');\n",
            "node_modules/sure/tool.js": "import 'gone-too';\n",
            "node_modules/perhaps/package.json": '{"type": "module", "exports": "./index.js"}',
            "node_modules/perhaps/index.js": "import 'gone-too';\nlet = = 1;\n",
        },
    )
    assert checked(run_esmcache, node_name, root) == (
        1,
        [
            "node_modules/sure/index.js:1:8: ERR_MODULE_NOT_FOUND: Cannot find package 'gone'",
            "app.ts: 4 modules, 1 problem: plain node fails on 1",
        ],
    )


def test_a_directory_stands_for_the_entry_points_of_its_package(
    run_esmcache: RunEsmcache, tmp_path: Path, node_name: str
) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "package.json": '{"type": "module", "main": "./dist/app.js", "bin": "./cli.ts"}',
            "cli.ts": "import './a';\n",
            "a.ts": "",
            "src/app.ts": "",
        },
    )
    assert checked(run_esmcache, node_name, root, ".") == (
        1,
        [
            "package.json: `main` names ./dist/app.js, which does not exist: build it, or name src/app.ts in its place",
            f"cli.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find module '{root}/a'; did you mean \"./a.ts\"?",
            ".: 2 modules, 2 problems: plain node fails on 1, 1 only keeps a module from being served",
        ],
    )
    write(root, {"package.json": "{}"})
    assert checked(run_esmcache, node_name, root, ".") == (
        1,
        [
            ".: no entry point: name the files that you start, or `entries` in esmcache.json",
            ".: 0 modules, 1 problem: plain node fails on 1",
        ],
    )


def test_nothing_of_the_program_is_run_or_served(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, tmp_path: Path, node_name: str
) -> None:
    root = tmp_path / "project"
    writes = "import fs from 'node:fs';\nfs.writeFileSync('ran', '' as string);\n"
    write(root, {"package.json": MODULE, "app.ts": writes + "import './b.ts';\n", "b.ts": writes + "enum E { A }\n"})
    checked(run_esmcache, node_name, root)
    assert not (root / "ran").exists()
    assert list(esmcache_home.cache_dir.glob("code/*/*")) and not list(esmcache_home.cache_dir.glob("manifests/*"))


def test_a_node_that_does_not_run_typescript(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    write(tmp_path, {"app.ts": "const a: number = 1;\n", "package.json": "{}"})
    assert checked(run_esmcache, "node22", tmp_path) == (
        1,
        [
            "app.ts: ERR_UNKNOWN_FILE_EXTENSION: v22.15.0 does not run TypeScript: use Node 22.18 or later",
            "app.ts: 1 module, 1 problem: plain node fails on 1",
        ],
    )


def test_a_program_that_cannot_be_checked(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    answer = run_esmcache("doctor", "app.ts", cwd=tmp_path, env={"ESMCACHE_NODE": "no-such-node"})
    assert (answer.returncode, answer.stderr) == (1, "")
    assert answer.stdout.splitlines()[-1].startswith("app.ts: not checked: no Node to serve: ")
    answer = run_esmcache("doctor", "--json", "app.ts", cwd=tmp_path, env={"ESMCACHE_NODE": "no-such-node"})
    assert json.loads(answer.stdout)["program"]["error"].startswith("no Node to serve: ")
