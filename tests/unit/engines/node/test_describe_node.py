"""Which Node is found, and its description of itself."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from esmcache.engines.node import NodeMissing, describe_node, find_node, unless_untested
from esmcache.records import NodeBuild


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_explicit_before_environment_before_path(tmp_path: Path) -> None:
    explicit, asked, found = (executable(tmp_path / name / "node") for name in ("a", "b", "c"))
    environment = {"ESMCACHE_NODE": str(asked), "PATH": str(found.parent)}
    assert find_node(str(explicit), environment) == str(explicit)
    assert find_node(None, environment) == str(asked)
    assert find_node(None, {"PATH": str(found.parent)}) == str(found)


def test_no_other_node_is_tried_if_the_named_one_is_missing(tmp_path: Path) -> None:
    path = str(executable(tmp_path / "node").parent)
    assert isinstance(find_node(str(tmp_path / "absent"), {"PATH": path}), NodeMissing)
    assert isinstance(find_node(None, {"PATH": path, "ESMCACHE_NODE": "node-absent"}), NodeMissing)
    assert isinstance(find_node(None, {}), NodeMissing)


def test_relative_entries_of_path_are_skipped(tmp_path: Path) -> None:
    node = executable(tmp_path / "node")
    relative = os.path.relpath(node.parent)
    assert isinstance(find_node(None, {"PATH": os.pathsep.join(["", ".", relative])}), NodeMissing)


@pytest.mark.every_node
def test_a_node_describes_itself(any_node: Path) -> None:
    build = describe_node(str(any_node))
    assert isinstance(build, NodeBuild)
    assert build.supported
    assert build.reason == ""
    assert build.version.startswith("v")
    assert os.path.samefile(build.executable, any_node)
    assert not build.compile_cache_layout


def test_an_old_node_is_unsupported_with_a_reason(tmp_path: Path) -> None:
    said = (
        '{"name":"node","executable":"/n","version":"v20.1.0","arch":"x64","v8_version":"11","v8_tag":1,'
        '"hooks":false,"compile_cache":false}'
    )
    build = describe_node(str(executable(tmp_path / "node", f"#!/bin/sh\necho '{said}'\n")))
    assert isinstance(build, NodeBuild)
    assert not build.supported
    assert "22.15" in build.reason


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v22.15.0", ""),
        ("v26.99.1", ""),
        ("v27.0.0", "newer than 26"),
        ("v100.0.0", "newer than 26"),
        ("v26.0.0-rc.1", "not a release"),
        ("v24.0.0-pre", "not a release"),
        ("v27.0.0-nightly20261001abcdef0123", "not a release"),
    ],
)
def test_a_node_newer_than_the_tested_ones_is_unsupported(node: Path, version: str, reason: str) -> None:
    described = describe_node(str(node))
    assert isinstance(described, NodeBuild)
    described = replace(described, version=version)
    build = unless_untested(described, {})
    assert build.supported == (not reason)
    assert reason in build.reason
    assert unless_untested(described, {"ESMCACHE_UNTESTED_NODE": "1"}) == described


def test_programs_other_than_node_are_missing(tmp_path: Path) -> None:
    for script in ("exit 3", "echo '[]'", "echo '{}'", "kill -9 $$"):
        node = executable(tmp_path / "node", f"#!/bin/sh\n{script}\n")
        assert isinstance(describe_node(str(node)), NodeMissing)
