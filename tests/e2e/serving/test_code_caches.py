"""Code caches are used unless a start died while loading them, and contain the functions that starts called."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from program import Program, code_cache_entry
from served_program import MODULES

# Another process sends the signal, since a Node that kills itself writes its compile cache first.
KILLER = """
const { execFileSync } = require('node:child_process');
const { registerHooks } = require('node:module');
registerHooks({ load(url, context, next) {
  if (url.endsWith(process.env.KILLED_AT)) execFileSync('kill', ['-KILL', `${process.pid}`]);
  return next(url, context);
} });
"""


def test_code_caches_are_quarantined_after_a_start_died_loading_them(program: Program) -> None:
    program.write({"killer.cjs": KILLER})
    flags = ["--require", str(program.root / "killer.cjs")]
    program.warm()
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    for _ in range(2):
        report = program.check_same()
        assert (report["served"], report["codeCaches"]) == (MODULES, "quarantined")
    again = program.warm()
    # The start that died has reported the preload that it missed.
    assert (again.analysed, again.compiled) == (1, MODULES)
    assert program.check_same()["codeCaches"] == "enabled"
    # The last start loaded its code caches, so this one dies for another reason.
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "enabled"


def test_a_new_manifest_makes_code_caches_unproven(program: Program) -> None:
    program.write({"killer.cjs": KILLER})
    flags = ["--require", str(program.root / "killer.cjs")]
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    program.write({"lib/b.js": "export const b = 'changed', cycle = 1;\n"})
    program.warm()
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "quarantined"


def test_a_damaged_manifest_enables_no_code_caches(program: Program) -> None:
    program.write(
        {"app.mjs": "import { getCompileCacheDir } from 'node:module';\nconsole.log(getCompileCacheDir());\n"}
    )
    program.warm()
    for _ in range(2):
        assert str(program.home.cache_dir) in program.served().stdout
    (manifest,) = (program.home.cache_dir / "manifests").iterdir()
    status = manifest.stat()
    content = bytearray(manifest.read_bytes())
    content[200] ^= 1
    manifest.write_bytes(content)
    os.utime(manifest, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert program.check_same()["reason"] == "no manifest"


def test_a_death_after_loading_causes_no_quarantine(program: Program) -> None:
    program.write({"app.mjs": "import './lib/a.js';\nimport('./lib/late.js');\n", "killer.cjs": KILLER})
    program.warm()
    flags = ["--require", str(program.root / "killer.cjs")]
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/late.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "enabled"


@pytest.mark.parametrize("said", ["", "1 2 3", "loaded", "\0" * 10_000, "-1 -1", "99999999999 99999999999"])
def test_invalid_marks_of_starts_cause_no_quarantine(program: Program, said: str) -> None:
    program.warm()
    program.check_same()
    (noted,) = (program.home.cache_dir / "starts").iterdir()
    before = noted.read_text()
    manifest, word = before.split()[:2]
    assert word == "loaded"
    for content in (said, f"{manifest} {said}"):
        noted.write_text(content)
        assert program.check_same()["codeCaches"] == "enabled"
        assert noted.read_text() == before


def test_the_preload_finds_its_code_cache_in_the_first_start(program: Program) -> None:
    program.write({"app.mjs": "console.log('served');\n"})
    program.warm()
    # The first start still has to prove that the code caches can be loaded.
    for first_loaded in ("hooks", "serving"):
        said = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"})
        accepted = re.findall(r"cache for CommonJS .*/(\w+)\.cjs was accepted", said.stdout + said.stderr)
        assert accepted[0] == first_loaded and "hooks" in accepted


def test_a_warm_precompiles_functions_that_a_start_called(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import { called } from './functions.mjs';\nimport required from './required.cjs';\n"
            "console.log(called(), required.called());\n" + "// A program that is worth it.\n" * 3000,
            "functions.mjs": "export function called() {\n  return 'it is called';\n}\n"
            "export const idle = () => 'nobody calls it';\n",
            "required.cjs": "exports.called = () => 'it is called';\nexports.idle = () => 'nobody calls it';\n",
        }
    )
    program.warm()
    assert b"it is called" not in program.code_caches()
    program.check_same()
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    assert program.code_caches().count(b"it is called") == 2
    assert b"nobody calls it" not in program.code_caches()
    assert (program.check_same()["served"], program.warm().compiled) == (3, 0)
    with program.cache() as cache:
        assert cache.warm_missed().entries == 0
    # The record of called functions survives an edit of the module.
    edited = (program.root / "functions.mjs").read_text().replace("it is called", "called again")
    program.write({"functions.mjs": "const é = '🦜';\n" + edited + "export const late = é;\n"})
    assert program.warm().compiled == 1
    assert b"called again" in program.code_caches()
    program.check_same()
    assert not _tells_called_functions(program)
    # A start reports called functions again if much of the program has no such record.
    imports = "import { more } from './more.mjs';\nmore();\n" + (program.root / "app.mjs").read_text()
    more = "export function more() { return 'and more'; }\n" + "// Not known yet.\n" * 1000
    program.write({"app.mjs": imports, "more.mjs": more})
    program.warm()
    assert b"and more" not in program.code_caches()
    program.check_same()
    assert _tells_called_functions(program)
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    assert b"and more" in program.code_caches()


def _tells_called_functions(program: Program) -> bool:
    events = program.home.cache_dir / "events"
    return any(b'"called":' in path.read_bytes() for path in events.iterdir())


def test_a_warm_precompiles_functions_that_only_a_worker_called(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import { Worker } from 'node:worker_threads';\n"
            "new Worker(new URL('./worker.mjs', import.meta.url));\n" + "// A program that is worth it.\n" * 3000,
            "worker.mjs": "import { called } from './functions.mjs';\nconsole.log(called());\n",
            "functions.mjs": "export function called() {\n  return 'a worker called it';\n}\n",
        }
    )
    program.warm()
    program.check_same()
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    assert b"a worker called it" in program.code_caches()


def test_only_the_first_workers_to_end_report_called_functions(program: Program) -> None:
    parts = {f"part{i}.mjs": f"export const part{i} = () => {i};\n" for i in range(80)}
    imports = "".join(f"import {{ part{i} }} from './part{i}.mjs';\npart{i}();\n" for i in range(80))
    start = """
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const workers = [1, 2, 3].map(() => new Worker(new URL('./worker.mjs', import.meta.url)));
await Promise.all(workers.map((worker) => once(worker, 'message')));
for (const worker of workers) {
  worker.postMessage('end');
  await once(worker, 'exit');
}
"""
    wait = """import { parentPort } from 'node:worker_threads';
