"""The commands for single modules: analyze, resolve, get, inspect and explain."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conftest import RunEsmcache
from e2e.cli_project import json_of


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


@pytest.mark.parametrize("suffix", [".mjs", ".mts"])
def test_analyze_shows_the_errors_that_only_the_engine_finds(
    run_esmcache: RunEsmcache, project: Path, suffix: str
) -> None:
    name, place = f"refused{suffix}", "1:1: Invalid regular expression: /(/"
    (project / name).write_text("/(/;\n")
    answer = run_esmcache("analyze", name, cwd=project)
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"esmcache: {name}:{place}")
    assert answer.returncode == 1
    assert f"refused{suffix}:{place}" in run_esmcache("warm", name, cwd=project).stderr


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


def test_getting_typescript_leaves_its_code_cache_alone(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "app.ts").write_text("console.log(1 as number);\nexport {};\n")
    assert run_esmcache("warm", "app.ts").returncode == 0
    for command in (["get", "-o", "app.bmes", "app.ts"], ["inspect", "app.ts"]):
        assert run_esmcache(*command).returncode == 0
        assert run_esmcache("verify").stdout == "nothing is damaged\n"


def test_a_path_that_is_not_utf8_is_explained(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"c\xff.ts")
    path.write_text("export {};\n")
    answer = run_esmcache("explain", path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "not served: its path is not UTF-8, so it is left to Node" in answer.stdout
