"""Each command on a small project: its output for people and for programs, and its exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import EsmcacheHome, RunEsmcache
from removing import remove_tree

APP = """\
import {b as c} from './b.mjs';
import * as ns from './b.mjs';
import data from './d.json' with {type: 'json'};
export {c, ns};
export default function () {}
export {b as 'a string'} from './b.mjs';
export * from './b.mjs';
await import('./b.mjs');
import(data.name);
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text('{"type": "module", "main": "app.mjs"}')
    (project / "app.mjs").write_text(APP)
    (project / "b.mjs").write_text("export const b = 1;\n")
    (project / "d.json").write_text('{"name": "./b.mjs"}')
    return project


def json_of(run_esmcache: RunEsmcache, *arguments: str | Path, cwd: Path, exit_code: int = 0) -> Any:
    answer = run_esmcache(*arguments, "--json", cwd=cwd)
    assert answer.returncode == exit_code, answer.stderr
    return json.loads(answer.stdout)


def check_one_line(stderr: str) -> None:
    assert stderr.startswith("esmcache: ") and stderr.count("\n") == 1 and "Traceback" not in stderr


def test_warm_prints_a_summary(run_esmcache: RunEsmcache, project: Path) -> None:
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("1 entry point, 3 modules: 3 served, 2 compiled, in ")
    assert run_esmcache("warm", "-q", "app.mjs", cwd=project).stdout == ""
    report = json_of(run_esmcache, "warm", "app.mjs", cwd=project)
    assert report["entries"] == 1 and report["problems"] == []
    assert [report[name] for name in ("analysed", "compiled", "blobs_written")] == [0, 0, 0]


def test_warm_of_a_directory_starts_from_its_package(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "alone.mjs").write_text("export {};")
    for arguments, cwd in ((["warm"], project), (["warm", "project"], project.parent)):
        report = json_of(run_esmcache, *arguments, cwd=cwd)
        assert (report["entries"], report["modules"]) == (1, 4)


