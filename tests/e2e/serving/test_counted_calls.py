"""Programs that may count their calls see plain Node's counts, and use code caches until they start to count."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EsmcacheHome, node_of
from esmcache.cache import Cache
from esmcache.engines.node.compile_cache_layout import entry_name
from esmcache.records import ModuleFormat
from program import Program

PADDING = "// A program that is worth it.\n" * 3000
PART = """
const eager = (function eagerly() { return process.argv.length > 1 ? 1 : 2; })();
class Kind { static made = (() => 2)(); run(given = () => 3) { if (given) return given(); return 4; } }
function early(flag) { const inner = () => (flag ? 'yes' : 'no'); return inner() + eager; }
function late(flag) { if (flag) return new Kind().run(); else return early(flag); }
function never() { return () => 1; }
if (process.argv.length > 50) never(); else early(true);
"""
ES_MODULE = f"{PART}export {{ early, late }};\n{PADDING}"
COMMONJS = f"{PART}module.exports = {{ early, late }};\n{PADDING}"
COUNTER = """
import { Session } from 'node:inspector';
const session = new Session();
session.connect();
export function count(now) {
  if (now === process.argv[2]) {
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: process.argv[3] === 'detailed' });
  }
  if (now === 'end') {
    session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      for (const { url, functions } of result.filter(({ url }) => /project.[a-e][.][mc]js$/.test(url))) {
        console.log(url);
        for (const one of functions) console.log(one.functionName, one.isBlockCoverage, one.ranges[0]);
      }
    });
  }
}
"""
APP = """
import './first.mjs';
import * as a from './a.mjs';
import b from './b.cjs';
import { count } from './counter.mjs';
a.early(1); b.early(1);
count('main');
a.early(2); a.late(1); b.early(2); b.late(1);
const c = await import('./c.mjs');
c.early(1); c.late(1);
const { createRequire } = await import('node:module');
const require = createRequire(import.meta.url);
require('./d.cjs').late(0);
if (process.argv[2]) count('end');
"""
PARTS = {
    "counter.mjs": COUNTER,
    "first.mjs": "import { count } from './counter.mjs';\ncount('first');\n",
    "a.mjs": ES_MODULE,
    "b.cjs": COMMONJS,
    "c.mjs": ES_MODULE,
    "d.cjs": COMMONJS,
}


@pytest.mark.parametrize("name", ["node22", "node22ts", "node24", "node26"])
def test_counts_of_branches_are_those_of_plain_node(name: str, tmp_path: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", node_of(name), esmcache_home)
    program.write({"app.mjs": APP, **PARTS})
    program.warm()
    for _ in range(2):
        for when in ("first", "main"):
            for kind in ("detailed", "functions"):
                assert program.check_same(when, kind)["codeCaches"] == "stopped"
        # Without an argument, the program calls the functions and counts nothing.
        assert program.check_same()["codeCaches"] == "enabled"
        with program.cache() as cache:
            cache.warm_missed()


@pytest.mark.parametrize(
    "mention",
    [
        "// Profiler.startPreciseCoverage of node:inspector counts branches.\n",
        "import inspector from 'node:inspector';\n"
        "export const start = (page) => page.send('Profiler.startPreciseCoverage', inspector.url());\n",
    ],
)
def test_a_program_that_only_names_precise_coverage_keeps_its_code_caches(program: Program, mention: str) -> None:
    app = "import './mention.mjs';\nimport './a.mjs';\nconsole.log(1);\n"
    program.write({"app.mjs": app, "a.mjs": ES_MODULE, "mention.mjs": mention})
    program.warm()
    for _ in range(2):
        assert program.check_same()["codeCaches"] == "enabled"
        said = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"}).stderr
        assert f"cache for ESM file://{program.root}/a.mjs was accepted" in said
        assert f"cache for ESM file://{program.root}/mention.mjs was accepted" in said
    assert list((program.home.cache_dir / "live").iterdir()) == []


def test_other_programs_of_the_workspace_keep_the_functions_that_they_call(program: Program) -> None:
    program.write({"app.mjs": APP, **PARTS, "other.mjs": f"import {{ early }} from './a.mjs';\nearly(1);\n{PADDING}"})
    program.warm("app.mjs", "other.mjs")
    other = Program(program.root, program.node, program.home, "other.mjs")
    assert other.check_same()["codeCaches"] == "enabled"
    assert program.check_same("main", "detailed")["codeCaches"] == "stopped"
    with program.cache() as cache:
        assert cache.warm_missed().entries == 2
    in_domains = {path.stat().st_size for path in _entries(program, "a.mjs")}
    assert len(in_domains) == 2
    assert program.check_same("main", "detailed")["codeCaches"] == "stopped"


def test_a_worker_counts_the_calls_of_its_program(program: Program) -> None:
    counter = """
