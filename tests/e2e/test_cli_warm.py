"""`esmcache warm` on a small project: what it warms, its output, and its exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache
from e2e.cli_project import check_one_line, json_of


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


def test_warm_suggests_what_doctor_suggests(run_esmcache: RunEsmcache, project: Path) -> None:
    (project / "app it.ts").write_text("\ufeffimport './part'; import './b.js';\n")
    (project / "part.ts").write_text("enum E { A }\n")
    (project / "b.mts").write_text("")
    answer = run_esmcache("warm", "app it.ts", cwd=project)
    said, hint = f"imported from {project}/app it.ts", 'did you mean "./part.ts"?'
    assert answer.stderr.splitlines() == [
        "esmcache: 2 specifiers that cannot be resolved:",
        f"  app it.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find module '{project}/part' {said}; {hint}",
        f"  app it.ts:1:25: ERR_MODULE_NOT_FOUND: Cannot find module '{project}/b.js' {said}",
        "esmcache: `esmcache doctor 'app it.ts'` lists everything that Node fails on",
    ]
    problems = json_of(run_esmcache, "warm", "app it.ts", cwd=project)["problems"]
    assert [one["suggestion"] for one in problems] == ["./part.ts", ""]
    checked = run_esmcache("doctor", "app it.ts", cwd=project).stdout.splitlines()
    assert any(line.endswith(hint) for line in checked)


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


def test_a_fifo_in_place_of_settings_is_not_opened(run_esmcache: RunEsmcache, project: Path) -> None:
    os.mkfifo(project / "esmcache.json")
    answer = run_esmcache("warm", "app.mjs", cwd=project)
    assert "esmcache.json: cannot be read: not a regular file" in answer.stderr
