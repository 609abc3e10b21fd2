"""A served program does what it does without the cache, whatever happened to its files or to the cache."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from esmcache import EngineError
from program import Program

FILES = {
    "package.json": '{"type": "module"}',
    "app.mjs": """\
import { readFileSync } from 'node:fs';
import * as all from './lib/index.js';
import data from './data.json' with { type: 'json' };
import tool from 'tool';
import { inner } from 'tool/inner';
console.log(Object.keys(all), data, tool.name, inner, import.meta.url.endsWith('app.mjs'));
const late = await import('./lib/late.js');
console.log(late.default, process.argv.slice(2));
""",
    "lib/index.js": "export * from './a.js';\nexport { b as 'string name' } from './b.js';\n",
    "lib/a.js": "import { b } from './b.js';\nexport const a = () => b;\n",
    "lib/b.js": "import { a } from './a.js';\nexport const b = 'b';\nexport const cycle = () => a;\n",
    "lib/late.js": "export default 'late';\n",
    "data.json": '{"answer": 42}',
    "node_modules/tool/package.json": """\
{"name": "tool", "version": "1.0.0", "exports": {".": "./main.cjs", "./inner": {"import": "./inner.mjs"}}}
""",
    "node_modules/tool/main.cjs": "const part = require('./part');\nmodule.exports = { name: 'tool ' + part };\n",
    "node_modules/tool/part.js": "module.exports = 'part';\n",
    "node_modules/tool/inner.mjs": "export const inner = 'inner';\n",
}
# app, four of lib, data, and the tool's main, part and inner
MODULES = 9


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    made.write(FILES)
    return made


def test_everything_is_served_on_every_node(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write(FILES)
    report = program.warm()
    assert (report.modules, report.native, report.problems) == (MODULES, 0, [])
    seen = program.check_same("x", "--y")
    assert seen["missed"] == seen["stale"] == []
    assert (seen["faults"], seen["codeCaches"]) == (0, "enabled")
    # Node 22 loads a CommonJS module that is imported through its hooks twice.
    assert seen["served"] >= MODULES


def test_without_a_manifest_nothing_is_touched(program: Program) -> None:
    assert program.check_same()["reason"] == "no cache directory"
    assert not program.home.cache_dir.exists()
    program.warm("lib/late.js")
    assert program.check_same()["reason"] == "no manifest"


def test_an_edited_module_alone_is_native_until_it_is_warmed(program: Program) -> None:
    program.warm()
    program.write({"lib/b.js": "export const b = 'edited';\nexport const cycle = 1, more = 2;\n"})
    report = program.check_same()
    assert [Path(url).name for url in report["stale"]] == ["b.js"]
    assert report["served"] == MODULES - 1
    again = program.warm()
    assert (again.analysed, again.compiled) == (1, 1)
    report = program.check_same()
    assert (report["served"], report["stale"]) == (MODULES, [])


def test_required_sources_come_from_packs(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", node, esmcache_home)
    program.write(
        {
            "app.mjs": "import a from './a.cjs';\nimport('./late.cjs').then((late) => console.log(a, late));\n",
            "a.cjs": "module.exports = ['a', require('./data.json').answer, require('./b')];\n",
            "b.js": "module.exports = 'b \u00e4';\n",
            "data.json": '{"answer": 42}',
            "late.cjs": "module.exports = 'late';\n",
        }
    )
    program.warm()
    assert (program.check_same()["served"], program.check_same()["faults"]) == (5, 0)
    program.write({"b.js": "module.exports = 'edited';\n"})
    report = program.check_same()
    assert ([Path(url).name for url in report["stale"]], report["served"]) == (["b.js"], 4)
    program.warm()
    for pack in program.home.cache_dir.glob("packs/*.pack"):
        damaged = bytearray(pack.read_bytes())
        damaged[64:] = bytes(len(damaged) - 64)
        pack.write_bytes(damaged)
    report = program.check_same()
    assert (report["served"], report["faults"], report["stale"]) == (0, 5, [])


KILLER = """
const { registerHooks } = require('node:module');
registerHooks({ load(url, context, next) {
  if (url.endsWith(process.env.KILLED_AT)) process.kill(process.pid, 'SIGKILL');
  return next(url, context);
} });
"""


def test_what_a_start_died_of_loading_is_left_out_until_it_is_made_anew(program: Program) -> None:
    program.write({"killer.cjs": KILLER})
    flags = ["--require", str(program.root / "killer.cjs")]
    program.warm()
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    for _ in range(2):
        report = program.check_same()
        assert (report["served"], report["codeCaches"]) == (MODULES, "quarantined")
    again = program.warm()
    assert (again.analysed, again.compiled) == (0, MODULES - 1)
    assert program.check_same()["codeCaches"] == "enabled"
    # That start went well, so another one dies of something else.
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "enabled"


def test_code_caches_of_another_manifest_are_unproven_again(program: Program) -> None:
    program.write({"killer.cjs": KILLER})
    flags = ["--require", str(program.root / "killer.cjs")]
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    program.write({"lib/b.js": "export const b = 'changed', cycle = 1;\n"})
    program.warm()
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/b.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "quarantined"


def test_a_manifest_damaged_since_code_caches_were_loaded_with_it_leads_to_none(program: Program) -> None:
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


def test_who_is_killed_later_was_not_killed_by_what_it_loaded(program: Program) -> None:
    program.write({"app.mjs": "import './lib/a.js';\nimport('./lib/late.js');\n", "killer.cjs": KILLER})
    program.warm()
    flags = ["--require", str(program.root / "killer.cjs")]
    assert program.served(flags=flags, env={"KILLED_AT": "/lib/late.js"}).exit_code == -signal.SIGKILL
    assert program.check_same()["codeCaches"] == "enabled"


@pytest.mark.parametrize("said", ["", "1 2 3", "loaded", "\0" * 10_000, "-1 -1", "99999999999 99999999999"])
def test_nonsense_about_the_last_start_is_no_quarantine(program: Program, said: str) -> None:
    program.warm()
    program.check_same()
    (noted,) = (program.home.cache_dir / "starts").iterdir()
    manifest, word = noted.read_text().split()
    assert word == "loaded"
    for content in (said, f"{manifest} {said}"):
        noted.write_text(content)
        assert program.check_same()["codeCaches"] == "enabled"
        assert noted.read_text() == f"{manifest} loaded"


def test_commonjs_that_is_no_utf_8_is_read_by_node(program: Program) -> None:
    program.write({"app.mjs": "import './latin.cjs';\n"})
    (program.root / "latin.cjs").write_bytes(b"console.log('\xe4');\n")
    assert program.warm().native == 0
    report = program.check_same()
    assert (report["served"], report["faults"], report["codeCaches"]) == (2, 0, "enabled")


def test_an_edit_of_the_same_size_is_seen(program: Program) -> None:
    program.warm()
    path = program.root / "lib/late.js"
    before = path.stat()
    program.write({"lib/late.js": "export default 'LATE';\n"})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [Path(url).name for url in program.check_same()["stale"]] == ["late.js"]


def test_a_touched_file_is_served_after_a_hash(program: Program) -> None:
    program.warm()
    os.utime(program.root / "lib/a.js")
    report = program.check_same()
    assert (report["served"], report["stale"]) == (MODULES, [])
    assert report["hashed"] >= 1


def test_a_tree_copied_away_and_back_is_served_after_hashes(program: Program, tmp_path: Path) -> None:
    program.warm()
    shutil.copytree(program.root, tmp_path / "copy")
    shutil.rmtree(program.root)
    shutil.copytree(tmp_path / "copy", program.root)
    report = program.check_same()
    assert (report["served"], report["stale"]) == (MODULES, [])
    assert report["hashed"] >= MODULES - 2


def test_a_moved_project_is_neither_parsed_nor_compiled_again(program: Program, tmp_path: Path) -> None:
    program.warm()
    program.root.rename(tmp_path / "moved")
    program.root = tmp_path / "moved"
    assert program.check_same()["reason"] == "no manifest"
    report = program.warm()
    assert (report.analysed, report.compiled, report.blobs_written, report.sources_packed) == (0, 0, 0, 6)
    seen = program.check_same()
    assert (seen["served"], seen["codeCaches"]) == (MODULES, "enabled")


def test_a_second_warm_does_nothing(program: Program) -> None:
    program.warm()
    # What was written this instant is read once more; then its fingerprint speaks for it.
    program.warm()
    report = program.warm()
    did = (report.analysed, report.compiled, report.blobs_written, report.code_caches_written)
    assert did == (0, 0, 0, 0)
    assert (report.sources_packed, report.manifests_written) == (0, 0)


def test_two_nodes_stay_served_side_by_side(
    tmp_path: Path, node: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    first = Program(tmp_path / "project", node, esmcache_home)
    second = Program(tmp_path / "project", any_node, esmcache_home)
    first.write(FILES)
    first.warm()
    report = second.warm()
    assert (report.analysed, report.blobs_written, report.sources_packed) == (0, 0, 0)
    for program in (first, second):
        seen = program.check_same()
        assert seen["served"] >= MODULES
        assert seen["codeCaches"] == "enabled"


def test_a_program_gets_what_it_wrote_itself(program: Program) -> None:
    program.write(
        {
            "app.mjs": """\
