"""What `stats` and `verify` print can be understood alone, and the page of commands explains it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conftest import PROJECT, EsmcacheHome, RunEsmcache

_COMMANDS_PAGE = PROJECT / "docs" / "reference" / "commands.md"


@pytest.fixture
def warmed(run_esmcache: RunEsmcache, tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.mjs").write_text("import './b.mjs';\n")
    (project / "b.mjs").write_text("export {};\n")
    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    return project


def test_stats_says_what_each_number_counts(run_esmcache: RunEsmcache, warmed: Path) -> None:
    assert run_esmcache("run", "app.mjs", cwd=warmed).returncode == 0
    printed = run_esmcache("stats").stdout
    said = json.loads(run_esmcache("stats", "--json").stdout)
    page = _COMMANDS_PAGE.read_text("utf-8")
    labels = dict(re.findall(r"^\| ([^|`]+) \(`([a-z0-9 ]+)`\) \|", page, re.MULTILINE))
    assert set(labels.values()) >= {*said["files"], "starts", "starts served", "hits", "misses", "stale", "faults"}
    for label, name in labels.items():
        count = said["files"][name] if name in said["files"] else said["counters"].get(name, 0)
        assert re.search(rf"^{re.escape(label)}(?: \([a-z]+\))? +{count:,}\b", printed, re.MULTILINE), label
    assert "2 modules, 1 entry point, 0 sources rejected by Node as syntax errors" in printed


def test_modules_that_node_loads_itself_are_native(run_esmcache: RunEsmcache, warmed: Path) -> None:
    broken = warmed / "b.mjs"
    broken.write_text("let = (;\n")
    assert json.loads(run_esmcache("explain", "--json", str(broken)).stdout)["state"] == "stale"
    run_esmcache("warm", "app.mjs", cwd=warmed)
    assert json.loads(run_esmcache("explain", "--json", str(broken)).stdout)["state"] == "native"
    assert "2 modules, 1 of them native, 1 entry point" in run_esmcache("stats").stdout
    assert json.loads(run_esmcache("stats", "--json").stdout)["native"] == 1


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("blobs/*/*", r"the module record is damaged: .+; starts do not read it"),
        ("packs/*.pack", r"the pack of sources is damaged: .+; Node reads these files itself"),
        ("manifests/*", r"the manifest is damaged or of another version; Node loads this program without the cache"),
        ("code/*/*", r"the code cache differs from .+; Node compiles this module itself"),
    ],
)
def test_verify_says_what_damage_means_and_what_to_run(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, warmed: Path, pattern: str, said: str
) -> None:
    (path, *_) = sorted(esmcache_home.cache_dir.glob(pattern))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    path.chmod(0o600)
    answer = run_esmcache("verify")
    place = re.escape(str(path.relative_to(esmcache_home.cache_dir)))
    assert (answer.returncode, answer.stderr) == (1, "")
    (line, *_, summary) = answer.stdout.splitlines()
    assert re.fullmatch(f"{place}: {said}", line)
    assert summary.endswith(
        "programs run as before, but are not served from there: run `esmcache verify --repair`, then `esmcache warm`"
    )
    assert run_esmcache("run", "app.mjs", cwd=warmed).returncode == 0
    repaired = run_esmcache("verify", "--repair")
    assert repaired.returncode == 0
    assert repaired.stdout.splitlines()[-1].endswith(
        " removed: run `esmcache warm` to make this part of the cache again"
    )
    assert run_esmcache("warm", "app.mjs", cwd=warmed).returncode == 0
    assert run_esmcache("verify").stdout == "nothing is damaged\n"
