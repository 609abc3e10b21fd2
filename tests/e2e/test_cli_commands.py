"""Several commands on a small project: failures, names that are not UTF-8, and answers that agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import RunEsmcache
from e2e.cli_project import check_one_line, json_of


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["warm", "absent.mjs"], "absent.mjs: no such file or directory"),
        (["warm", "bad"], "esmcache.json: "),
        (["warm", "unknown"], "entrees"),
        (["warm", "loop.mjs"], "loop.mjs: too many levels of symbolic links"),
        (["warm", "lost"], "lost.mjs: named in `entries`, but there is no such file"),
        (["warm", "app.mjs", "--node", "no-such-node"], "no Node to serve: no no-such-node in PATH"),
        (["get", "absent.mjs"], "absent.mjs: no such file"),
        (["get", "sub.mjs"], "sub.mjs: not a regular file"),
        (["get", "broken.mjs"], "broken.mjs:1:"),
        (["get", "app.mjs", "-o", "new/folder/out.cache"], "new/folder: no such directory"),
        (["inspect", "absent.cache"], "absent.cache: No such file or directory"),
        (["inspect", "d.json"], "d.json is not a BMES file: "),
        (["analyze", "absent.mjs"], "absent.mjs: No such file or directory"),
        (["analyze", "sub.mjs"], "sub.mjs: Is a directory"),
        (["resolve", "./absent.mjs", "--from", "app.mjs"], "ERR_MODULE_NOT_FOUND: "),
        (["resolve", "fs", "--from", "http://x/y"], "http://x/y is neither a path nor a file: URL"),
        (["explain", "node:fs"], "node:fs is neither a path nor a file: URL"),
        (["export", "--node-compile-cache", "out", "empty"], "empty: no entry point: name the files that"),
        (["export", "--node-compile-cache", "out", "bad"], "esmcache.json: "),
        (["export", "--node-compile-cache", "out", "d.json"], "d.json: Node keeps no code cache of such a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_failures_are_one_line(run_esmcache: RunEsmcache, project: Path, arguments: list[str], said: str) -> None:
    for name, content in (
        ("bad", "{"),
        ("unknown", '{"entrees": []}'),
        ("lost", '{"entries": ["lost.mjs"]}'),
    ):
        (project / name).mkdir()
        (project / name / "esmcache.json").write_text(content)
    (project / "empty").mkdir()
    (project / "sub.mjs").mkdir()
    (project / "loop.mjs").symlink_to("loop.mjs")
    (project / "broken.mjs").write_text("export {")
    answer = run_esmcache(*arguments, "-q", cwd=project)
    assert answer.returncode == 1
    check_one_line(answer.stderr)
    assert said in answer.stderr
    assert not (project / "new").exists()


@pytest.mark.parametrize(
    "command",
    [["warm"], ["get"], ["inspect"], ["export", "--node-compile-cache", "out"]],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("name", [b"bad\xff.mjs", b"link.mjs", b"folder\xff"])
def test_file_names_that_are_not_utf8_are_left_to_node(
    run_esmcache: RunEsmcache, project: Path, command: list[str], name: bytes
) -> None:
    (project / os.fsdecode(b"bad\xff.mjs")).write_text("export {};")
    (project / "link.mjs").symlink_to(os.fsdecode(b"bad\xff.mjs"))
    (project / os.fsdecode(b"folder\xff")).mkdir()
    answer = subprocess.run(
        [sys.executable, "-m", "esmcache", *command, name], cwd=project, capture_output=True, check=False
    )
    assert answer.returncode == 1
    check_one_line(answer.stderr.decode(errors="replace"))
    if name == b"bad\xff.mjs" or command[0] in ("warm", "export"):
        assert answer.stderr.endswith(b"%s: its path is not UTF-8, so it is left to Node\n" % name)
    assert name in answer.stderr


@pytest.mark.every_node
def test_explain_and_doctor_say_what_this_node_is_served(
    run_esmcache: RunEsmcache, any_node: Path, project: Path
) -> None:
    run_esmcache("warm", "--node", str(any_node), "app.mjs", cwd=project)
    said = json_of(run_esmcache, "explain", "--node", str(any_node), "b.mjs", cwd=project)
    version = subprocess.run([any_node, "--version"], capture_output=True, encoding="ascii", check=True).stdout
    what = "resolution" if version == "v22.15.0\n" else "resolution and source"
    assert said["reason"] == f"{what}, with a code cache"
    assert what in run_esmcache("doctor", "--node", str(any_node), cwd=project).stdout