import { writeFileSync } from 'node:fs';
const url = new URL('./lib/late.js', import.meta.url);
writeFileSync(url, "export default 'written " + process.argv[2] + "';\\n");
console.log((await import('./lib/late.js')).default);
"""
        }
    )
    program.warm()
    assert program.served("one").stdout == "written one\n"
    program.warm()
    assert program.served("two").stdout == "written two\n"


def test_a_program_sees_the_package_that_it_installed_itself(program: Program) -> None:
    program.write(
        {
            "src/app.mjs": """\
import { mkdirSync, writeFileSync } from 'node:fs';
const directory = new URL('./node_modules/tool/', import.meta.url);
mkdirSync(directory, { recursive: true });
writeFileSync(new URL('index.js', directory), "module.exports = 'nearer';");
console.log((await import('tool')).default);
"""
        }
    )
    program.entry = "src/app.mjs"
    program.warm()
    assert program.served().stdout == "nearer\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"node_modules/tool/package.json": '{"name": "tool", "exports": {".": "./part.js"}}'}, 1),
        ({"lib/package.json": '{"type": "commonjs"}'}, 1),
        ({"node_modules/tool/part/index.js": "module.exports = 'shadow';"}, 0),
        ({"node_modules/tool/part": "module.exports = 'shadow';"}, 0),
        ({"node_modules/tool/node_modules/x.js": "1"}, 0),
    ],
)
def test_what_now_resolves_differently_is_seen(program: Program, change: dict[str, str], expected: int) -> None:
    program.warm()
    program.write(change)
    plain, served = program.plain(), program.served()
    assert (served.stdout, served.exit_code) == (plain.stdout, plain.exit_code)
    assert plain.exit_code == expected


def test_a_deleted_module_fails_as_it_does_natively(program: Program) -> None:
    program.warm()
    (program.root / "lib/late.js").unlink()
    plain, served = program.plain(), program.served()
    assert plain.exit_code == served.exit_code == 1
    assert plain.stdout == served.stdout
    assert "ERR_MODULE_NOT_FOUND" in plain.stderr
    assert "ERR_MODULE_NOT_FOUND" in served.stderr


def test_a_directory_replaced_by_a_link_is_seen(program: Program) -> None:
    program.write({"app.mjs": "import url from './sub/url.mjs';\nconsole.log(url.slice(-20));\n"})
    program.write({"sub/url.mjs": "export default import.meta.url;\n"})
    program.warm()
    (program.root / "sub").rename(program.root / "elsewhere")
    (program.root / "sub").symlink_to("elsewhere")
    program.check_same()
    assert "elsewhere" in program.served().stdout


def _cache_files(home: EsmcacheHome) -> list[Path]:
    return sorted(path for path in home.cache_dir.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", ["delete", "truncate", "overwrite", "grow", "alter"])
def test_any_damaged_cache_file_changes_nothing(program: Program, damage: str) -> None:
    program.warm()
    expected = program.plain()
    hook = program.hook()
    files = _cache_files(program.home)
    assert {path.parent.name for path in files} >= {"manifests", "packs", "esmcache"}
    for path in files:
        content, status = path.read_bytes(), path.stat()
        if damage == "delete":
            path.unlink()
        else:
            damaged = {
                "truncate": content[: len(content) // 2],
                "overwrite": bytes(byte ^ 0x55 for byte in content),
                "grow": content + b"\0more",
                "alter": bytes(byte ^ (i % 100 == 70) for i, byte in enumerate(content)),
            }
            path.write_bytes(damaged[damage])
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        result = subprocess.run(
            [program.node, "--require", hook, program.entry],
            cwd=program.root,
            env=program.home.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        seen = (result.stdout, result.stderr, result.returncode)
        assert seen == (expected.stdout, expected.stderr, 0), path
        path.write_bytes(content)


def test_a_damaged_cache_is_mended_by_the_next_warm_or_verify(program: Program) -> None:
    program.warm()
    with program.engine() as engine:
        assert engine.verify() == []
    for path in _cache_files(program.home):
        if path.parent.name in ("packs", "manifests") or path.parent.parent.name in ("blobs", "v8"):
            path.write_bytes(b"garbage" + path.read_bytes()[7:])
    with program.engine() as engine:
        findings = engine.verify(repair=True)
        assert {finding.kind for finding in findings} == {"pack", "manifest", "blob", "code cache"}
        assert engine.verify() == []
    program.warm()
    report = program.check_same()
    assert (report["served"], report["faults"], report["codeCaches"]) == (MODULES, 0, "enabled")


def test_an_index_that_is_no_database_is_made_anew(program: Program) -> None:
    program.warm()
    for path in program.home.cache_dir.glob("index.db*"):
        path.unlink()
    (program.home.cache_dir / "index.db").write_bytes(b"this is not a database" * 100)
    assert program.warm().modules == MODULES
    assert program.check_same()["served"] == MODULES


def test_an_index_damaged_inside_is_made_anew(program: Program) -> None:
    program.warm()
    with program.engine() as engine:
        assert engine.statistics().modules == MODULES
    path = program.home.cache_dir / "index.db"
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 997):
        content[at] ^= 0xFF
    path.write_bytes(content)
    with program.engine() as engine:
        assert [finding.kind for finding in engine.verify()] == ["index"]
    with program.engine() as engine, pytest.raises(EngineError, match="made anew"):
        engine.statistics()
        engine.explain(str(program.root / "app.mjs"))
    assert program.warm().modules == MODULES
    assert program.check_same()["served"] == MODULES


def test_a_cache_that_others_can_write_is_refused(program: Program) -> None:
    program.warm()
    program.home.cache_dir.chmod(0o777)
    assert program.check_same()["reason"] == "cache directory: can be written by others"
    assert not (program.home.cache_dir / "events").exists()
    with program.engine() as engine, pytest.raises(Exception, match="can be written by others"):
        engine.warm([program.root / program.entry])
    program.home.cache_dir.chmod(0o700)
    assert program.check_same()["served"] == MODULES


def test_it_can_be_switched_off(program: Program) -> None:
    program.warm()
    assert program.check_same(env={"ESMCACHE_DISABLE": "1"}) == {}


def test_what_only_ran_can_tell_is_warmed_from_the_runners_report(program: Program) -> None:
    program.write({"app.mjs": "const name = './lib/' + 'late.js';\nconsole.log((await import(name)).default);\n"})
    program.warm()
    report = program.check_same()
    assert [Path(url).name for url in report["missed"]] == ["late.js"]
    with program.engine() as engine:
        assert engine.warm_missed().entries == 1
    report = program.check_same()
    assert (report["missed"], report["served"]) == ([], 2)


def test_the_preload_finds_its_code_cache_in_the_first_start(program: Program) -> None:
    program.write({"app.mjs": "console.log('served');\n"})
    program.warm()
    # The first start is still to show that the code caches can be loaded.
    for first_loaded in ("manifest", "serving"):
        said = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"})
        accepted = re.findall(r"cache for CommonJS .*/(\w+)\.cjs was accepted", said.stdout + said.stderr)
        assert accepted[0] == first_loaded and "hooks" in accepted


def test_starts_in_vain_tell_so_until_enough_waits_to_be_taken_in(program: Program) -> None:
    program.home.cache_dir.mkdir(mode=0o700)
    quiet = {"ESMCACHE_LOG": ""}
    flags = ["--preserve-symlinks"]
    with program.engine() as engine:
        for _ in range(2):
            for some in (flags, flags, [], [], flags):
                program.served(flags=some, env=quiet)
            (events,) = (program.home.cache_dir / "events").iterdir()
            waiting = events.read_bytes() + b"\n" * 1024
            events.write_bytes(waiting)
            program.served(env=quiet)
            assert events.read_bytes() == waiting
            reasons = [report.reason for report in engine.fold_events()]
            assert reasons == ["flag --preserve-symlinks", "no manifest", "no manifest"]
            assert engine.warm_missed().entries == 1
            for manifest in (program.home.cache_dir / "manifests").iterdir():
                manifest.unlink()


@pytest.mark.parametrize("flag", ["-e", "-p", "--eval", "--print"])
def test_what_stands_where_an_entry_point_does_is_not_looked_at(program: Program, flag: str) -> None:
    # Node would warn of this `main`, were the directory an entry point.
    program.write({"part/package.json": '{"main": "absent.js"}', "part/index.js": ""})
    program.warm()
    for argument in (program.root / "part", program.root / program.entry):
        plain, served = (
            subprocess.run(
                [program.node, *preload, flag, "1", argument],
                env=program.home.environment,
                capture_output=True,
                timeout=60,
                check=True,
            )
            for preload in ([], ["--require", str(program.hook())])
        )
        assert (served.stdout, served.stderr) == (plain.stdout, plain.stderr)


def test_functions_that_a_start_called_are_compiled_ahead_from_then_on(program: Program) -> None:
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
    with program.engine() as engine:
        assert engine.warm_missed().entries == 1
    assert program.code_caches().count(b"it is called") == 2
    assert b"nobody calls it" not in program.code_caches()
    assert (program.check_same()["served"], program.warm().compiled) == (3, 0)
    with program.engine() as engine:
        assert engine.warm_missed().entries == 0
    # What is known of a module outlives an edit.
    edited = (program.root / "functions.mjs").read_text().replace("it is called", "called again")
    program.write({"functions.mjs": "const é = '🦜';\n" + edited + "export const late = é;\n"})
    assert program.warm().compiled == 1
    assert b"called again" in program.code_caches()
    program.check_same()
    assert not _tells_called_functions(program)
    # A start is asked again when there is much of which nothing is known.
    imports = "import { more } from './more.mjs';\nmore();\n" + (program.root / "app.mjs").read_text()
    more = "export function more() { return 'and more'; }\n" + "// Not known yet.\n" * 1000
    program.write({"app.mjs": imports, "more.mjs": more})
    program.warm()
    assert b"and more" not in program.code_caches()
    program.check_same()
    assert _tells_called_functions(program)
    with program.engine() as engine:
        assert engine.warm_missed().entries == 1
    assert b"and more" in program.code_caches()


def _tells_called_functions(program: Program) -> bool:
    events = program.home.cache_dir / "events"
    return any(b'"called":' in path.read_bytes() for path in events.iterdir())


def test_functions_that_only_a_worker_called_are_compiled_ahead_from_then_on(program: Program) -> None:
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
    with program.engine() as engine:
        assert engine.warm_missed().entries == 1
    assert b"a worker called it" in program.code_caches()


def test_of_many_workers_those_that_end_first_tell_which_functions_they_called(program: Program) -> None:
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


def test_warnings_of_the_engine_and_counts_of_branches_are_not_lost(program: Program) -> None:
    padding = "// A program that is worth it.\n" * 3000
    called = "export function called(flag) { if (flag) return 1; else return 2; }\n"
    counts = """
