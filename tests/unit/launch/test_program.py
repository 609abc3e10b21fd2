"""The decisions of `esmcache run` before it becomes Node: places, entry, conditions, and whether to warm."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs
import pytest

from conftest import EsmcacheHome
from esmcache.errors import CacheError
from esmcache.launch import background
from esmcache.launch.background import background_stamp, lock_stamp
from esmcache.launch.program import Program, conditions_of, find_entry, find_places
from esmcache.settings import SettingsError, UserChoices, read_user_choices
from esmcache.user_directories import user_directory


@pytest.mark.parametrize("value", [None, "", "relative", "/somewhere/else"])
def test_user_directories_agree_with_platformdirs(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    find = {
        "XDG_CACHE_HOME": platformdirs.user_cache_dir,
        "XDG_CONFIG_HOME": platformdirs.user_config_dir,
        "XDG_DATA_HOME": platformdirs.user_data_dir,
    }
    for variable, directory in find.items():
        monkeypatch.delenv(variable, raising=False)
        environment = dict(os.environ)
        if value is not None:
            environment[variable] = value
        # The specification of these variables ignores relative paths, but platformdirs uses them.
        if value and os.path.isabs(value):
            monkeypatch.setenv(variable, value)
        assert user_directory(environment, variable) == Path(directory("esmcache"))


@pytest.mark.parametrize("config", [{}, {"cacheDir": "/mine"}, {"node": "node26"}, {"maxSize": 5, "cacheDir": "~/c"}])
@pytest.mark.parametrize("variables", [{}, {"ESMCACHE_DIR": "/absolute", "ESMCACHE_NODE": "other"}])
@pytest.mark.parametrize("arguments", [{}, {"cache_dir": "there", "node": "named"}])
def test_places_agree_with_the_settings(
    esmcache_home: EsmcacheHome, config: dict[str, object], variables: dict[str, str], arguments: dict[str, str]
) -> None:
    path = esmcache_home.root / ".config" / "esmcache" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(config))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ESMCACHE_")}
    environment = {**kept, **variables}
    places = find_places(environment, arguments.get("cache_dir"), arguments.get("node"))
    choices = read_user_choices(environment, cache_dir=arguments.get("cache_dir"), node=arguments.get("node"))
    assert isinstance(choices, UserChoices)
    assert (places.cache_path, places.node) == (choices.cache_path, choices.node)


@pytest.mark.parametrize("variable", ["ESMCACHE_DIR", "ESMCACHE_NODE"])
def test_relative_paths_in_the_environment_are_refused(esmcache_home: EsmcacheHome, variable: str) -> None:
    environment = {**os.environ, variable: "./mine"}
    with pytest.raises(CacheError, match=f"{variable}: must be an absolute path"):
        find_places(environment, None, None)
    choices = read_user_choices(environment)
    assert isinstance(choices, SettingsError) and str(choices).startswith(f"{variable}: must be an absolute path")
    # A path on the command line has priority, relative or not.
    assert find_places(environment, "./typed", "./typed").cache_path == Path("typed").absolute()
    assert not isinstance(read_user_choices(environment, cache_dir="./typed", node="./typed"), SettingsError)


@pytest.mark.parametrize("named", ["./node", "bin/node"])
def test_a_relative_node_in_the_configuration_is_refused(esmcache_home: EsmcacheHome, named: str) -> None:
    path = esmcache_home.root / ".config" / "esmcache" / "config.json"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text(json.dumps({"node": named}))
    path.chmod(0o600)
    with pytest.raises(CacheError, match="node: must be an absolute path or a name in PATH"):
        find_places(os.environ, None, None)


@pytest.mark.parametrize(
    ("options", "conditions"),
    [
        ("", []),
        ("--conditions=a --max-old-space-size=1 --conditions b", ["a", "b"]),
        ('-C a -Cb "--conditions=c"', ["a", "b", "c"]),
    ],
)
def test_conditions_of_node_options(options: str, conditions: list[str]) -> None:
    assert conditions_of(options) == conditions


def test_the_entry_point_is_found_as_in_node(tmp_path: Path) -> None:
    for name in ("app.mjs", "tool.js", "package/lib/main.js", "package/package.json", "other/index.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"main": "./lib/main"}' if name.endswith("json") else "")
    found = {
        "app.mjs": "app.mjs",
        "tool": "tool.js",
        "package": "package/lib/main.js",
        "other": "other/index.js",
        "typed": "typed/app.ts",
    }
    (tmp_path / "typed").mkdir()
    (tmp_path / "typed" / "package.json").write_text('{"main": "app.ts"}')
    (tmp_path / "typed" / "app.ts").write_text("")
    for asked, file in found.items():
        assert find_entry(str(tmp_path / asked)) == str(tmp_path / file)
    assert find_entry(str(tmp_path / "absent")) is None


def test_a_warm_is_started_once(
    esmcache_home: EsmcacheHome, node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(background, "_start_detached", lambda command, *_: started.append(command))
    entry = tmp_path / "app.mjs"
    entry.write_text("")
    os.utime(entry, (1, 1))
    Program(str(entry), []).command(os.environ)
    assert [command[-1] for command in started] == [str(entry)]
    lock = lock_stamp(background_stamp(esmcache_home.cache_dir, str(entry), str(node), []))
    assert lock is not None
    assert lock_stamp(background_stamp(esmcache_home.cache_dir, str(entry), str(node), [])) is None
    Program(str(entry), []).command(os.environ)
    assert len(started) == 1
    # The result of an earlier warm is out of date after an edit of the entry point.
    os.close(lock)
    os.utime(entry)
    os.utime(background_stamp(esmcache_home.cache_dir, str(entry), str(node), []), (1, 1))
    Program(str(entry), []).command(os.environ)
    assert len(started) == 2
