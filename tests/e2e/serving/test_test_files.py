"""A project whose scripts use Node's test runner is warmed with its test files, and each of them is served."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache, node_of
from program import Program

_TEST = "import { test } from 'node:test';\nimport { a } from '{up}lib/a.mjs';\ntest(a, () => {});\n"
_FILES = {
    "package.json": '{"type": "module", "main": "./lib/a.mjs", "scripts": {"test": "node --test"}}',
    "lib/a.mjs": "export const a = 'a';\n",
    "test/one.js": _TEST.replace("{up}", "../"),
    "test/deep/two.mjs": _TEST.replace("{up}", "../../"),
    "three.test.js": _TEST.replace("{up}", "./"),
    "node_modules/tool/tool.test.js": "throw new Error('This is no test of the project.');\n",
}


@pytest.mark.parametrize("name", ["node22", "node22ts", "node24", "node26"])
def test_each_test_file_is_served_after_a_warm_of_the_folder(
    tmp_path: Path, esmcache_home: EsmcacheHome, name: str
) -> None:
    program = Program(tmp_path / "project", node_of(name), esmcache_home)
    program.write(_FILES)
    report = program.warm(".")
    assert (report.entries, report.test_files) == (4, 3)
    log = tmp_path / "log"
    environment = {"NODE_OPTIONS": f"--require {program.hook()}", "ESMCACHE_LOG": str(log)}
    subprocess.run(
        [program.node, "--test"],
        cwd=program.root,
        env={**esmcache_home.environment, **environment},
        capture_output=True,
        check=True,
    )
    starts = [json.loads(line) for line in log.read_text().splitlines()]
    served = {start["entry"]: (start["served"], start["missed"], start["codeCaches"]) for start in starts}
    files = ("test/one.js", "test/deep/two.mjs", "three.test.js")
    assert served == {str(program.root / file): (2, [], "enabled") for file in files}


def test_a_warm_says_how_many_entry_points_are_test_files(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, tmp_path: Path, node: Path
) -> None:
    program = Program(tmp_path / "project", node, esmcache_home)
    program.write(_FILES)
    answer = run_esmcache("warm", cwd=program.root)
    assert answer.stdout.startswith("4 entry points (3 test files of node --test), 4 modules: 4 served, ")
    assert json.loads(run_esmcache("warm", "--json", cwd=program.root).stdout)["test_files"] == 3
    assert run_esmcache("warm", "test/one.js", cwd=program.root).stdout.startswith("1 entry point, 2 modules: ")
