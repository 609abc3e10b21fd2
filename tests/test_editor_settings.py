"""The settings that editors show have the schema's names, defaults and types."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esmcache.settings import (
    EditorSettings,
    ProjectSettings,
    UserChoices,
    editor_settings,
    read_project_settings,
    read_user_choices,
)

PROJECT = Path(__file__).resolve().parent.parent
# Settings that only the extension uses.
OWN = {"esmcache.path", "esmcache.terminal.inject", "esmcache.statusBar", "esmcache.compareRuns"}
# The server's name of each setting that VS Code has another name for.
RENAMED = {"esmcache.trace.server": "trace"}
SCALARS = {"boolean": bool, "integer": int, "string": str}


def _declared() -> dict[str, dict[str, Any]]:
    package = json.loads((PROJECT / "editors" / "vscode" / "package.json").read_text("utf-8"))
    sections = package["contributes"]["configuration"]
    sections = sections if isinstance(sections, list) else [sections]
    return {name: one for section in sections for name, one in section["properties"].items()}


def _of_the_server() -> dict[str, dict[str, Any]]:
    """Return the declarations of the settings that the server reads, by its names for them."""
    declared = {name: one for name, one in _declared().items() if name not in OWN}
    return {RENAMED.get(name, name.removeprefix("esmcache.")): one for name, one in declared.items()}


def test_visual_studio_code_declares_every_setting_with_its_default() -> None:
    declared = _of_the_server()
    defaults = msgspec.to_builtins(EditorSettings())
    assert {name: one["default"] for name, one in declared.items()} == defaults
    assert all(one.get("description") or one.get("markdownDescription") for one in declared.values())


def test_visual_studio_code_declares_the_types_of_the_schema() -> None:
    properties = msgspec.json.schema(EditorSettings)["$defs"]["EditorSettings"]["properties"]
    for name, one in _of_the_server().items():
        schema = properties[name]
        types = {schema.get("type")} | {some.get("type") for some in schema.get("anyOf", ())}
        types |= {"string"} if "enum" in schema else set()
        said = one["type"] if isinstance(one["type"], list) else [one["type"]]
        assert set(said) == types - {None}, name
        assert sorted(one.get("enum", [])) == sorted(schema.get("enum", [])), name


def test_workspaces_cannot_set_binaries_directories_or_limits() -> None:
    declared = _declared()
    package = json.loads((PROJECT / "editors" / "vscode" / "package.json").read_text("utf-8"))
    restricted = package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    for name in ("esmcache.cacheDir", "esmcache.node", "esmcache.path", "esmcache.jobs", "esmcache.maxSize"):
        assert declared[name]["scope"] == "machine"
        assert name in restricted


def test_no_more_processes_than_cores(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    environment = {"HOME": str(tmp_path), "ESMCACHE_DIR": str(tmp_path / "cache")}
    for jobs, expected in ((1, 1), (cores, cores), (10_000, cores)):
        choices = read_user_choices(environment, jobs=jobs)
        assert isinstance(choices, UserChoices) and choices.jobs == expected


def test_the_documentation_lists_every_setting() -> None:
    text = (PROJECT / "docs" / "how-to" / "editors.md").read_text("utf-8")
    for name in msgspec.to_builtins(EditorSettings()):
        assert re.search(rf"`(esmcache\.)?{name}`", text), name


def test_the_readme_of_the_extension_lists_the_settings_that_only_visual_studio_code_has() -> None:
    text = (PROJECT / "editors" / "vscode" / "README.md").read_text("utf-8")
    assert {name for name in {*OWN, *RENAMED} if f"| `{name}` |" not in text} == set()


def test_settings_from_an_editor_override_earlier_ones() -> None:
    before = EditorSettings(jobs=3)
    assert editor_settings({"codeLens": False, "jobs": None, "node": ""}, before) == (
        EditorSettings(jobs=3, code_lens=False),
        [],
    )
    assert editor_settings(None, before) == editor_settings([], before) == (before, [])


def test_each_valid_setting_is_accepted() -> None:
    sent = {
        "codeLens": "x",
        "entries": ["app.js"],
        "ofAnotherVersion": 1,
        "severity": {"cache-cold": "loud", "not-served": "off"},
        "cacheDir": "relative",
    }
    settings, unfit = editor_settings(sent, EditorSettings(node="/node"))
    assert settings == EditorSettings(entries=["app.js"], severity={"not-served": "off"}, node="/node")
    assert [str(one) for one in unfit] == [
        'codeLens: must be true or false, not "x"',
        "ofAnotherVersion: there is no such setting; remove it",
        'severity: cache-cold must be "error", "hint", "information", "off" or "warning", not "loud"',
        "cacheDir: must be an absolute path",
    ]
    assert [one.name for one in unfit if one.unknown] == ["ofAnotherVersion"]
    assert [str(one) for one in editor_settings("on", settings)[1]] == ['must be an object with settings, not "on"']


def test_settings_for_the_editor_itself_are_ignored() -> None:
    sent = dict.fromkeys((name.split(".")[1] for name in OWN), 1)
    assert editor_settings(sent, EditorSettings()) == (EditorSettings(), [])


def test_each_valid_project_setting_is_accepted(tmp_path: Path) -> None:
    said = {"entries": ["app.js"], "include": 5, "node": "/evil"}
    (tmp_path / "package.json").write_text(json.dumps({"esmcache": said}))
    settings, errors = read_project_settings(tmp_path)
    assert settings == ProjectSettings(entries=["app.js"])
    assert [str(one) for one in errors] == [
        f"{tmp_path}/package.json: esmcache.include: must be a list of texts, not 5",
        f"{tmp_path}/package.json: esmcache.node: there is no such setting; remove it, or use conditions, entries,"
        " exclude, include",
    ]
    (tmp_path / "esmcache.json").write_text("[]")
    assert [one.message for one in read_project_settings(tmp_path)[1]] == [
        "must be an object with settings, not a list"
    ]


@pytest.mark.parametrize(
    ("name", "most"), [("entries", 10_000), ("include", 1_000), ("exclude", 1_000), ("conditions", 100)]
)
def test_overlong_lists_in_settings_are_rejected(tmp_path: Path, name: str, most: int) -> None:
    def read(count: int) -> tuple[int, list[str]]:
        said = {name: [f"src/{number}.js" for number in range(count)]}
        (tmp_path / "package.json").write_text(json.dumps({"esmcache": said}))
        settings, errors = read_project_settings(tmp_path)
        return len(getattr(settings, name)), [error.message for error in errors]

    assert read(most) == (most, [])
    assert read(most + 1) == (0, [f"esmcache.{name}: must have at most {most:,} items, not {most + 1:,}"])
