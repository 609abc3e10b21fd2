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
