"""The modules that are served, those that are not, and the reports about them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program
from served_program import FILES, MODULES


@pytest.mark.every_node
def test_everything_is_served_on_every_node(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write(FILES)
    report = program.warm()
    assert (report.modules, report.native, report.problems) == (MODULES, 0, [])
    seen = program.check_same("x", "--y")
    assert seen["missed"] == seen["stale"] == []
    assert (seen["faults"], seen["codeCaches"]) == (0, "enabled")
    # Node 22 loads a CommonJS module twice if it is imported while hooks are active.
    assert seen["served"] >= MODULES


def test_a_start_without_a_manifest_creates_no_files(program: Program) -> None:
    assert program.check_same()["reason"] == "no cache directory"
    assert not program.home.cache_dir.exists()
    program.warm("lib/late.js")
    assert program.check_same()["reason"] == "no manifest"


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


def test_node_reads_commonjs_that_is_not_utf_8(program: Program) -> None:
    program.write({"app.mjs": "import './latin.cjs';\n"})
    (program.root / "latin.cjs").write_bytes(b"console.log('\xe4');\n")
    assert program.warm().native == 0
    report = program.check_same()
    assert (report["served"], report["faults"], report["codeCaches"]) == (2, 0, "enabled")


def test_esmcache_can_be_disabled(program: Program) -> None:
    program.warm()
    assert program.check_same(env={"ESMCACHE_DISABLE": "1"}) == {}


def test_a_module_that_only_a_start_knows_is_warmed_from_its_report(program: Program) -> None:
    program.write({"app.mjs": "const name = './lib/' + 'late.js';\nconsole.log((await import(name)).default);\n"})
    program.warm()
    report = program.check_same()
    assert [Path(url).name for url in report["missed"]] == ["late.js"]
    with program.cache() as cache:
        assert cache.warm_missed().entries == 1
    report = program.check_same()
    assert (report["missed"], report["served"]) == ([], 2)


def test_unserved_starts_report_until_enough_reports_wait(program: Program) -> None:
    program.home.cache_dir.mkdir(mode=0o700)
    quiet = {"ESMCACHE_LOG": ""}
    flags = ["--preserve-symlinks"]
    with program.cache() as cache:
        for _ in range(2):
            for some in (flags, flags, [], [], flags):
                program.served(flags=some, env=quiet)
            (events,) = (program.home.cache_dir / "events").iterdir()
            waiting = events.read_bytes() + b"\n" * 1024
            events.write_bytes(waiting)
            program.served(env=quiet)
            assert events.read_bytes() == waiting
            reasons = [report.reason for report in cache.fold_events()]
            assert reasons == ["flag --preserve-symlinks", "no manifest", "no manifest"]
            assert cache.warm_missed().entries == 1
            for manifest in (program.home.cache_dir / "manifests").iterdir():
                manifest.unlink()


def test_a_start_is_reported_once_if_the_preload_is_named_twice(program: Program) -> None:
    program.home.cache_dir.mkdir(mode=0o700)
    again = ["--require", str(program.hook())]
    assert program.served(flags=again).report["reason"] == "no manifest"
    with program.cache() as cache:
        assert [report.reason for report in cache.fold_events()] == ["no manifest"]
        program.warm()
        assert program.served(flags=again).report["served"] > 0
        assert [report.reason for report in cache.fold_events()] == [""]


@pytest.mark.parametrize("flag", ["-e", "-p", "--eval", "--print"])
def test_arguments_of_eval_are_not_taken_for_an_entry_point(program: Program, flag: str) -> None:
    # Node would warn about this `main` if the directory were an entry point.
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
    with program.cache() as cache:
        reports = cache.fold_events()
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
    # A condition that is given twice counts once.
    program.write({"esmcache.json": '{"conditions": ["special", "special"]}'})
    program.warm()
    assert program.check_same(flags=flags)["served"] == 2
    assert program.check_same(flags=["-C", "special", *flags])["served"] == 2


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


def test_node_reports_syntax_errors(program: Program) -> None:
    program.write({"lib/late.js": "export default = 1;\n"})
    report = program.warm()
    assert [(Path(p.path).name, p.code, p.line, p.column) for p in report.problems] == [
        ("late.js", "syntax-error", 1, 16)
    ]
    plain, served = program.plain(), program.served()
    assert plain.exit_code == served.exit_code == 1
    assert served.stderr == plain.stderr


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


def test_an_entry_that_node_refuses_is_refused(program: Program) -> None:
    program.entry = "back\\slash.js"
    program.write({program.entry: "export default 1;\n"})
    program.warm()
    plain, served = program.plain(), program.served()
    assert plain.exit_code == served.exit_code == 1
    assert "ERR_INVALID_MODULE_SPECIFIER" in served.stderr