parentPort.once('message', () => parentPort.close());
parentPort.postMessage('ready');
"""
    padding = "// A program that is worth it.\n" * 3000
    program.write({**parts, "app.mjs": start + padding, "worker.mjs": imports + wait})
    program.warm()
    program.check_same()
    (events,) = (program.home.cache_dir / "events").iterdir()
    reports = [json.loads(line) for line in events.read_bytes().splitlines()]
    assert [("called" in one, one["served"]) for one in reports] == [(True, 81), (False, 81), (False, 81), (True, 1)]


def test_code_caches_hide_no_warnings(program: Program) -> None:
    padding = "// A program that is worth it.\n" * 3000
    no_asm = "function M() { 'use asm'; function f(x) { return x + 1; } return { f: f }; }\nconsole.log(M().f(4));\n"
    # V8 compiles a function in parentheses, and so warns, when it compiles the top level.
    eager = f"const M = ({no_asm.splitlines()[0]});\nconsole.log(M().f(4));\n"
    for text, has_code_cache in ((no_asm, True), (eager, False)):
        program.write({"app.mjs": f"import './other.mjs';\n{text}{padding}", "other.mjs": f"let a;\n{padding}"})
        program.warm()
        for _ in range(2):
            assert program.check_same()["codeCaches"] == "enabled"
            said = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"}).stderr
            assert f"cache for ESM file://{program.root}/other.mjs was accepted" in said
            assert (f"cache for ESM file://{program.root}/app.mjs was accepted" in said) == has_code_cache
            with program.cache() as cache:
                cache.warm_missed()


def test_a_save_removes_a_code_cache_that_a_program_could_notice(program: Program) -> None:
    program.write({"app.mjs": "import './other.mjs';\nconsole.log(1);\n", "other.mjs": "let a;\n"})
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    program.write({"app.mjs": "import './other.mjs';\n(function M() { 'use asm'; return x + 1; });\nconsole.log(2);\n"})
    with program.cache() as cache:
        update = cache.update([program.root / "app.mjs"])
        for conditions, entries in update.to_warm.items():
            cache.warm([Path(entry) for entry in entries], conditions=conditions)
    for _ in range(2):
        assert program.check_same()["codeCaches"] == "enabled"


def test_the_save_that_mends_an_error_brings_the_code_cache_back(program: Program) -> None:
    program.write({"app.mjs": "console.log(1);\n"})
    program.warm()
    for text in ("console.log(1;\n", "console.log(2);\n"):
        program.write({"app.mjs": text})
        with program.cache() as cache:
            assert cache.update([program.root / "app.mjs"]).to_warm == {}
        program.check_same()
    assert code_cache_entry(program, "app.mjs").exists()
    assert program.check_same()["codeCaches"] == "enabled"


def test_a_start_that_calls_no_functions_reports_them_once(program: Program) -> None:
    program.write({"app.mjs": "throw new Error('at once');\n" + "// Nothing is called.\n" * 4000})
    program.warm()
    program.check_same()
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    program.check_same()
    with program.cache() as cache:
        assert cache.warm_missed().entries == 0


@pytest.mark.parametrize(
    "specifier",
    ["./worker.mjs?x=1", "./worker.mjs#hash", "worker.mjs", "./%77orker.mjs?a#b", "./worker", "./link.mjs?x"],
)
def test_a_worker_is_loaded_by_the_path_of_its_url(program: Program, specifier: str) -> None:
    program.write(
        {
            "package.json": '{"type": "module"}',
            "app.mjs": "import { Worker } from 'node:worker_threads';\n"
            f"new Worker(new URL('{specifier}', import.meta.url)).on('error', console.log);\n",
            "worker.mjs": "import './part.mjs';\nconsole.log(import.meta.url);\n",
            "worker.js": "import './part.mjs';\nconsole.log(import.meta.url);\n",
            "part.mjs": "export {};\n",
        }
    )
    (program.root / "link.mjs").symlink_to("worker.mjs")
    assert program.warm().served == 3
    for _ in range(2):
        report = program.check_same()
        assert (report["missed"], report["codeCaches"]) == ([], "enabled")
    started = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"})
    assert len(re.findall(r"cache for (?:ESM )?\S+/(?:app|worker|part)\.m?js was accepted", started.stderr)) == 3


@pytest.mark.parametrize("flags", [[], ["--stack-trace-limit=50"], ["--enable-source-maps"], ["--no-opt"]])
def test_programs_are_served_under_v8_flags(program: Program, flags: list[str]) -> None:
    program.warm()
    assert program.check_same(flags=flags)["served"] == MODULES


def test_the_users_own_compile_cache_is_left_alone(program: Program, tmp_path: Path) -> None:
    program.warm()
    report = program.check_same(env={"NODE_COMPILE_CACHE": str(tmp_path / "own")})
    assert (report["served"], report["codeCaches"]) == (MODULES, "left off")