import { called } from './called.mjs';
if (process.argv[2]) {
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  called(true);
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    const { functions } = result.find(({ url }) => url.includes('called'));
    console.log(JSON.stringify(functions.find(({ functionName }) => functionName === 'called')));
  });
} else called(true);
"""
    no_asm = "function M() { 'use asm'; function f(x) { return x + 1; } return { f: f }; }\nconsole.log(M().f(4));\n"
    for text in (counts, no_asm, f"const M = ({no_asm.splitlines()[0]});\nconsole.log(M().f(4));\n"):
        program.write({"app.mjs": text + padding, "called.mjs": called + padding})
        program.warm()
        for _ in range(2):
            program.check_same()
            program.check_same("counted")
            with program.engine() as engine:
                engine.warm_missed()


def test_a_save_that_makes_code_caches_visible_has_them_left_off(program: Program) -> None:
    program.write({"app.mjs": "console.log(1);\n"})
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    program.write({"app.mjs": "(function M() { 'use asm'; return x + 1; });\nconsole.log(2);\n"})
    with program.engine() as engine:
        update = engine.update([program.root / "app.mjs"])
        for conditions, entries in update.to_warm.items():
            engine.warm([Path(entry) for entry in entries], conditions=conditions)
    for _ in range(2):
        assert program.check_same()["codeCaches"] == "none"


def test_a_start_that_calls_nothing_is_asked_once(program: Program) -> None:
    program.write({"app.mjs": "throw new Error('at once');\n" + "// Nothing is called.\n" * 4000})
    program.warm()
    program.check_same()
    with program.engine() as engine:
        assert engine.warm_missed().entries == 1
    program.check_same()
    with program.engine() as engine:
        assert engine.warm_missed().entries == 0


def test_workers_are_served(program: Program) -> None:
    program.write(
        {
            "app.mjs": """\
