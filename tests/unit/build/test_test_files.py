"""The test files of a package are those that Node's test runner starts for its scripts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import node_of
from esmcache.build.targets import find_targets
from esmcache.build.test_files import test_files as files_of_scripts
from esmcache.settings import ProjectSettings

_NAMES = [
    *("test.js", "test.mjs", "test.ts", "tests.js", "test-a.cjs", "test-b.mts", "testing.js", "atest.js"),
    *("a.test.js", "a-test.mjs", "a_test.cjs", "a.test.cts", "a.test.jsx", "a.test.json", ".hidden.test.js"),
    *("A.TEST.js", "a.test.js.js", "contest.js", "a.spec.js", "test-.js", "x.test.mjs.bak"),
    *("src/b.test.js", "src/deep/er/c-test.js", "src/index.js", "test/d.js", "test/deep/e.mjs", "test/f.json"),
    *("src/test/g.cjs", "src/test/deep/h.js", "tests/i.js", "tests/i.test.js", "__test__/j.js"),
    *(".git/k.test.js", "src/.cache/test/l.js", "node_modules/m/m.test.js", "src/node_modules/n/test/n.js"),
    *("test/node_modules/o.js", "test/.hidden.js", "directory.test.js/p.js", "a [1].test.js", "é.test.js"),
]
_LIST = """\
const { globSync } = require('node:fs');
const patterns = JSON.parse(process.argv[1]);
const found = patterns.map((pattern) => globSync(pattern, { exclude: (name) => name === 'node_modules' }).sort());
console.log(JSON.stringify(found));
"""
_REPORTER = """\
export default async function* (source) {
  for await (const { type, data } of source) if (type === 'test:pass' && data.nesting === 0) yield `${data.file}\\n`;
}
"""
_PATTERNS = [
    *("test/d.js", "./test/d.js", "absent.js", "**/*.test.js", "**/*.test.?(c|m)js", "src/**/*.js", "src/**", "**"),
    *("*.test.{js,mjs}", "{src,test}/**/*.js", "{src/b,test/d}*.js", "**/{test,test/**/*}.js", "test/*", "test/**/*"),
    *("*-test.*", "*[._-]test.js", "[!a]*.js", "[^a]*.js", "a?test.js", "a.test.?s", "*.@(js|mjs)", "a+(.|_)test.*"),
    *("src/*/*/*.js", "**/deep/**/*.js", "**/**/*.cjs", ".*/**/*.js", "**/.*", "src/.cache/**/*.js", "*(a).test.js"),
    *("tests/", "a.test.js/", "test/../test/d.js", "a{1..3}.js", "a {[1],[2]}.test.js", "**/é.test.js", "a.test.[jc]s"),
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in _NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "linked").symlink_to(tmp_path / "src", target_is_directory=True)
    (tmp_path / "linked.test.js").symlink_to(tmp_path / "src" / "index.js")
    (tmp_path / "gone.test.js").symlink_to(tmp_path / "gone.js")
    return tmp_path


def _found(package: Path, scripts: object, *, strips_types: bool = True) -> list[str]:
    return [
        os.path.relpath(path, package) for path in files_of_scripts(str(package), scripts, strips_types=strips_types)
    ]


@pytest.mark.parametrize("name", ["node22", "node22ts", "node24", "node26"])
def test_the_default_names_are_those_of_each_node(package: Path, name: str) -> None:
    # Node would start this directory and a file that is gone, and fail.
    (package / "directory.test.js" / "p.js").unlink()
    (package / "directory.test.js").rmdir()
    (package / "gone.test.js").unlink()
    (package / "reporter.mjs").write_text(_REPORTER)
    run = (node_of(name), "--test", "--test-reporter=./reporter.mjs")
    started = subprocess.run(run, cwd=package, capture_output=True, text=True, check=False)
    expected = sorted(os.path.relpath(line, package) for line in started.stdout.splitlines())
    assert "a.test.js" in expected
    assert ("test.ts" in expected) == (name != "node22")
    assert _found(package, {"test": "node --test"}, strips_types=name != "node22") == expected


def test_patterns_are_those_of_node(package: Path, node: Path) -> None:
    run = (node, "--no-warnings", "-e", _LIST, json.dumps(_PATTERNS))
    listed = subprocess.run(run, cwd=package, capture_output=True, text=True, check=True)
    for pattern, names in zip(_PATTERNS, json.loads(listed.stdout), strict=True):
        expected = sorted(os.path.normpath(name) for name in names if (package / name).is_file())
        # Patterns that leave a directory, or that end in a slash, name no test files here.
        if ".." not in pattern and not pattern.endswith("/"):
            assert _found(package, {"test": f"node --test '{pattern}'"}) == expected, pattern


_SCRIPTS = {
    "an option before a file": ("node --import ./test/d.js --test a.test.js", ["a.test.js"]),
    "values of options": ("node --test --test-reporter spec -C a.test.js test/d.js", ["test/d.js"]),
    "a value after =": ("node --test --test-reporter=spec --conditions=x test/d.js", ["test/d.js"]),
    "several files": ("node --test a.test.js test/d.js absent.js", ["a.test.js", "test/d.js"]),
    "the environment and other commands": (
        "NODE_ENV=test npx c8 -r text /usr/bin/node --test test/d.js",
        ["test/d.js"],
    ),
    "several commands": ("npm run build && node --test test/d.js; node a.test.js", ["test/d.js"]),
    "several runs": ("node --test test/d.js | cat && node --test src/b.test.js >log", ["src/b.test.js", "test/d.js"]),
    "in double quotes": ('node --test "src/*.test.js"', ["src/b.test.js"]),
    "in one process": ("node --test --test-isolation=none src/b.test.js", ["src/b.test.js"]),
    "a directory": ("node --test src/deep", ["src/deep/er/c-test.js"]),
    "another runner": ("mocha --test a.test.js && tap", []),
    "a program": ("node a.test.js --test", []),
    "an open quote": ("node --test 'a.test.js", []),
    "outside of the package": ("node --test ../*.js /etc/*.js 'src/../../*'", []),
    "an open bracket": ("node --test 'a@(.test.js' '[a' '{a'", []),
}


@pytest.mark.parametrize(("script", "expected"), _SCRIPTS.values(), ids=_SCRIPTS)
def test_scripts_name_the_test_files(package: Path, script: str, expected: list[str]) -> None:
    assert _found(package, {"test": script}) == expected


@pytest.mark.parametrize("scripts", [None, [], "node --test", {"test": ["node --test"]}, {"test": 1}, {}])
def test_scripts_that_are_no_scripts_name_nothing(package: Path, scripts: object) -> None:
    assert _found(package, scripts) == []


@pytest.mark.parametrize(
    "pattern", ["**/" * 40 + "*.x", "{a/b,c}" * 30, "*" * 60 + "x", "+(+(+(a|a)|a)|a)!", "@(" * 900, "[" * 900]
)
def test_patterns_that_are_made_to_take_long_do_not(tmp_path: Path, pattern: str) -> None:
    deep = tmp_path
    for _ in range(30):
        deep = deep / ("a" * 40)
        deep.mkdir()
        (deep / ("a" * 60)).write_text("")
    # The time limit of each test is the watchdog.
    assert _found(tmp_path, {str(number): f"node --test '{number}' '{pattern}'" for number in range(1000)}) == []


def _write(package: Path, content: object) -> None:
    (package / "package.json").write_text(json.dumps(content))


def _tests(package: Path, paths: Sequence[str] = ("",), *, each_is_started: bool = False) -> list[str]:
    targets = find_targets([package / path for path in paths], each_is_started=each_is_started)
    assert set(targets.test_files) <= set(targets.entries)
    return [os.path.relpath(path, package) for path in targets.test_files]


def test_a_folder_is_warmed_with_its_test_files(package: Path) -> None:
    _write(package, {"main": "a.test.js", "scripts": {"test": "node --test a.test.js test/d.js src/b.test.js"}})
    # A test file that package.json names as an entry point, too, is not counted.
    assert _tests(package) == ["src/b.test.js", "test/d.js"]
    assert _tests(package, ["test"]) == ["test/d.js"]
    assert _tests(package, ["test/d.js"]) == []
    assert find_targets([package]).entries[0] == str(package / "a.test.js")
    assert _tests(package, each_is_started=True) == []


def test_settings_leave_test_files_out(package: Path) -> None:
    settings = {"exclude": ["src/"]}
    _write(package, {"scripts": {"test": "node --test test/d.js src/b.test.js"}, "esmcache": settings})
    assert _tests(package) == ["test/d.js"]
    targets = find_targets([package], ProjectSettings(exclude=["test/"]))
    assert targets.test_files == []


def test_packages_of_a_workspace_have_their_own_test_files(package: Path) -> None:
    _write(package, {"scripts": {"test": "npm test --workspaces"}})
    _write(package / "src", {"scripts": {"test": "node --test"}})
    assert _tests(package) == ["src/b.test.js", "src/deep/er/c-test.js", "src/test/deep/h.js", "src/test/g.cjs"]


def test_declarations_and_other_files_are_no_test_files(package: Path) -> None:
    (package / "test" / "types.d.ts").write_text("")
    _write(package, {"scripts": {"test": "node --test 'test/*'"}})
    assert _tests(package) == ["test/d.js"]