@pytest.mark.parametrize(("folder", "cwd"), [("src", "."), (".", "src"), (".", "."), (None, "src")])
@pytest.mark.parametrize(("include", "others"), [("src/**", 1), ("src/*", 0)])
def test_settings_of_a_project_are_relative_to_it(
    run_esmcache: RunEsmcache, tmp_path: Path, folder: str | None, cwd: str, include: str, others: int
) -> None:
    project = tmp_path / "a [b]"
    for name in ("src/cli.js", "src/lib.js", "src/left/out.js", "src/left/in.js", "bin/other.js"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("export {};\n")
    settings = {"entries": ["src/cli.js", "./bin/other.js"], "exclude": ["./src/left/o*"], "include": [include]}
    (project / "esmcache.json").write_text(json.dumps(settings))
    (project / "package.json").write_text('{"type": "module", "main": "src/lib.js", "bin": "bin/other.js"}')
    report = json_of(run_esmcache, "warm", *([folder] if folder else []), cwd=project / cwd)
    # The warm covers the whole project or the named part of it.
    is_whole = folder == cwd == "."
    assert (report["problems"], report["entries"], report["modules"]) == (
        [],
        *((3, 3 + others) if is_whole else (2, 2 + others)),
    )


@pytest.mark.parametrize(("folder", "modules"), [(".", 1), ("src/left", 0), ("src/left/below", 0)])
def test_an_excluded_folder_is_not_warmed_even_if_it_is_named(
    run_esmcache: RunEsmcache, tmp_path: Path, folder: str, modules: int
) -> None:
    for name in ("src/cli.js", "src/left/a.js", "src/left/below/b.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("export {};\n")
    (tmp_path / "esmcache.json").write_text('{"entries": ["src/cli.js"], "exclude": ["src/left/"]}')
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert json_of(run_esmcache, "warm", folder, cwd=tmp_path)["modules"] == modules


@pytest.mark.parametrize(
    ("content", "said"),
    [("{bad json", "is not valid JSON: "), ("[1, 2]", "is no JSON object"), ("", "is not valid JSON: ")],
)
def test_warm_names_a_broken_package_json(run_esmcache: RunEsmcache, project: Path, content: str, said: str) -> None:
    (project / "package.json").write_text(content)
    answer = run_esmcache("warm", cwd=project)
    assert answer.returncode == 1
    check_one_line(answer.stderr)
    assert answer.stderr.startswith(f"esmcache: package.json: {said}")


def test_warm_with_the_conditions_of_the_project_or_without_any(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "esmcache.json").write_text('{"conditions": ["development"]}')
    assert run_esmcache("warm", "app.mjs", cwd=project).returncode == 0
    assert served(run_esmcache, project, "--conditions=development") and not served(run_esmcache, project, "")
    assert run_esmcache("warm", "--conditions", "", "app.mjs", cwd=project).returncode == 0
    assert served(run_esmcache, project, "")


def served(run_esmcache: RunEsmcache, project: Path, node_options: str) -> int:
    log = project / "log"
    environment = {"NODE_OPTIONS": node_options, "ESMCACHE_LOG": str(log)}
    answer = run_esmcache("run", "--no-warm", "app.mjs", cwd=project, env=environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    count: int = json.loads(log.read_text().splitlines()[-1])["served"]
    return count


def test_warm_fails_for_syntax_errors_outside_packages(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "b.mjs").write_text("export const b = 1;\nlet = = 2;\n")
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert answer.returncode == 1
    assert answer.stderr.startswith("esmcache: b.mjs:2:") and "3 modules" in answer.stdout
    check_one_line(answer.stderr)
    report = json_of(run_esmcache, "warm", "app.mjs", cwd=project, exit_code=1)
    (problem,) = report["problems"]
    assert (problem["path"], problem["code"], problem["line"]) == (str(project / "b.mjs"), "syntax-error", 2)


def test_warm_mentions_errors_in_packages_and_succeeds(run_esmcache: RunEsmcache, project: Path) -> None:
    package = project / "node_modules" / "broken"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "broken", "version": "1.0.0", "main": "index.mjs"}')
    (package / "index.mjs").write_text("export {")
    (project / "app.mjs").write_text("import 'absent'; import('broken');")
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert answer.returncode == 0
    told = answer.stderr.splitlines()
    assert told[0] == "esmcache: 1 specifier that cannot be resolved:"
    assert told[1].startswith("  app.mjs:1:8: ERR_MODULE_NOT_FOUND: Cannot find package 'absent'")
    assert told[2] == "esmcache: 1 module within node_modules that Node would not load:"
    assert told[3].startswith("  node_modules/broken/index.mjs:1:")
    (project / "app.mjs").write_text("".join(f"import 'absent{number}';\n" for number in range(9)))
    told = run_esmcache("warm", "app.mjs", cwd=project).stderr.splitlines()
    assert told == ["esmcache: 9 specifiers that cannot be resolved (-v lists them)"]
    assert run_esmcache("warm", "-v", "app.mjs", cwd=project).stderr.count("\n  app.mjs:") == 9


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


def test_warm_skips_file_names_that_are_not_utf8(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / os.fsdecode(b"bad\xff.mjs")).write_text("export {};")
    answer = run_esmcache("warm", cwd=project)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("1 entry point, 3 modules")


def test_warm_of_invalid_utf8_and_unreadable_files_goes_on(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "b.mjs").write_bytes(b"export const b = '\xff';\n")
    (project / "d.json").unlink()
    (project / "d.json").mkdir()
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert "Traceback" not in answer.stderr and answer.stdout.startswith("1 entry point")


def test_warm_missed(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, project: Path) -> None:
    assert run_esmcache("run", "--no-warm", project / "app.mjs").returncode == 0
    assert json_of(run_esmcache, "warm", "--missed", cwd=project)["entries"] == 1
    assert json_of(run_esmcache, "warm", "--missed", cwd=project)["entries"] == 0


def test_analyze_json_line(run_esmcache: RunEsmcache, project: Path) -> None:
    answer = run_esmcache("analyze", "--json", "app.mjs", cwd=project)
    assert (answer.returncode, answer.stderr, answer.stdout.count("\n")) == (0, "", 1)
    assert json.loads(answer.stdout) == {
        "path": "app.mjs",
        "error": None,
        "requests": [
            {"specifier": "./b.mjs", "attributes": {}},
            {"specifier": "./d.json", "attributes": {"type": "json"}},
        ],
        "imports": [
            {"type": "Single", "moduleRequest": "./b.mjs", "importName": "b", "localName": "c"},
            {"type": "Namespace", "moduleRequest": "./b.mjs", "importName": "*", "localName": "ns"},
            {"type": "Single", "moduleRequest": "./d.json", "importName": "default", "localName": "data"},
        ],
        "exports": [
            export("Indirect", "c", "./b.mjs", "b"),
            export("Namespace", "ns", "./b.mjs"),
            export("Local", "default", local_name="*default*"),
            export("Indirect", "a string", "./b.mjs", "b"),
        ],
        "stars": ["./b.mjs"],
        "dynamic": ["./b.mjs"],
    }


def export(
    kind: str,
    export_name: str,
    module_name: str | None = None,
    import_name: str | None = None,
    local_name: str | None = None,
) -> dict[str, str | None]:
    return {
        "type": kind,
        "exportName": export_name,
        "moduleName": module_name,
        "importName": import_name,
        "localName": local_name,
    }


def test_analyze_reports_errors_and_goes_on(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "broken.mjs").write_text("export const one = 1;\nexport const 𝒙 = 2, one = 3;\n")
    names = "broken.mjs\n\nabsent.mjs\nb.mjs\n"
    answer = run_esmcache("analyze", "--json", "-", cwd=project, stdin=names)
    assert (answer.returncode, answer.stderr) == (1, "")
    broken, absent, sound = map(json.loads, answer.stdout.splitlines())
    assert broken["path"] == "broken.mjs" and broken["error"]["line"] == 2
    assert broken["error"]["column"] > 1
    assert absent["error"] == {"code": "ENOENT", "message": "No such file or directory", "line": 0, "column": 0}
    assert absent["requests"] == absent["exports"] == []
    assert sound["error"] is None and sound["path"] == "b.mjs"


def test_analyze_for_people(run_esmcache: RunEsmcache, project: Path) -> None:
    answer = run_esmcache("analyze", "app.mjs", cwd=project)
    assert (answer.returncode, answer.stderr) == (0, "")
    for line in ('    "./d.json" with {"type": "json"}', '    Indirect: b as c from "./b.mjs"', "  top-level await"):
        assert line in answer.stdout.splitlines()


def test_file_names_keep_their_bytes(run_esmcache: RunEsmcache, project: Path) -> None:
    name = os.fsdecode(b"\xff.mjs")
    (project / name).write_text("export {};")
    assert json_of(run_esmcache, "analyze", project / name, cwd=project)["path"] == str(project / name)


def test_resolve(run_esmcache: RunEsmcache, project: Path) -> None:
    url = (project / "b.mjs").as_uri()
    assert run_esmcache("resolve", "./b.mjs", "--from", "app.mjs", cwd=project).stdout == f"{url}\n"
    assert json_of(run_esmcache, "resolve", "./b.mjs", "--from", "app.mjs", cwd=project) == {"url": url}
    failure = json_of(run_esmcache, "resolve", "./x.mjs", "--from", "app.mjs", cwd=project, exit_code=1)
    assert failure["error"]["code"] == "ERR_MODULE_NOT_FOUND"


def test_resolve_lines(run_esmcache: RunEsmcache, project: Path) -> None:
    parent = str(project / "app.mjs")
    lines = [
        {"parent": parent, "specifier": "./b.mjs"},
        {"parent": (project / "app.mjs").as_uri(), "specifier": "fs"},
        {"parent": parent, "specifier": "absent"},
        {"parent": "data:text/javascript,", "specifier": "node:path"},
    ]
    answer = run_esmcache("resolve", "-", stdin="\n".join(map(json.dumps, lines)))
    assert (answer.returncode, answer.stderr) == (1, "")
    found = list(map(json.loads, answer.stdout.splitlines()))
    assert found[:2] == [{"url": (project / "b.mjs").as_uri()}, {"url": "node:fs"}]
    assert set(found[2]) == {"error"} and set(found[2]["error"]) == {"code", "message"}
    assert found[2]["error"]["code"] == "ERR_MODULE_NOT_FOUND"
    assert found[3] == {"url": "node:path"}


@pytest.mark.parametrize("line", ["{", "[]", '{"parent": "/a"}', '{"parent": 1, "specifier": "a"}', "[" * 100_000])
def test_resolve_answers_an_invalid_line_with_an_error(run_esmcache: RunEsmcache, line: str) -> None:
    answer = run_esmcache("resolve", "-", stdin=f"{line}\n")
    assert (answer.returncode, answer.stderr) == (1, "")
    assert json.loads(answer.stdout)["error"]["code"] == "ERR_INVALID_ARG_VALUE"


def test_resolve_answers_lines_with_invalid_parents(run_esmcache: RunEsmcache, project: Path) -> None:
    parents = ["\ud800", "http://x/", "file://\ud800", "a\0b", "", str(project / "app.mjs")]
    lines = [json.dumps({"parent": parent, "specifier": "./b.mjs"}) for parent in parents]
    answer = run_esmcache("resolve", "-", stdin="\n".join(lines))
    assert (answer.returncode, answer.stderr) == (1, "")
    *bad, good = map(json.loads, answer.stdout.splitlines())
    assert [set(one["error"]) for one in bad] == [{"code", "message"}] * (len(parents) - 1)
    assert [one["error"]["code"] for one in bad[:2]] == ["ERR_INVALID_ARG_VALUE"] * 2
    assert good == {"url": (project / "b.mjs").as_uri()}


def test_get_and_inspect(run_esmcache: RunEsmcache, project: Path) -> None:
    for arguments, has_bytecode in (([], True), (["--no-bytecode"], False)):
        answer = run_esmcache("get", "app.mjs", "-o", "out.cache", *arguments, cwd=project)
        assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
        said = json_of(run_esmcache, "inspect", "out.cache", cwd=project)
        assert (said["magic"], said["version"], said["valid"]) == ("0x424d4553", 1, "integrity")
        assert said["size"] == (project / "out.cache").stat().st_size
        assert (said["bytecodeSize"] > 0) == has_bytecode
        assert len(said["exports"]) == 4 and said["trailer"]["moduleKind"] == "module"
    assert [path.name for path in project.glob(".tmp*")] == []
    printed = run_esmcache("inspect", "app.mjs", cwd=project)
    assert printed.returncode == 0 and "magic 0x424d4553, version 1" in printed.stdout


def test_explain(run_esmcache: RunEsmcache, project: Path) -> None:
    cold = json_of(run_esmcache, "explain", "b.mjs", cwd=project)
    assert (cold["served"], cold["state"], cold["reason"]) == (False, "cold", "never warmed")
    assert json_of(run_esmcache, "explain", ".", cwd=project)["reason"] == "this is a directory; name a file"
    run_esmcache("warm", "app.mjs", cwd=project)
    fresh = json_of(run_esmcache, "explain", "b.mjs", cwd=project)
    assert (fresh["served"], fresh["state"]) == (True, "fresh")
    assert [name for name, _ in fresh["ingredients"]["record"]] == ["format", "analysis", "kind", "source"]
    (project / "b.mjs").write_text("export const b = 2;\n")
    answer = run_esmcache("explain", "b.mjs", cwd=project)
    assert answer.returncode == 0
    assert "not served: changed since it was warmed: its content" in answer.stdout
    assert str(project / "app.mjs") in answer.stdout
    assert run_esmcache("explain", "absent.mjs", cwd=project).returncode == 1


def test_explain_names_the_conditions_of_entry_points(run_esmcache: RunEsmcache, project: Path) -> None:
    for conditions in ([], [], ["--conditions", "one", "--conditions", "two"]):
        assert run_esmcache("warm", *conditions, "app.mjs", cwd=project).returncode == 0
    said = json_of(run_esmcache, "explain", "b.mjs", cwd=project)["entry_points"]
    assert len(said) == 2
    assert sum("conditions" in one for one in said) == 1
    assert any(one.endswith(", conditions one two)") for one in said)


def test_explain_finds_a_module_that_is_only_imported_with_a_query(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "app.mjs").write_text("import './b.mjs?once#more';\n")
    run_esmcache("warm", "app.mjs", cwd=project)
    said = json_of(run_esmcache, "explain", "b.mjs", cwd=project)
    assert said["served"] and said["url"].endswith("/b.mjs?once#more")


def test_explain_and_doctor_say_what_this_node_is_served(
    run_esmcache: RunEsmcache, any_node: Path, project: Path
) -> None:
    run_esmcache("warm", "--node", str(any_node), "app.mjs", cwd=project)
    said = json_of(run_esmcache, "explain", "--node", str(any_node), "b.mjs", cwd=project)
    version = subprocess.run([any_node, "--version"], capture_output=True, encoding="ascii", check=True).stdout
    what = "resolution" if version == "v22.15.0\n" else "resolution and source"
    assert said["reason"] == f"{what}, with a code cache"
    assert what in run_esmcache("doctor", "--node", str(any_node), cwd=project).stdout


def test_a_fifo_in_place_of_settings_is_not_opened(run_esmcache: RunEsmcache, project: Path) -> None:
    os.mkfifo(project / "esmcache.json")
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert "esmcache.json: cannot be read: not a regular file" in answer.stderr


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
