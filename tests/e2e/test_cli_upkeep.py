"""The commands for the whole cache: verify, stats, gc, clear and doctor."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from conftest import EsmcacheHome, RunEsmcache
from e2e.cli_project import json_of
from forging import forge_commonjs
from removing import remove_tree


def test_verify_and_repair(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, project: Path) -> None:
    run_esmcache("warm", "app.mjs", cwd=project)
    assert run_esmcache("verify").stdout == "nothing is damaged\n"
    blob = next(path for path in (esmcache_home.cache_dir / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(blob.read_bytes()[:-1])
    damaged = run_esmcache("verify")
    assert damaged.returncode == 1 and blob.name in damaged.stdout
    (finding,) = json_of(run_esmcache, "verify", cwd=project, exit_code=1)
    assert (finding["kind"], finding["removed"]) == ("blob", False)
    repaired = run_esmcache("verify", "--repair")
    assert repaired.returncode == 0 and "(removed)" in repaired.stdout
    assert json_of(run_esmcache, "verify", cwd=project) == []


def test_stats(run_esmcache: RunEsmcache, project: Path) -> None:
    run_esmcache("warm", "app.mjs", cwd=project)
    assert run_esmcache("run", "app.mjs", cwd=project).returncode == 0
    said = json_of(run_esmcache, "stats", cwd=project)
    assert (said["modules"], said["entry_points"]) == (3, 1)
    assert said["counters"]["starts served"] == 1 and said["counters"]["hits"] == 3
    assert [one["name"] for one in said["packages"]] == [str(project)]
    assert said["engines"][0]["name"].startswith("node-v24.")
    printed = run_esmcache("stats").stdout
    assert "3 modules, 1 entry point, 0 sources rejected" in printed
    for word in ("code caches", "hits", "misses", "stale", "rejected", "node-v24.", str(project)):
        assert word in printed


def test_gc_and_clear(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, project: Path) -> None:
    run_esmcache("warm", "app.mjs", cwd=project)
    assert run_esmcache("gc").stdout.startswith("0 files removed, 0 B freed, ")
    assert json_of(run_esmcache, "gc", cwd=project)["entry_points"] == 0
    assert run_esmcache("clear").returncode == 0
    assert not list(esmcache_home.cache_dir.glob("manifests/*"))
    assert json_of(run_esmcache, "stats", cwd=project)["modules"] == 0


def test_doctor_says_which_code_caches_are_left_off(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, project: Path
) -> None:
    def found() -> list[str]:
        checks = json.loads(run_esmcache("doctor", "--json").stdout)
        return [one["found"] for one in checks if one["name"] == "code caches" and one["health"] == "warning"]

    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    assert found() == []
    copy = esmcache_home.cache_dir.with_name("copy")
    shutil.copytree(esmcache_home.cache_dir, copy, symlinks=True)
    remove_tree(esmcache_home.cache_dir)
    copy.rename(esmcache_home.cache_dir)
    (said,) = found()
    assert said.startswith("left off for 1 of 1 workspaces") and "`esmcache warm`" in said
    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    assert found() == []


def test_commands_say_why_a_program_has_no_code_caches(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    project = tmp_path / "forged"
    (project / "node_modules").mkdir(parents=True)
    good = project / "good.cjs"
    good.write_text("exports.good = 1; // A text whose size and sum another file can have.\n" * 5)
    forgery = forge_commonjs(project / "node_modules" / "evil", good, b"exports.evil = 1;")
    imports = f"import './good.cjs';\nimport './node_modules/evil/{forgery.name}';\n"
    (project / "app.mjs").write_text(imports)
    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    assert run_esmcache("run", "app.mjs", cwd=project).returncode == 0
    why = f"Node gives the code caches of {good} and {forgery} the same name"
    reversed_why = f"Node gives the code caches of {forgery} and {good} the same name"
    said = run_esmcache("doctor").stdout
    assert f"left off for {project / 'app.mjs'}: {why}" in said or f": {reversed_why}" in said
    reason = json_of(run_esmcache, "explain", "app.mjs", cwd=project)["reason"]
    assert reason.removeprefix("resolution and source, without a code cache: ") in (why, reversed_why)
    counters = json_of(run_esmcache, "stats", cwd=project)["counters"]
    assert counters["starts without code caches"] == counters["no code caches, none"] == 1
    assert re.search(r"why starts had no code caches +count\n(?:.*\n)?none +1\n", run_esmcache("stats").stdout)


def test_commands_say_which_functions_a_program_has_replaced(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    project = tmp_path / "replacing"
    project.mkdir()
    wrap = "const fs = require('fs');\nconst { readFileSync } = fs;\n"
    wrap += "fs.readFileSync = (...values) => readFileSync(...values);\n"
    requests = "require('./b.cjs');\nrequire('./c.cjs');\n"
    (project / "app.cjs").write_text(wrap + requests)
    (project / "b.cjs").write_text("")
    (project / "c.cjs").write_text("exports.c = 1;\n")
    why = "the program replaced fs.readFileSync at its last start, so Node itself answered 2 questions"

    def said() -> tuple[bool, bool]:
        reason = json_of(run_esmcache, "explain", "b.cjs", cwd=project)["reason"]
        return reason.endswith(f"; {why}"), f"{project / 'app.cjs'}: {why}" in run_esmcache("doctor").stdout

    assert run_esmcache("warm", "app.cjs", cwd=project).returncode == 0
    assert said() == (False, False)
    assert run_esmcache("run", "app.cjs", cwd=project).returncode == 0
    assert said() == (True, True)
    assert json_of(run_esmcache, "stats", cwd=project)["counters"]["starts with replaced functions"] == 1
    (project / "app.cjs").write_text(requests)
    assert run_esmcache("warm", "app.cjs", cwd=project).returncode == 0
    assert run_esmcache("run", "app.cjs", cwd=project).returncode == 0
    assert said() == (False, False)


def test_explain_says_that_a_program_may_count_its_calls(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "app.mjs").write_text("// Profiler.startPreciseCoverage\nimport './b.mjs';\n")
    (project / "b.mjs").write_text("export {};\n")
    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    reason = json_of(run_esmcache, "explain", "b.mjs", cwd=project)["reason"]
    assert reason == "resolution and source, with a code cache of its top level only"


def test_doctor(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, node: Path) -> None:
    hook = run_esmcache("hook").stdout.strip()
    answer = run_esmcache("doctor", env={"NODE_OPTIONS": f"--require {hook}"})
    assert (answer.returncode, answer.stderr) == (0, "")
    for word in ("tree-sitter", str(esmcache_home.cache_dir), "0700", str(node), "v24.", hook, "names the hook"):
        assert word in answer.stdout
    for environment, failed in (
        ({"ESMCACHE_NODE": "no-such-node"}, "node"),
        ({"ESMCACHE_DISABLE": "1"}, "ESMCACHE_DISABLE"),
        ({"ESMCACHE_NODE": "/bin/true"}, "node"),
    ):
        answer = run_esmcache("doctor", "--json", env=environment)
        assert (answer.returncode, answer.stderr) == (1, "")
        assert [one["name"] for one in json.loads(answer.stdout) if one["health"] == "failed"] == [failed]
    Path(hook).chmod(0o666)
    checks = {one["name"]: one for one in json.loads(run_esmcache("doctor", "--json").stdout)}
    assert checks["hook"]["health"] == "failed" and "can be written by others" in checks["hook"]["found"]
    esmcache_home.cache_dir.chmod(0o777)
    answer = run_esmcache("doctor")
    assert (answer.returncode, answer.stderr) == (1, "") and "can be written by others" in answer.stdout