import { Session } from 'node:inspector';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  await new Promise((resolve) => worker.once('message', resolve));
  const { late } = await import('./c.mjs');
  late(1);
  worker.postMessage('end');
} else {
  const session = new Session();
  session.connectToMainThread();
  const post = (method, given) => new Promise((done) => session.post(method, given, (error, said) => done(said)));
  parentPort.on('message', async () => {
    const { result } = await post('Profiler.takePreciseCoverage');
    console.log(JSON.stringify(result.find(({ url }) => url.endsWith('c.mjs')).functions));
    parentPort.close();
  });
  await post('Profiler.enable');
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  parentPort.postMessage('started');
}
"""
    program.write({"app.mjs": counter, "c.mjs": ES_MODULE})
    program.warm()
    for _ in range(2):
        program.check_same()
        assert '"isBlockCoverage":true' in program.served().stdout
        with program.cache() as cache:
            cache.warm_missed()


def test_a_program_that_opens_the_inspector_uses_no_more_code_caches(program: Program) -> None:
    opens = """
import inspector from 'node:inspector';
inspector.open(0);
const { early } = await import('./c.mjs');
console.log(inspector.url() !== undefined, early(1), 'PreciseCoverage');
inspector.close();
"""
    program.write({"app.mjs": opens, "c.mjs": ES_MODULE})
    program.warm()
    started = program.served(env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"})
    assert (started.report["codeCaches"], started.stdout) == ("stopped", program.plain().stdout)
    assert "c.mjs was accepted" not in started.stderr


def test_without_a_link_a_program_that_may_count_its_calls_has_no_code_caches(program: Program) -> None:
    program.write({"app.mjs": APP, **PARTS})
    program.warm()
    live = program.home.cache_dir / "live"
    live.rmdir()
    live.write_text("", "ascii")
    live.chmod(0o600)
    assert program.check_same("first", "detailed")["codeCaches"] == "no link"


def test_a_save_that_makes_a_program_count_its_calls(program: Program) -> None:
    program.write({"app.mjs": APP, **PARTS, "counter.mjs": "export function count() {}\n"})
    program.warm()
    assert program.check_same("main", "detailed")["codeCaches"] == "enabled"
    with program.cache() as cache:
        cache.warm_missed()
        program.write({"counter.mjs": COUNTER})
        _save(cache, program.root / "counter.mjs")
        assert program.check_same("main", "detailed")["codeCaches"] == "stopped"
        program.write({"a.mjs": f"{ES_MODULE}export function more() {{ return 1; }}\n"})
        _save(cache, program.root / "a.mjs")
    said = program.served("none", env={"NODE_DEBUG_NATIVE": "COMPILE_CACHE"}).stderr
    assert f"cache for ESM file://{program.root}/a.mjs was accepted" in said
    assert program.check_same("main", "detailed")["codeCaches"] == "stopped"


def _save(cache: Cache, path: Path) -> None:
    update = cache.update([path])
    for conditions, entries in update.to_warm.items():
        cache.warm([Path(entry) for entry in entries], conditions=conditions)


def _entries(program: Program, name: str) -> list[Path]:
    """Return the files from which Node reads a module's code cache, in all directories."""
    name = entry_name(ModuleFormat.MODULE, (program.root / name).as_uri())
    return sorted(program.home.cache_dir.glob(f"v8/*/*/{name}"))
