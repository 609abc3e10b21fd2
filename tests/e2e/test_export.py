"""`esmcache export`: plain Node accepts every exported code cache, although the program never ran."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache, node_of

FILES = {
    "package.json": '{"type": "module"}',
    "app.mjs": "import './a.js';\nimport tool from './tool.cjs';\nawait import('./late.js');\nconsole.log(tool);\n",
    "a.js": "export const a = () => 1;\n",
    "late.js": "export default 'late';\n",
    "tool.cjs": "module.exports = require('./part.cjs');\n",
    "part.cjs": "#!/usr/bin/env node\nmodule.exports = 'part';\n",
}
MODULES = 5


@pytest.mark.parametrize("flags", [[], ["--stack-trace-limit=50"]])
def test_node_accepts_every_entry(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, any_node: Path, tmp_path: Path, flags: list[str]
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    named = [f"--v8-flag={flag}" for flag in flags]
    told = run_esmcache("export", "--node", any_node, "--node-compile-cache", "out", *named, "app.mjs")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"{MODULES} code caches of {MODULES} modules")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(before) == MODULES
    result = subprocess.run(
        [any_node, *flags, "app.mjs"],
        cwd=tmp_path,
        env={
            **esmcache_home.environment,
            "NODE_COMPILE_CACHE": str(tmp_path / "out"),
            "NODE_DEBUG_NATIVE": "COMPILE_CACHE",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0
    assert said.count("was accepted") == MODULES
    assert "was rejected" not in said
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(("node_name", "texts"), [("node22ts", ""), ("node24", ", 4 texts without types")])
def test_texts_without_types_are_no_code_caches(
    run_esmcache: RunEsmcache, tmp_path: Path, node_name: str, texts: str
) -> None:
    files = {
        "package.json": '{"type": "module"}',
        "app.ts": "import './a.ts';\nimport './c.cts';\n",
        "a.ts": "export type A = 1;\n",
        "c.cts": "module.exports = 1 as number;\n",
        "enum.ts": "enum E { A }\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    arguments = ("export", "--node", node_of(node_name), "--node-compile-cache")
    told = run_esmcache(*arguments, "out", "app.ts")
    assert told.returncode == 0
    # Imported CommonJS is stripped twice.
    assert told.stdout.startswith(f"3 code caches of 3 modules{texts}, ")
    # The texts do not make up for a module that has no code cache.
    (tmp_path / "app.ts").write_text("import './a.ts';\nimport './enum.ts';\n")
    told = run_esmcache(*arguments, "other", "app.ts")
    assert (told.returncode, told.stdout.partition(" modules")[0]) == (1, "2 code caches of 3")


def test_the_users_number_is_in_the_name(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    (tmp_path / "app.mjs").write_text("export {};\n")
    assert run_esmcache("export", "--node-compile-cache", "out", "--uid", "4242", "app.mjs").returncode == 0
    assert [path.name.rsplit("-", 1)[1] for path in (tmp_path / "out").iterdir()] == ["4242"]


def test_a_failed_export_prints_one_line(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    (tmp_path / "app.mjs").write_text("export {};\n")
    refused = run_esmcache("export", "--node-compile-cache", "out", "--v8-flag=--no-such-flag", "app.mjs")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    absent = run_esmcache("export", "--node-compile-cache", "out", "absent.mjs")
    assert absent.returncode == 1
    assert "no such file" in absent.stderr
    assert os.listdir(tmp_path / "out") == [] if (tmp_path / "out").exists() else True
