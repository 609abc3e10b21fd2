"""TypeScript is served with its types, and Node finds in the cache what it makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import EsmcacheHome, node_of
from esmcache.build import publish
from program import Program

FILES = {
    "package.json": '{"type": "module", "main": "app.ts"}',
    "app.ts": "import { b } from './b.ts';\nimport c from './c.cts';\nimport './d.mts';\nconst a: number = b;\n"
    "console.log(a, c.value, c.inner);\n",
    "b.ts": "export type T = string;\nexport const b: number = 1;\n",
    "c.cts": "const value: number = 2;\nmodule.exports = { value, inner: require('./inner.cts') as string };\n",
    "d.mts": "export const d = <T,>(t: T): T => t;\n",
    "inner.cts": "module.exports = 'inner' as string;\n",
}
# A text without types for each file, and another for CommonJS that is imported, which Node strips twice.
_STRIPPED = 6
_READ = re.compile(r"retrieving transpile cache for StrippedTypeScript \S+\.[mc]?ts(?:\?\w+)?\.\.\.success")
_ACCEPTED = re.compile(r"cache for (?:ESM |CommonJS )?\S+\.[mc]?ts(?:\?\w+)? was accepted")
_MADE = re.compile(r"no transpile cache for|cache for (?:ESM |CommonJS )?\S+\.[mc]?ts(?:\?\w+)? was (?!accepted)")


@pytest.fixture
def program(typescript_node: Path, tmp_path: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", typescript_node, esmcache_home, "app.ts")
    made.write(FILES)
    return made


def check_entries(program: Program, texts: int, code_caches: int) -> None:
    """Assert that a served start makes no entry, and finds so many code caches and, if Node keeps them, so many texts.

    The texts are those without types.
    """
    started = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"})
    said = started.stdout + started.stderr
    assert _MADE.findall(said) == []
    keeps_texts = program.node != node_of("node22ts")
    found = len(_READ.findall(said)), len(_ACCEPTED.findall(said))
    assert found == (texts if keeps_texts else 0, code_caches)


@pytest.mark.parametrize("warmed", ["app.ts", "."])
def test_one_warm_is_enough(program: Program, warmed: str) -> None:
    report = program.warm(warmed)
    assert (report.served, report.native, report.problems) == (5, 0, [])
    check_entries(program, _STRIPPED, 5)
    # Node 22 asks no hook for what imported CommonJS requires.
    assert program.check_same()["served"] == (4 if program.node == node_of("node22ts") else 5)
    again = program.warm(warmed)
    assert (again.read, again.analysed, again.compiled, again.manifests_written, again.rows_written) == (0, 0, 0, 0, 0)


@pytest.mark.every_node
def test_the_entries_are_those_of_the_loader(program: Program) -> None:
    program.write(
        {
            "app.ts": "import './c.cts';\nimport './js.cjs';\nawait import('./lazy.cts') as unknown;\n",
            "c.cts": "exports.a = require('./inner.cts') as any;\nrequire('./inner.mts');\nrequire('./inner.cjs');\n",
            "inner.cjs": "require('./innermost.cts');\n",
            "innermost.cts": "module.exports = 1 as number;\n",
            "inner.mts": "export const inner: number = 1;\n",
            "js.cjs": "require('./of-js.cts');\nrequire('./of-js.mts');\n",
            "of-js.cts": "module.exports = 2 as number;\n",
            "of-js.mts": "import './imported.mts';\nimport './imported.cts';\nexport const a: number = 3;\n",
            "imported.mts": "export const b: number = 4;\n",
            "imported.cts": "module.exports = 5 as number;\n",
            "lazy.cts": "module.exports = 6 as number;\n",
        }
    )
    assert program.warm().served == 12
    assert program.check_same()["missed"] == []
    # Imported CommonJS is stripped twice: c.cts and lazy.cts, but not what a required ES module imports.
    check_entries(program, 12, 10)
    # An edited module is compiled in the same way.
    changed = [program.root / name for name in ("app.ts", "c.cts", "inner.cts", "inner.mts", "of-js.cts", "of-js.mts")]
    for path in changed:
        path.write_text(path.read_text() + "// edited\n")
    with program.cache() as cache:
        assert cache.update(changed).to_warm == {}
    check_entries(program, 12, 10)
    assert program.warm().compiled == 0


def test_entry_points_and_workers_find_the_entries_of_their_loader(program: Program) -> None:
    program.write(
        {
            "package.json": '{"type": "commonjs"}',
            "app.ts": "require('./required.ts') as unknown;\nimport('./imported.mts');\n",
            "required.ts": "module.exports = 1 as number;\n",
            "imported.mts": "import { Worker } from 'node:worker_threads';\n"
            "new Worker(new URL('./worker.ts', import.meta.url)).on('exit', (): unknown =>\n"
            "  new Worker(new URL('./worker.mts', import.meta.url)));\n",
            "worker.ts": "const one: unknown = require('./required.ts');\n",
            "worker.mts": "import one from './imported-by-worker.cts';\none as unknown;\n",
            "imported-by-worker.cts": "exports.one = 1 as number;\n",
        }
    )
    program.warm()
    assert program.check_same()["missed"] == []
    # The program and one of its workers load required.ts, and imported CommonJS is stripped twice.
    check_entries(program, 8, 7)


def test_files_whose_format_their_syntax_decides_find_their_entries(program: Program) -> None:
    app = "const a: number = require('./required.ts');\nrequire('./module.ts');\n"
    program.write(
        {
            "package.json": '{"name": "typeless"}',
            "app.ts": app,
            "required.ts": "module.exports = 1 as number;\n",
            "module.ts": "export const b: number = 2;\n",
            "imported.ts": "exports.c = 3 as number;\n",
        }
    )
    program.warm()
    program.check_same()
    check_entries(program, 3, 3)
    # To find out the format of a file that is imported, Node strips it as if it were required, and finds no entry.
    program.write({"app.ts": f"{app}() => require('./imported.ts');\nimport('./imported.ts');\n"})
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    assert program.warm().compiled == 0


def test_files_with_the_same_text_have_entries_of_their_own(program: Program) -> None:
    same = "export const url: string = import.meta.url;\n"
    program.write(
        {
            "app.ts": "import * as a from './same.ts';\nimport * as b from './also.ts';\n"
            "import * as c from './same.ts?query';\nconsole.log(a.url, b.url, c.url);\n",
            "same.ts": same,
            "also.ts": same,
        }
    )
    program.warm()
    assert program.check_same()["served"] == 4
    check_entries(program, 4, 4)
    assert program.warm().compiled == 0


def test_refused_files_are_not_stripped_again(program: Program) -> None:
    program.write({"e.ts": "export enum E { A }\n", "latin.mts": b"export const a: string = '\xe9';\n"})
    with program.cache() as cache:
        cache.warm([program.root])
        again = cache.warm([program.root])
        assert "not valid UTF-8" in cache.explain(str(program.root / "latin.mts")).reason
    # A text that is not UTF-8 has no analysis that could be kept.
    assert (again.analysed, again.compiled) == (0, 1)


def test_functions_that_starts_call_are_precompiled(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_LEAST_BYTES_WITH_CALLS", 0)
    monkeypatch.setattr(publish, "_LEAST_UNKNOWN_BYTES", 1)
    program.write(
        {
            "b.ts": "export const b: number = ((x: number): number => x + 1)(0);\nexport const d = () => 'lazy';\n",
            "inner.cts": "function called<T>(value: T): T { return value; }\n"
            "module.exports = called<string>('inner');\n",
        }
    )
    program.warm()
    before = len(program.code_caches())
    program.served()
    with program.cache() as cache:
        assert cache.warm_missed().compiled > 0
    assert len(program.code_caches()) > before
    # Nothing more is unknown, so the next start is not asked.
    events = program.home.cache_dir / "events"
    program.check_same()
    assert not any('"called"' in path.read_text() for path in events.iterdir())
    check_entries(program, _STRIPPED, 5)


@pytest.mark.every_node
def test_saved_files_are_served_at_once(program: Program) -> None:
    program.warm()
    program.write({"b.ts": "export const b: number = 10;\n", "c.cts": "module.exports = { value: 20 as number };\n"})
    stale = [(program.root / name).as_uri() for name in ("b.ts", "c.cts")]
    if program.node == node_of("node22ts"):
        # It reads CommonJS that is imported itself.
        stale.pop()
    assert program.check_same()["stale"] == stale
    with program.cache() as cache:
        assert cache.update([program.root / "b.ts"]).to_warm == {}
    assert program.check_same()["stale"] == stale[1:]
    with program.cache() as cache:
        # It no longer requires inner.cts.
        assert list(cache.update([program.root / "c.cts"]).to_warm.values()) == [[str(program.root / "app.ts")]]
    program.warm()
    report = program.check_same()
    assert (report["served"], report["stale"]) == (4, [])
    check_entries(program, _STRIPPED - 1, 4)


@pytest.mark.parametrize("broken", ["export { absent };\n", "enum E { A }\n", "const a: = 1;\n"])
def test_a_save_with_an_error_and_the_save_that_mends_it_need_no_warm(program: Program, broken: str) -> None:
    # Imports of a text that Node does not strip are unknown, which is not the same as changed.
    program.warm()
    path = program.root / "app.ts"
    path.write_text(FILES["app.ts"] + broken)
    with program.cache() as cache:
        assert cache.update([path]).to_warm == {}
    assert program.check_same()["stale"] == [path.as_uri()]
    path.write_text(FILES["app.ts"] + "const mended: number = 1;\n")
    with program.cache() as cache:
        assert cache.update([path]).to_warm == {}
    check_entries(program, _STRIPPED, 5)
    assert program.check_same()["stale"] == []


def test_a_saved_file_that_is_imported_as_commonjs_keeps_its_entries(program: Program) -> None:
    program.warm()
    program.write({"c.cts": FILES["c.cts"].replace("2", "3")})
    with program.cache() as cache:
        assert cache.update([program.root / "c.cts"]).to_warm == {}
    check_entries(program, _STRIPPED, 5)
    assert program.warm().compiled == 0


def test_a_collection_keeps_all_entries_and_verify_finds_no_damage(program: Program) -> None:
    program.warm()
    program.write({"b.ts": "export const b: number = 10;\n"})
    program.warm()
    with program.cache() as cache:
        assert cache.collect().files > 0
        assert cache.verify() == []
    check_entries(program, _STRIPPED, 5)


# Node 22 keeps no such texts.
@pytest.mark.parametrize("typescript_node", ["node24", "node26"], indirect=True)
def test_a_damaged_text_without_types_is_found_and_repaired(program: Program) -> None:
    program.warm()
    native = program.plain()
    for path in program.home.cache_dir.glob("code/*/*"):
        content = path.read_bytes()
        if b"//# sourceURL=" in content:
            path.write_bytes(content.replace(b"export", b"e\0port"))
    assert program.served().stdout == native.stdout
    with program.cache() as cache:
        assert {finding.kind for finding in cache.verify()} == {"code cache"}
    program.warm()
    check_entries(program, _STRIPPED, 5)


@pytest.mark.parametrize(
    ("name", "source", "at", "reason"),
    [
        ("enum.ts", "export enum E { A }", "enum", "unsupported-typescript-syntax"),
        ("invalid.ts", "const a: = 1;", "=", "syntax-error"),
        ("twice.ts", "let a: number; let a: string;", "a: string", "syntax-error"),
    ],
)
def test_what_node_refuses_is_a_problem_with_its_place(
    program: Program, name: str, source: str, at: str, reason: str
) -> None:
    program.write(
        {name: f"// \u4f60\n/* \U0001f600 */ {source}", "app.ts": f"await import('./{name}').catch(() => 0);"}
    )
    report = program.warm()
    (problem,) = report.problems
    found = (problem.code, problem.line, problem.is_error)
    assert found == (reason, 2, reason == "syntax-error")
    # The comment has nine UTF-16 code units.
    assert problem.column == 10 + source.index(at)
    assert (report.served, report.native) == (1, 1)
    assert program.check_same()["served"] == 1


def test_typescript_below_node_modules_is_left_to_node(program: Program) -> None:
    program.write(
        {
            "app.ts": "await import('dep').catch(({ code }) => console.log(code));",
            "node_modules/dep/package.json": '{"name": "dep", "type": "module", "exports": "./index.ts"}',
            "node_modules/dep/index.ts": "export default 1 as number;",
        }
    )
    report = program.warm()
    assert (report.served, report.native) == (1, 1)
    assert program.check_same()["served"] == 1
