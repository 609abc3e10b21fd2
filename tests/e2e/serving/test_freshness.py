"""The next start notices every change of a program's files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program
from served_program import FILES, MODULES


def test_only_the_edited_module_is_not_served_before_a_warm(program: Program) -> None:
    program.warm()
    program.write({"lib/b.js": "export const b = 'edited';\nexport const cycle = 1, more = 2;\n"})
    report = program.check_same()
    assert [Path(url).name for url in report["stale"]] == ["b.js"]
    assert report["served"] == MODULES - 1
    again = program.warm()
    assert (again.analysed, again.compiled) == (1, 1)
    report = program.check_same()
    assert (report["served"], report["stale"]) == (MODULES, [])


def test_an_edit_with_the_same_size_and_mtime_is_noticed(program: Program) -> None:
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
    # Files that were just written are read once more; after that their fingerprints suffice.
    program.warm()
    report = program.warm()
    did = (report.analysed, report.compiled, report.blobs_written, report.code_caches_written)
    assert did == (0, 0, 0, 0)
    assert (report.sources_packed, report.manifests_written) == (0, 0)


def test_two_nodes_are_served_from_one_cache(
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


def test_a_program_imports_a_module_that_it_has_written(program: Program) -> None:
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


def test_a_program_imports_a_package_that_it_has_installed(program: Program) -> None:
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
def test_changes_of_resolution_are_noticed(program: Program, change: dict[str, str], expected: int) -> None:
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


def test_a_directory_that_became_a_link_is_noticed(program: Program) -> None:
    program.write({"app.mjs": "import url from './sub/url.mjs';\nconsole.log(url.slice(-20));\n"})
    program.write({"sub/url.mjs": "export default import.meta.url;\n"})
    program.warm()
    (program.root / "sub").rename(program.root / "elsewhere")
    (program.root / "sub").symlink_to("elsewhere")
    program.check_same()
    assert "elsewhere" in program.served().stdout


@pytest.mark.parametrize("to_module", [True, False])
def test_an_edit_changes_the_format_of_a_file_without_a_type(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome, to_module: bool
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home, entry="app.js")
    commonjs = {
        "app.js": "console.log('CommonJS', typeof require);\n",
        "static.js": "exports.a = 'CommonJS';\n",
        "late.js": "exports.a = 'CommonJS';\n",
    }
    modules = {
        "app.js": "import 'node:fs';\nconsole.log('ES module', typeof require);\n",
        "static.js": "export const a = 'ES module';\n",
        "late.js": "export const a = 'ES module';\n",
    }
    before, after = (commonjs, modules) if to_module else (modules, commonjs)
    importing = "import * as fixed from './static.js';\nconst late = await import('./late.js');\n"
    program.write({"package.json": "{}", **before, "main.mjs": f"{importing}console.log(fixed.a, late.a);\n"})
    program.warm("app.js", "main.mjs")
    for files in (before, after):
        program.write(files)
        for entry in ("app.js", "main.mjs"):
            program.entry = entry
            program.check_same(env={"NODE_NO_WARNINGS": "1"})
