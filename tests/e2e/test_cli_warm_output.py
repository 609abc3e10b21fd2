"""`esmcache warm` tells what it did, and in one line that there was nothing to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "app.js").write_text("import './b.js';\nimport './c.cjs';\n")
    (directory / "b.js").write_text("import './d.json' with {type: 'json'};\n")
    (directory / "c.cjs").write_text("require('./e.cjs');\n")
    (directory / "d.json").write_text("{}")
    (directory / "e.cjs").write_text("exports.e = 1;\n")
    return directory


def test_missed_says_in_one_line_that_there_is_nothing(run_esmcache: RunEsmcache, project: Path) -> None:
    answer = run_esmcache("warm", "--missed")
    said = "nothing to warm: no start has reported a missed or changed module\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, said, "")
    assert run_esmcache("warm", "--missed", "-q").stdout == ""


def test_missed_says_in_one_line_that_the_entry_point_is_gone(run_esmcache: RunEsmcache, project: Path) -> None:
    assert run_esmcache("run", "--no-warm", project / "app.js").returncode == 0
    (project / "app.js").unlink()
    answer = run_esmcache("warm", "--missed", cwd=project)
    said = "nothing to warm: what starts have reported is gone (app.js)\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, said, "")
    report = json.loads(run_esmcache("warm", "--missed", "--json").stdout)
    assert [(one["path"], one["code"]) for one in report["problems"]] == [(str(project / "app.js"), "gone")]


def test_missed_says_that_another_node_is_not_warmed_for(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, project: Path
) -> None:
    assert run_esmcache("run", "--no-warm", project / "app.js").returncode == 0
    (named,) = (esmcache_home.root / ".local" / "share").rglob("nodes.json")
    named.unlink()
    answer = run_esmcache("warm", "--missed", "--node", "no-such-node")
    assert answer.returncode == 0
    assert answer.stdout == "nothing to warm: every report is of a Node that is not warmed for\n"
    assert answer.stderr.count("\n") == 1 and "was not named by you: start it once with" in answer.stderr


def test_the_summary_counts_modules_that_are_required(run_esmcache: RunEsmcache, project: Path) -> None:
    answer = run_esmcache("warm", "app.js", cwd=project)
    assert answer.stdout.startswith("1 entry point, 5 modules: 5 served, 4 compiled, in ")
    assert answer.stdout.endswith(" s (2 ES, 2 CommonJS, 1 JSON)\n")
    assert run_esmcache("warm", "e.cjs", cwd=project).stdout.endswith(" s\n")


def test_modules_of_a_created_require_are_taken_in_after_a_start(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "app.js").write_text(
        "import { createRequire } from 'module';\ncreateRequire(import.meta.url)('./c.cjs');\n"
    )
    assert run_esmcache("warm", "app.js", cwd=project).stdout.startswith("1 entry point, 1 module: ")
    assert run_esmcache("run", "--no-warm", "app.js", cwd=project).returncode == 0
    answer = run_esmcache("warm", "--missed", cwd=project)
    assert answer.stdout.startswith("1 entry point, 3 modules: 3 served") and "(1 ES, 2 CommonJS)" in answer.stdout


def test_verbose_lists_what_was_done(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "plain").mkdir()
    (project / "plain" / "package.json").write_text("{}")
    (project / "plain" / "syntax.js").write_text("export {};\n")
    (project / "app.js").write_text("import './b.js';\nimport './c.cjs';\nimport './plain/syntax.js';\n")
    first = run_esmcache("warm", "-v", "app.js", cwd=project).stderr.splitlines()
    syntax = 'left to Node: a module by its syntax alone (package.json has no "type")'
    assert first == [
        "esmcache: module app.js: analysed, compiled",
        "esmcache: module b.js: analysed, compiled",
        "esmcache: module c.cjs: analysed, compiled",
        f"esmcache: module plain/syntax.js: analysed, compiled; {syntax}",
        "esmcache: module d.json: reused",
        "esmcache: module e.cjs: analysed, compiled",
        "esmcache: entry point app.js: manifest written",
    ]
    (project / "b.js").write_text("import './d.json' with {type: 'json'};\nexport {};\n")
    second = run_esmcache("warm", "-v", "app.js", cwd=project).stderr.splitlines()
    assert second[:3] == [
        "esmcache: module app.js: reused",
        "esmcache: module b.js: analysed, compiled",
        "esmcache: module c.cjs: reused",
    ]
    exported = run_esmcache("export", "-v", "--node-compile-cache", "out", "app.js", cwd=project)
    assert exported.stderr.splitlines()[0] == "esmcache: module app.js: reused"
    assert len(exported.stderr.splitlines()) == 6


def test_json_lists_what_was_done_only_with_verbose(run_esmcache: RunEsmcache, project: Path) -> None:
    said = json.loads(run_esmcache("warm", "--json", "app.js", cwd=project).stdout)
    assert "modules_done" not in said and "entries_done" not in said
    said = json.loads(run_esmcache("warm", "--json", "-v", "app.js", cwd=project).stdout)
    assert [Path(one["path"]).name for one in said["modules_done"]] == ["app.js", "b.js", "c.cjs", "d.json", "e.cjs"]
    assert [list(one) for one in said["entries_done"]] == [["path", "manifest_written"]]


def test_answers_are_renewed_after_an_edit_of_package_json(
    run_esmcache: RunEsmcache, tmp_path: Path, project: Path
) -> None:
    log = tmp_path / "log"

    def resolved() -> int:
        log.unlink(missing_ok=True)
        answer = run_esmcache("run", "--no-warm", "app.js", cwd=project, env={"ESMCACHE_LOG": str(log)})
        assert answer.returncode == 0
        report = json.loads(log.read_text())
        assert (report["served"], report["missed"]) == (5, [])
        return int(report["resolved"])

    assert run_esmcache("warm", "app.js", cwd=project).returncode == 0
    assert resolved() == 5
    (project / "package.json").write_text('{"name": "named", "type": "module"}')
    assert resolved() < 5
    answer = run_esmcache("warm", "--missed", cwd=project)
    assert answer.stdout.startswith("1 entry point, 5 modules: 5 served, 0 compiled, in ")
    assert resolved() == 5