import { Worker } from 'node:worker_threads';
const worker = new Worker(new URL('./worker.mjs', import.meta.url));
worker.on('message', (message) => console.log(message));
""",
            "worker.mjs": "import { parentPort } from 'node:worker_threads';\n"
            "import { b } from './lib/b.js';\nparentPort.postMessage(b + import.meta.url.slice(-10));\n",
        }
    )
    program.warm()
    program.check_same()
    with program.engine() as engine:
        reports = engine.fold_events()
    assert sorted(report.served for report in reports) == [1, 3]


def test_conditions_have_manifests_of_their_own(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import name from 'tool/which';\nconsole.log(name);\n",
            "node_modules/tool/package.json": '{"name": "tool", "exports": '
            '{"./which": {"special": "./special.mjs", "default": "./inner.mjs"}}}',
            "node_modules/tool/special.mjs": "export default 'special';\n",
            "node_modules/tool/inner.mjs": "export default 'plain';\n",
        }
    )
    program.warm()
    flags = ["--conditions", "special"]
    assert program.check_same()["served"] == 2
    assert program.check_same(flags=flags)["reason"] == "no manifest"
    program.write({"esmcache.json": '{"conditions": ["special"]}'})
    program.warm()
    assert program.check_same(flags=flags)["served"] == 2


def test_an_es_module_that_is_required_is_served(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home, entry="app.cjs")
    program.write(
        {
            **FILES,
            "app.cjs": "const { a } = require('./lib/a.js');\n"
            "console.log(a(), require('./data.json'), require('tool'), module.children.length, "
            "require.main === module);\n",
        }
    )
    program.warm()
    report = program.check_same()
    assert report["missed"] == []
    assert report["served"] >= 5


def test_a_syntax_error_is_nodes_to_report(program: Program) -> None:
    program.write({"lib/late.js": "export default = 1;\n"})
    report = program.warm()
    assert [(Path(p.path).name, p.code, p.line, p.column) for p in report.problems] == [
        ("late.js", "syntax-error", 1, 16)
    ]
    plain, served = program.plain(), program.served()
    assert plain.exit_code == served.exit_code == 1
    assert served.stderr == plain.stderr


PRINTING_HOOKS = """\
const { registerHooks } = require('node:module');
registerHooks({
  resolve(specifier, context, next) {
    const answer = next(specifier, context);
    console.log('resolved', specifier, answer.url.split('/').at(-1));
    return answer;
  },
  load(url, context, next) {
    const answer = next(url, context);
    console.log('loaded', url.split('/').at(-1), answer.format, String(answer.source).length);
    return answer;
  },
});
"""

REPLACING_HOOKS = """\
require('node:module').registerHooks({
  load(url, context, next) {
    const answer = next(url, context);
    return url.endsWith('late.js') ? { ...answer, source: "export default 'replaced'" } : answer;
  },
});
"""


def test_another_preload_after_ours_sees_what_it_always_saw(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write({**FILES, "other.cjs": PRINTING_HOOKS})
    program.warm()
    assert program.check_same(flags=["--require", "./other.cjs"])["served"] >= MODULES - 1


def test_another_preload_before_ours_is_never_passed_over(program: Program) -> None:
    program.write({"other.cjs": REPLACING_HOOKS})
    program.warm()
    report = program.check_same(env={"NODE_OPTIONS": "--require ./other.cjs"})
    assert "replaced" in program.plain(env={"NODE_OPTIONS": "--require ./other.cjs"}).stdout
    assert "another preload" in report["reason"]


ASYNC_HOOKS = """\
export async function load(url, context, next) {
  const answer = await next(url, context);
  return url.endsWith('late.js') ? { ...answer, source: "export default 'replaced'" } : answer;
}
"""


def test_asynchronous_hooks_that_a_program_registers_are_never_passed_over(program: Program) -> None:
    program.write(
        {
            "hooks.mjs": ASYNC_HOOKS,
            "app.mjs": """\
