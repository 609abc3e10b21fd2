"""The exports of Node's own modules, compared with those that Node reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from esmcache.engines.node import builtin_exports, describe_node
from esmcache.records import NodeBuild


def build_of(node: Path) -> NodeBuild:
    build = describe_node(str(node))
    assert isinstance(build, NodeBuild)
    return build


@pytest.mark.every_node
def test_names_are_listed_by_module(any_node: Path) -> None:
    exports = builtin_exports(build_of(any_node))
    assert {"readFile", "default"} <= set(exports["fs"])
    assert "readFile" in exports["fs/promises"]
    assert "describe" in exports["node:test"]


@pytest.mark.every_node
def test_exports_that_need_a_flag_are_listed(any_node: Path) -> None:
    assert "SourceTextModule" in builtin_exports(build_of(any_node))["vm"]


@pytest.mark.every_node
def test_exports_that_depend_on_the_process_are_not_listed(any_node: Path) -> None:
    assert not {"process", "cluster"} & set(builtin_exports(build_of(any_node)))


@pytest.mark.parametrize("script", ["exit 3", "echo '[]'", "echo '{\"fs\": 1}'", "kill -9 $$"])
def test_no_exports_are_listed_without_an_answer_of_node(node: Path, tmp_path: Path, script: str) -> None:
    other = tmp_path / "node"
    other.write_text(f"#!/bin/sh\n{script}\n")
    other.chmod(0o755)
    assert builtin_exports(replace(build_of(node), executable=str(other))) == {}
