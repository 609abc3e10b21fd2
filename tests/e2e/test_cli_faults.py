"""Faults in a project's files: every command words them in the same way, in one line, and says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache

_BROKEN = {
    "unexpected.mjs": ("let a = ;\n", "1:9: Unexpected token ';'"),
    "twice.mjs": ("export const one = 1;\nexport const one = 2;\n", "2:14: "),
    "typed.mts": ("const a: number = ;\n", "1:19: "),
    "typeless.js": ("import x from 'x';\nlet 1a;\n", "2:"),
    "script.cjs": ("let a;\nlet a;\n", "2:5: Identifier 'a' has already been declared"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    for name, (content, _) in _BROKEN.items():
        (directory / name).write_text(content)
    return directory


@pytest.mark.parametrize("name", _BROKEN)
def test_commands_word_a_syntax_error_in_the_same_way(run_esmcache: RunEsmcache, project: Path, name: str) -> None:
    warmed = run_esmcache("warm", name, cwd=project)
    assert warmed.returncode == 1
    (told,) = warmed.stderr.splitlines()
    assert told.startswith(f"esmcache: {name}:{_BROKEN[name][1]}")
    place_and_message = told.removeprefix(f"esmcache: {name}:")
    if not name.endswith(".cjs"):
        analysed = run_esmcache("analyze", name, cwd=project)
        assert (analysed.returncode, analysed.stderr) == (1, warmed.stderr)
        got = run_esmcache("get", name, "-o", "out.cache", cwd=project)
        assert (got.returncode, got.stderr) == (1, f"esmcache: {project / name}:{place_and_message}\n")
        assert not (project / "out.cache").exists()
    explained = run_esmcache("explain", name, cwd=project).stdout
    said = f"not served: it cannot run: {place_and_message}; Node reports the error when a program loads it"
    assert said in explained


def test_a_line_break_in_a_name_is_shown_as_an_escape_everywhere(run_esmcache: RunEsmcache, project: Path) -> None:
    name, shown = "new\nline.mjs", r"new\u000aline.mjs"
    (project / name).write_text("let = (;\n")
    (project / "app.mjs").write_text(
        "import './new%0Aline.mjs';\nimport './ab%0Asent.mjs';\nimport 'pack\\nage';\nimport 'a\\u202eb';\n"
    )
    for command, path in (("get", project / shown), ("inspect", project / shown), ("analyze", shown), ("warm", shown)):
        answer = run_esmcache(command, name, cwd=project)
        (line,) = answer.stderr.splitlines()
        assert (answer.returncode, line.partition(": ")[2].partition(":")[0]) == (1, str(path))
    unresolved = [rf"module '{project}/ab\u000asent.mjs'", r"package 'pack\u000aage'", r"package 'a\u202eb'"]
    warmed = run_esmcache("warm", "app.mjs", cwd=project).stderr.splitlines()
    assert [line.partition("Cannot find ")[2] for line in warmed if "Cannot find" in line] == [
        f"{what} imported from {project}/app.mjs" for what in unresolved
    ]
    checked = run_esmcache("doctor", "app.mjs", cwd=project).stdout.splitlines()
    assert [line.partition("Cannot find ")[2] for line in checked if "Cannot find" in line] == unresolved
    assert any(line.startswith(f"{shown}:1:") for line in checked)


def test_commands_word_an_unresolved_import_in_the_same_way(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "lost.mjs").write_text("import './absent.mjs';\n")
    said = f"ERR_MODULE_NOT_FOUND: Cannot find module '{project}/absent.mjs' imported from {project}/lost.mjs"
    warmed = run_esmcache("warm", "lost.mjs", cwd=project).stderr.splitlines()
    assert warmed == ["esmcache: 1 specifier that cannot be resolved:", f"  lost.mjs:1:8: {said}"]
    assert run_esmcache("resolve", "./absent.mjs", "--from", "lost.mjs", cwd=project).stderr == f"esmcache: {said}\n"
    assert f"    ./absent.mjs: {said}\n" in run_esmcache("explain", "lost.mjs", cwd=project).stdout


@pytest.mark.parametrize(
    ("name", "what"),
    [("data.json", "JSON"), ("x.wasm", "WebAssembly"), ("x.node", "a binary")],
)
def test_files_that_are_no_javascript_are_refused(
    run_esmcache: RunEsmcache, project: Path, name: str, what: str
) -> None:
    (project / name).write_text('{"x": 1}\n')
    said = f"{name}: it is {what}"
    for command in (["analyze", name], ["get", name, "-o", "out.cache"]):
        answer = run_esmcache(*command, cwd=project)
        assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
        assert said in answer.stderr
    assert not (project / "out.cache").exists()
    (line,) = run_esmcache("analyze", "--json", name, cwd=project).stdout.splitlines()
    assert '"code":"not-a-module"' in line


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("bogus", "'bogus' is no flag of Node: write --v8-flag=--NAME, such as --v8-flag=--no-opt"),
        ("--", "'--' is no flag of Node: write --v8-flag=--NAME, such as --v8-flag=--no-opt"),
        ("--bogus", "does not start with --bogus: correct or leave out the --v8-flag"),
    ],
)
def test_export_refuses_a_flag_that_node_does_not_know(
    run_esmcache: RunEsmcache, project: Path, flag: str, said: str
) -> None:
    (project / "app.mjs").write_text("export {};\n")
    (project / "bogus").write_text("require('fs').writeFileSync('ran', '');\n")
    answer = run_esmcache("export", "--node-compile-cache", "out", f"--v8-flag={flag}", "app.mjs", cwd=project)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("esmcache: ") and answer.stderr.endswith(f"{said}\n")
    assert not (project / "out").exists() and not (project / "ran").exists()


@pytest.mark.parametrize("target", ["file", "file/below", "/dev/null"])
def test_export_refuses_a_file_as_its_directory(run_esmcache: RunEsmcache, project: Path, target: str) -> None:
    (project / "app.mjs").write_text("export {};\n")
    (project / "file").write_text("mine")
    answer = run_esmcache("export", "--node-compile-cache", target, "app.mjs", cwd=project)
    assert (answer.returncode, answer.stdout) == (1, "")
    where = "/dev/null" if target == "/dev/null" else project / "file"
    said = f"esmcache: {where} is a file, so it cannot be filled: name a directory, or remove the file\n"
    assert answer.stderr == said
    assert (project / "file").read_text() == "mine"


_WRONG_SETTINGS = [
    ('{"cachDir": "/tmp"}', "cachDir: there is no such setting; did you mean cacheDir?"),
    ('{"colour": 1}', "colour: there is no such setting; remove it, or use cacheDir, jobs, maxSize, node"),
    ('{"jobs": "x"}', 'jobs: must be a whole number, 1 or more, not "x"'),
    ('{"jobs": 0, "maxSize": 1.5}', "jobs: must be a whole number, 1 or more, not 0; "),
    ('{"maxSize": -1}', "maxSize: must be a whole number, 0 or more, not -1"),
    ('{"node": 5}', "node: must be a text in quotes, not 5"),
    ('{"cacheDir": ["/tmp"]}', "cacheDir: must be a text in quotes, not a list"),
    ("[]", "must be an object with settings, not a list"),
    ('{"jobs": 1,\n}', "is not valid JSON: correct it at line 2, column 1"),
    ("jobs = 1", "is not valid JSON: correct it at line 1, column 1"),
]


@pytest.mark.parametrize(("content", "said"), _WRONG_SETTINGS)
def test_wrong_settings_of_a_user_are_named(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, content: str, said: str
) -> None:
    config = esmcache_home.root / ".config" / "esmcache" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(content)
    answer = run_esmcache("stats")
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
    assert answer.stderr.startswith(f"esmcache: {config}: {said}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"entrys": []}, "entrys: there is no such setting; did you mean entries?"),
        ({"entries": "app.mjs"}, 'entries: must be a list of texts, not "app.mjs"'),
        ({"include": ["src", 5]}, "include: must be a list of texts, so it cannot hold 5"),
        ({"conditions": ["a\0b"]}, "conditions: must be a list of texts without NUL, so it cannot hold "),
    ],
)
def test_wrong_settings_of_a_project_are_named(
    run_esmcache: RunEsmcache, project: Path, settings: dict[str, object], said: str
) -> None:
    folder = project / "folder"
    folder.mkdir()
    for name, content, prefix in (
        ("package.json", {"esmcache": settings}, "package.json: esmcache."),
        ("esmcache.json", settings, "esmcache.json: "),
    ):
        (folder / name).write_text(json.dumps(content))
        (line,) = run_esmcache("warm", "-q", cwd=folder).stderr.splitlines()
        assert line.startswith(f"esmcache: {prefix}{said}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        *_WRONG_SETTINGS,
        ('{"cacheDir": "here"}', "cacheDir: must be an absolute path"),
        ('{"node": "./node"}', "node: must"),
    ],
)
def test_doctor_finds_wrong_settings_and_goes_on(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, content: str, said: str
) -> None:
    config = esmcache_home.root / ".config" / "esmcache" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    assert _failed_checks(run_esmcache) == {}
    config.write_text(content)
    failed = _failed_checks(run_esmcache)
    assert list(failed) == ["configuration"]
    assert failed["configuration"].startswith(f"{config}: {said}")


def _failed_checks(run_esmcache: RunEsmcache) -> dict[str, str]:
    answer = run_esmcache("doctor", "--json")
    checks = json.loads(answer.stdout)
    assert {"cache directory", "node", "NODE_OPTIONS"} <= {one["name"] for one in checks}
    failed = {one["name"]: one["found"] for one in checks if one["health"] == "failed"}
    assert (answer.returncode, answer.stderr) == (int(bool(failed)), "")
    return failed