import { register } from 'node:module';
import { a } from './lib/a.js';
register('./hooks.mjs', import.meta.url);
console.log(a(), (await import('./lib/late.js')).default);
""",
        }
    )
    program.warm()
    assert program.check_same()["served"] == 3
    assert program.served().stdout == "b replaced\n"


def test_commonjs_that_is_required_and_then_imported_is_one_module(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write(
        {
            "app.mjs": "import one from './one.cjs';\nimport two from './two.cjs';\nimport three from './t/x.js';\n"
            "console.log(one, two, three);\n",
            "one.cjs": "const two = require('./two.cjs');\nexports.now = Object.keys(two);\n"
            "exports.three = require('./t/x.js');\n",
            "two.cjs": "const f = () => 1;\nf.braces = 2;\nmodule.exports = f;\n",
            "t/x.js": "module.exports = class Three {};\n",
        }
    )
    program.check_same()
    program.warm()
    assert program.check_same()["served"] >= 4


def test_registering_asynchronous_hooks_ends_ours(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write(
        {
            "x.mjs": "export const a = 1;\n",
            "app.mjs": "import { register } from 'node:module';\n"
            "register('data:text/javascript,export async function resolve(s,c,n){return n(s,c)}');\n"
            "console.log(Object.keys(await import('./x.mjs')));\n",
        }
    )
    program.warm()
    assert program.check_same()["served"] == 1


@pytest.mark.parametrize("patched", ["fs.readFileSync", "fs.promises.readFile", "Module._resolveFilename"])
def test_a_program_that_replaces_how_files_are_read_gets_what_it_replaced(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome, patched: str
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    holder, name = patched.rsplit(".", 1)
    program.write(
        {
            "app.mjs": f"""\
