"""A project's own files name TypeScript that is started: `warm`, `run` and `export` take it as they take JavaScript."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import RunEsmcache, node_of

TYPED = "const greeting: string = 'Hello';\nconsole.log(greeting);\n"
# Each project: what its package.json has besides "type", and how many entry points that makes.
PROJECTS: dict[str, tuple[dict[str, Any], int]] = {
    "main": ({"main": "src/app.ts"}, 1),
    "exports": ({"exports": {".": {"types": "./src/types.d.ts", "default": "./src/app.ts"}, "./x": "./src/x.mts"}}, 2),
    "bin": ({"bin": {"app": "./src/app.ts", "other": "src/c.cts"}}, 2),
    "the settings": ({"esmcache": {"entries": ["src/app.ts", "src/c.cts"]}}, 2),
    "all": ({"main": "src/app.ts", "bin": "src/c.cts", "esmcache": {"entries": ["src/x.mts"]}}, 3),
}


@pytest.fixture(params=["node24", "node26"])
def node_path(request: pytest.FixtureRequest) -> str:
    return str(node_of(request.param))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    for name in ("app.ts", "x.mts", "c.cts"):
        (root / "src" / name).write_text(TYPED)
    (root / "src" / "types.d.ts").write_text("export type T = string;\n")
    return root


def write_package(project: Path, fields: dict[str, Any]) -> None:
    (project / "package.json").write_text(json.dumps({"type": "module", **fields}))


@pytest.mark.parametrize(("fields", "entries"), PROJECTS.values(), ids=PROJECTS)
def test_typescript_that_a_project_names_is_warmed_and_served(
    run_esmcache: RunEsmcache, project: Path, node_path: str, fields: dict[str, Any], entries: int
) -> None:
    write_package(project, fields)
    env = {"ESMCACHE_NODE": node_path}
    report = json.loads(run_esmcache("warm", "--json", ".", cwd=project, env=env).stdout)
    # The declarations are no module.
    assert (report["entries"], report["modules"], report["served"], report["problems"]) == (entries, 3, 3, [])
    log = project / "log"
    started = "." if "main" in fields else "src/app.ts"
    ran = run_esmcache("run", "--no-warm", started, cwd=project, env={**env, "ESMCACHE_LOG": str(log)})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Hello\n", "")
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 1
    exported = run_esmcache("export", "--json", "--node-compile-cache", "out", ".", cwd=project, env=env)
    assert (exported.returncode, json.loads(exported.stdout)["modules"]) == (0, entries)


def test_an_output_that_is_not_built_is_named_with_its_source(run_esmcache: RunEsmcache, project: Path) -> None:
    write_package(project, {"main": "./dist/app.js"})
    (project / "tsconfig.json").write_text('{"compilerOptions": {"outDir": "dist", "rootDir": "src"}} // comment')
    answer = run_esmcache("warm", ".", cwd=project)
    assert answer.returncode == 0 and answer.stdout.startswith("0 entry points, 3 modules: 3 served")
    assert answer.stderr.splitlines() == [
        "esmcache: package.json: `main` names ./dist/app.js, which does not exist: build it, or name src/app.ts in its"
        " place",
        "esmcache: no entry point, so no program is served: name the files that you start, or `entries` in"
        " esmcache.json",
    ]
    exported = run_esmcache("export", "--node-compile-cache", "out", ".", cwd=project)
    assert exported.returncode == 1 and "no entry point" in exported.stderr
    (project / "dist").mkdir()
    (project / "dist" / "app.js").write_text("")
    assert run_esmcache("warm", ".", cwd=project).stderr == ""


@pytest.mark.parametrize("content", ["{broken", "", "[]", '{"compilerOptions": {"outDir": 1, "rootDir": []}}', "\0"])
def test_a_tsconfig_that_nobody_can_read_changes_nothing(
    run_esmcache: RunEsmcache, project: Path, content: str
) -> None:
    write_package(project, {"main": "src/app.ts", "bin": "dist/gone.js"})
    (project / "tsconfig.json").write_text(content)
    answer = run_esmcache("warm", ".", cwd=project)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("1 entry point, 3 modules: 3 served")
