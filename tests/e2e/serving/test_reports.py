"""Reports of starts: they arrive from killed processes, hold all that was missed, and ask for no useless warm."""

from __future__ import annotations

import json

import pytest

from conftest import EsmcacheHome, node_of
from esmcache.launch.quick_start import needs_warming
from program import Program

PARENT = """
const { fork } = require('node:child_process');
const child = fork(`${__dirname}/child.cjs`);
child.on('message', () => child.kill('SIGKILL'));
child.on('exit', (code, signal) => console.log(code, signal));
"""
CHILD = """
for (const name of ['late', 'later']) {
  require(`./${name}.cjs`);
  // The tenth of a second in which a child is busy.
  for (const end = Date.now() + 100; Date.now() < end; );
}
require('./known.cjs');
process.on('disconnect', () => process.exit());
process.send('loaded');
setInterval(() => {}, 1000);
"""


@pytest.mark.parametrize("name", ["node22", "node24"])
def test_a_killed_child_has_reported_what_it_missed(name: str, program: Program, esmcache_home: EsmcacheHome) -> None:
    program = Program(program.root, node_of(name), esmcache_home, "app.cjs")
    program.write({"app.cjs": PARENT, "child.cjs": CHILD})
    program.write({"late.cjs": "exports.late = 1;\n", "later.cjs": "exports.later = 1;\n", "known.cjs": ""})
    program.warm("app.cjs", "child.cjs")
    hook = {"NODE_OPTIONS": f"--require {program.hook()}"}
    assert program.plain(env=hook).stdout == "null SIGKILL\n"
    with program.cache() as cache:
        assert cache.statistics().counters["starts"] == 2
        assert cache.statistics().counters["misses"] == 2
        assert cache.warm_missed().entries == 1
    assert program.plain(env=hook).stdout == "null SIGKILL\n"
    with program.cache() as cache:
        assert cache.statistics().counters["misses"] == 2
        assert cache.warm_missed().entries == 0


def test_lines_of_one_process_add_up(program: Program) -> None:
    program.write(
        {
            "app.mjs": """
import './lib/b.js';
const name = './lib/extra.mjs';
await import(name);
for (const end = Date.now() + 100; Date.now() < end; );
await import('./lib/late.js');
await import(name.replace('extra', 'more'));
""",
            "lib/extra.mjs": "export {};\n",
            "lib/more.mjs": "export {};\n",
        }
    )
    program.warm()
    logged = program.served().report
    assert [url.rpartition("/")[2] for url in logged["missed"]] == ["extra.mjs", "more.mjs"]
    (events,) = (program.home.cache_dir / "events").iterdir()
    lines = [json.loads(line) for line in events.read_bytes().splitlines()]
    assert [line.get("later", False) for line in lines] == [False, True, True][: len(lines)]
    assert len(lines) > 1
    for name in ("served", "resolved", "hashed", "faults"):
        assert sum(line[name] for line in lines) == logged[name], name
    with program.cache() as cache:
        counters = cache.statistics().counters
    assert (counters["starts"], counters["starts served"], counters["misses"]) == (1, 1, 2)
    assert counters["hits"] == logged["served"]


CHANGING = """
import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
const write = (name) => {
  writeFileSync(new URL(name, import.meta.url), `export default ${JSON.stringify(name)};\\n`);
  return name;
};
const now = `${Date.now()}-${process.pid}a`;
const config = write(`./vite.config.js.timestamp-${now}.mjs`);
console.log(typeof (await import(config)).default);
unlinkSync(new URL(config, import.meta.url));
mkdirSync(new URL('./.temp', import.meta.url), { recursive: true });
console.log(typeof (await import(write(`./.temp/built-${now}.mjs`))).default);
console.log(typeof (await import(`./part.mjs?t=${now}`)).default);
console.log(typeof (await import(`./part.mjs?fresh-import-${now}`)).default);
write('./generated.mjs');
console.log(typeof (await import('./generated.mjs')).default);
"""


def test_names_that_change_at_every_start_ask_for_no_further_warm(program: Program) -> None:
    program.write({"app.mjs": CHANGING, "part.mjs": "export default 1;\n", "generated.mjs": "export default 1;\n"})
    program.warm()
    program.check_same()
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    program.check_same()
    assert not needs_warming(program.home.cache_dir, str(program.node), str(program.root / "app.mjs"), ())
    with program.cache() as cache:
        assert cache.warm_missed().entries == 0


def test_a_module_that_was_there_before_the_start_asks_for_a_warm(program: Program) -> None:
    program.write({"app.mjs": "await import(process.argv[2]);\n", "a1.mjs": "let a;\n", "a2.mjs": "let b;\n"})
    program.warm()
    for name in ("./a1.mjs", "./a2.mjs", "./a2.mjs?mode=raw"):
        program.check_same(name)
        assert needs_warming(program.home.cache_dir, str(program.node), str(program.root / "app.mjs"), ())
        with program.cache() as cache:
            assert cache.warm_missed().entries == 1
        report = program.check_same(name)
        assert (report["missed"], report["served"]) == ([], 2)


@pytest.mark.parametrize("name", ["node22", "node24"])
def test_one_warm_takes_in_thousands_of_missed_modules(
    name: str, program: Program, esmcache_home: EsmcacheHome
) -> None:
    program = Program(program.root, node_of(name), esmcache_home, "app.cjs")
    parts = {f"some/parts/of/a/program/part{number}.cjs": "exports.a = 1;\n" for number in range(3000)}
    requires = "for (let i = 0; i < 3000; i++) require(`./some/parts/of/a/program/part${i}.cjs`);\n"
    program.write({**parts, "app.cjs": requires})
    program.warm("app.cjs")
    assert len(program.check_same()["missed"]) == 3000
    (events,) = (program.home.cache_dir / "events").iterdir()
    assert events.stat().st_size < 100_000
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    report = program.check_same()
    # Node 22.15 finds the modules itself, since the program computes their names.
    assert (report["missed"], report["served"]) == ([], 0 if name == "node22" else 3001)
    with program.cache() as cache:
        assert cache.warm_missed().entries == 0


def test_a_program_that_replaces_functions_of_fs_counts_only_what_was_served(program: Program) -> None:
    parts = {f"part{number}.cjs": "exports.a = 1;\n" for number in range(9)}
    patches = "const fs = require('node:fs');\nconst { readFileSync } = fs;\n"
    patches += "fs.readFileSync = (...given) => readFileSync(...given);\n"
    requires = "".join(f"require('./part{number}.cjs');\n" for number in range(9))
    program.write({**parts, "app.cjs": f"require('./part0.cjs');\n{patches}{requires}"})
    program = Program(program.root, program.node, program.home, "app.cjs")
    program.warm("app.cjs")
    report = program.check_same()
    assert report["served"] <= 2 and report["missed"] == []