import fs from 'node:fs';
import Module, {{ createRequire }} from 'node:module';
const original = {patched};
{holder}.{name} = function (path, ...rest) {{
  if (String(path).endsWith('late.js')) console.log('asked');
  if (String(path).endsWith('late.js') && '{name}' === 'readFileSync') return "export default 'patched'";
  return original.call(this, path, ...rest);
}};
console.log((await import('./late.js')).default);
console.log(createRequire(import.meta.url)('./late.cjs'));
""",
            "late.js": "export default 'disk';\n",
            "late.cjs": "module.exports = require('./other/late.js.cjs');\n",
            "other/late.js.cjs": "module.exports = 1;\n",
            "package.json": '{"type": "module"}',
        }
    )
    program.warm()
    program.check_same()


def test_an_entry_that_node_refuses_is_refused(program: Program) -> None:
    program.entry = "back\\slash.js"
    program.write({program.entry: "export default 1;\n"})
    program.warm()
    plain, served = program.plain(), program.served()
    assert plain.exit_code == served.exit_code == 1
    assert "ERR_INVALID_MODULE_SPECIFIER" in served.stderr


def test_a_fifo_in_the_cache_makes_nothing_wait(program: Program) -> None:
    program.warm()
    for directory in ("manifests", "packs"):
        for path in list((program.home.cache_dir / directory).glob("*.[mp]a*")):
            content = path.read_bytes()
            path.unlink()
            os.mkfifo(path, 0o600)
            program.check_same()
            with program.engine() as engine:
                assert [one.fault for one in engine.verify()] == ["is no regular file"]
            path.unlink()
            path.write_bytes(content)


def test_what_has_no_end_is_not_read(program: Program) -> None:
    program.warm()
    program.served()
    for path in (program.home.cache_dir / "starts").iterdir():
        path.unlink()
        path.symlink_to("/dev/zero")
    assert program.check_same()["served"] == MODULES


def test_a_cache_named_relatively_stays_where_it_was(program: Program) -> None:
    leaves = "fs.mkdirSync('gone'); process.chdir('gone'); fs.rmdirSync('../gone');"
    program.write(
        {"app.mjs": f"import fs from 'node:fs';\nimport './lib/a.js';\n{leaves}\nawait import('./lib/b.js');\n"}
    )
    program.write({"lib/b.js": "console.log('b');\n"})
    program.warm()
    cache_dir = program.home.cache_dir
    relative = {"ESMCACHE_DIR": os.path.relpath(cache_dir, program.root)}
    assert program.check_same(env=relative)["served"] == 3
    assert any(path.read_text() for path in (cache_dir / "events").iterdir())


def test_a_cache_directory_where_nothing_can_be_made(program: Program) -> None:
    # Node would try for ever to make directories below it.
    assert program.check_same(env={"ESMCACHE_DIR": "/proc"}).get("served", 0) == 0


def test_a_descriptor_has_the_number_it_always_had(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import './lib/a.js';\nimport { openSync } from 'node:fs';\n"
            "console.log(openSync('app.mjs', 'r'));\n"
        }
    )
    program.warm()
    assert program.check_same()["served"] == 3


def test_the_preload_named_twice_runs_once(program: Program) -> None:
    program.warm()
    options = {"NODE_OPTIONS": f'--require "{program.hook()}"'}
    assert program.served(env=options).report["served"] == MODULES
    assert program.served(env=options).stdout == program.plain().stdout


def test_nothing_of_ours_is_left_in_the_require_cache(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import { createRequire } from 'node:module';\n"
            "console.log(createRequire(import.meta.url).cache, process.env.ESMCACHE_DIR);\n"
        }
    )
    program.check_same()
    program.warm()
    assert program.check_same()["served"] == 1


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (["--preserve-symlinks"], {}),
        ([], {"NODE_PRESERVE_SYMLINKS": "1"}),
        (["--experimental-loader", "./hooks.mjs"], {}),
        ([], {"NODE_OPTIONS": "--no-addons"}),
        ([], {"NODE_DEBUG": "http,ESM"}),
        ([], {"NODE_DEBUG": "mod*"}),
    ],
)
def test_under_other_ways_of_loading_nothing_is_served(program: Program, flags: list[str], env: dict[str, str]) -> None:
    program.write({"hooks.mjs": ASYNC_HOOKS})
    program.warm()
    plain, served = program.plain(flags=flags, env=env), program.served(flags=flags, env=env)
    assert (served.stdout, served.exit_code) == (plain.stdout, plain.exit_code)
    assert "flag" in served.report["reason"]


@pytest.mark.parametrize("flags", [[], ["--stack-trace-limit=50"], ["--enable-source-maps"], ["--no-opt"]])
def test_v8_flags_change_nothing(program: Program, flags: list[str]) -> None:
    program.warm()
    assert program.check_same(flags=flags)["served"] == MODULES


def test_the_users_own_compile_cache_is_left_alone(program: Program, tmp_path: Path) -> None:
    program.warm()
    report = program.check_same(env={"NODE_COMPILE_CACHE": str(tmp_path / "own")})
    assert (report["served"], report["codeCaches"]) == (MODULES, "left off")
