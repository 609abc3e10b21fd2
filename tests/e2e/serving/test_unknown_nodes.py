"""Untested Nodes run programs natively, and Nodes with another compile-cache layout run them without code caches."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import RunEsmcache, node_of
from esmcache.engines.node.describe_node import NEWEST_TESTED
from esmcache.serving.names import RUNTIME
from program import Program
from served_program import MODULES

_UNTESTED = {"ESMCACHE_UNTESTED_NODE": "1"}
_TESTED_CONSTANT = re.compile(r"^const NEWEST_TESTED = (\d+);$", re.M)
# This describes itself as a newer Node and otherwise behaves as the installed one.
_SAYS_ANOTHER_VERSION = """\
#!/bin/sh
[ "$1" = -e ] || exec "{node}" "$@"
"{node}" "$@" | sed 's#"version":"[^"]*"#"version":"{version}"#; s#"executable":"[^"]*"#"executable":"{wrapper}"#'
"""
# The entries of its compile cache have another magic number and a longer header.
_HAS_ANOTHER_LAYOUT = """\
#!/bin/sh
if [ "$1" = -e ]; then
  "{node}" "$@" | sed 's#"executable":"[^"]*"#"executable":"{wrapper}"#'
  exit
fi
[ "$NODE_COMPILE_CACHE" ] || exec "{node}" "$@"
"{node}" "$@"
for entry in "$NODE_COMPILE_CACHE"/*/*; do
  {{ printf 'another magic 16'; cat "$entry"; }} > "$entry.other"
  mv "$entry.other" "$entry"
done
"""
# It adds something to the entries of programs that are TypeScript.
_HAS_ANOTHER_LAYOUT_OF_TYPESCRIPT = """\
#!/bin/sh
if [ "$1" = -e ]; then
  "{node}" "$@" | sed 's#"executable":"[^"]*"#"executable":"{wrapper}"#'
  exit
fi
case "$NODE_COMPILE_CACHE $1" in /*.mts) ;; *) exec "{node}" "$@" ;; esac
"{node}" "$@"
for entry in "$NODE_COMPILE_CACHE"/*/*; do echo more >> "$entry"; done
"""


@pytest.fixture
def newer(program: Program, tmp_path: Path) -> Path:
    return _executable(tmp_path / "newer", _SAYS_ANOTHER_VERSION, program.node, version="v27.0.0")


@pytest.fixture
def hook_of_older(program: Program, tmp_path: Path) -> Path:
    """Return the preload of an esmcache whose newest tested Node is older than the Node of these tests."""
    runtime = tmp_path / "runtime"
    shutil.copytree(RUNTIME, runtime)
    file = runtime / "starting.cjs"
    file.write_text(_TESTED_CONSTANT.sub("const NEWEST_TESTED = 23;", file.read_text()))
    hook = tmp_path / "register.cjs"
    hook.write_text(program.hook().read_text().replace(str(RUNTIME), str(runtime)))
    return hook


def test_commands_and_the_preload_name_the_same_newest_node() -> None:
    (stated,) = _TESTED_CONSTANT.findall((RUNTIME / "starting.cjs").read_text())
    assert int(stated) == NEWEST_TESTED


def test_an_untested_node_is_not_served_and_the_report_says_so(program: Program, hook_of_older: Path) -> None:
    program.warm()
    native = program.plain()
    started = program.plain(flags=["--require", str(hook_of_older)])
    version = native_version(program)
    assert started.report["reason"] == f"untested Node {version}"
    assert started.report["served"] == 0
    assert (started.stdout, started.stderr, started.exit_code) == (native.stdout, native.stderr, 0)
    assert program.plain(flags=["--require", str(hook_of_older)], env=_UNTESTED).report["served"] == MODULES
    # A start's flags do not suppress the report.
    flags = ["--require", str(hook_of_older), "--no-warnings"]
    assert program.plain(flags=flags).report["reason"] == f"untested Node {version}"


def test_commands_refuse_an_untested_node(program: Program, newer: Path, run_esmcache: RunEsmcache) -> None:
    program.warm()
    entry = program.root / program.entry
    reason = "Node v27.0.0 is newer than 26, the newest tested"
    env = {"ESMCACHE_NODE": str(newer)}
    warm = run_esmcache("warm", entry, env=env)
    assert warm.returncode != 0
    assert reason in warm.stderr
    assert len(warm.stderr.splitlines()) == 1
    explained = run_esmcache("explain", entry, env=env).stdout
    assert f"not served: {reason}" in explained
    doctor = run_esmcache("doctor", env=env)
    assert reason in doctor.stdout
    assert doctor.returncode != 0
    assert "ESMCACHE_UNTESTED_NODE" in doctor.stdout


def test_commands_accept_an_untested_node_if_the_user_allows_it(
    program: Program, newer: Path, run_esmcache: RunEsmcache
) -> None:
    env = {"ESMCACHE_NODE": str(newer), **_UNTESTED}
    assert run_esmcache("warm", program.root / program.entry, env=env).returncode == 0
    assert "newest tested" not in run_esmcache("doctor", env=env).stdout
    # The user's permission is not stored with the description of the Node.
    refused = run_esmcache("warm", program.root / program.entry, env={"ESMCACHE_NODE": str(newer)})
    assert "newest tested" in refused.stderr


def test_an_unknown_compile_cache_layout_disables_code_caches(
    program: Program, tmp_path: Path, run_esmcache: RunEsmcache
) -> None:
    program.node = _executable(tmp_path / "other", _HAS_ANOTHER_LAYOUT, program.node)
    program.warm()
    assert not list(_files_of_code_caches(program))
    report = program.check_same()
    assert (report["served"], report["codeCaches"]) == (MODULES, "unknown layout")
    assert not list(_files_of_code_caches(program))
    env = {"ESMCACHE_NODE": str(program.node)}
    words = "a compile cache in a layout that esmcache does not know"
    explained = run_esmcache("explain", program.root / program.entry, env=env).stdout
    assert "served: resolution and source, without a code cache" in explained
    assert words in explained
    assert words in run_esmcache("doctor", env=env).stdout


@pytest.mark.parametrize(("name", "served"), [("node22ts", "and stripped at each start"), ("node24", "with its text")])
def test_typescript_in_an_unknown_layout_is_left_to_node(
    program: Program, name: str, served: str, tmp_path: Path, run_esmcache: RunEsmcache
) -> None:
    node = node_of(name)
    assert f"ok    served, {served}" in typescript_in_doctor(run_esmcache, node)
    program.node = _executable(tmp_path / "other", _HAS_ANOTHER_LAYOUT_OF_TYPESCRIPT, node)
    program.entry = "app.mts"
    program.write(
        {"app.mts": "import './b.mjs';\nconst a: number = 1;\nconsole.log(a);\n", "b.mjs": "console.log(2);\n"}
    )
    report = program.warm()
    assert (report.served, report.native) == (0, 1)
    assert program.check_same()["served"] == 0
    assert "left to Node: esmcache does not know how v2" in typescript_in_doctor(run_esmcache, program.node)


def typescript_in_doctor(run_esmcache: RunEsmcache, node: Path) -> str:
    """Return the line of `esmcache doctor` about TypeScript."""
    lines = run_esmcache("doctor", env={"ESMCACHE_NODE": str(node)}).stdout.splitlines()
    return next(line for line in lines if line.startswith("TypeScript"))


def native_version(program: Program) -> str:
    """Return the version of the program's Node."""
    program.write({"version.cjs": "console.log(process.version)"})
    return Program(program.root, program.node, program.home, "version.cjs").plain().stdout.strip()


def _executable(path: Path, text: str, node: Path, **values: object) -> Path:
    path.write_text(text.format(node=node, wrapper=path, **values))
    path.chmod(0o755)
    return path


def _files_of_code_caches(program: Program) -> Iterator[Path]:
    for directory in ("v8", "code"):
        yield from (path for path in (program.home.cache_dir / directory).rglob("*") if path.is_file())
