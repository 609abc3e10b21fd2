"""Which files a warm starts from: files that were named, a package's own entry points, and the modules of a folder."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmcache.engine.graph import Problem
from esmcache.settings import ProjectSettings, read_project_settings

SOURCE_SUFFIXES = (".js", ".mjs", ".cjs")


@dataclass(slots=True)
class Targets:
    """Absolute paths: `entries` get a manifest, `modules` are only kept in the cache."""

    entries: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    conditions: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    also: ProjectSettings = field(default_factory=ProjectSettings)


def find_targets(paths: list[Path], also: ProjectSettings | None = None) -> Targets:
    """Return what to warm for files and directories as a user names them; `also` is added to projects' settings."""
    targets = Targets(also=also or ProjectSettings())
    for path in paths:
        absolute = Path(os.path.abspath(path))
        if absolute.is_dir():
            _add_directory(absolute, targets)
        elif absolute.exists():
            targets.entries.append(str(absolute))
            settings = _settings_for(absolute.parent, targets)
            targets.conditions = targets.conditions or tuple(settings.conditions)
        else:
            targets.problems.append(Problem(str(absolute), "not-found", "no such file or directory"))
    targets.entries = list(dict.fromkeys(targets.entries))
    targets.modules = [path for path in dict.fromkeys(targets.modules) if path not in set(targets.entries)]
    return targets


def package_entries(directory: Path) -> list[str]:
    """Return the files that package.json's main, module, exports and bin name and that exist."""
    try:
        content: Any = json.loads((directory / "package.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(content, dict):
        return []
    named: list[str] = []
    for key in ("main", "module", "bin", "exports"):
        named += _strings(content.get(key), 0)
    found = [os.path.normpath(os.path.join(directory, name)) for name in named if "*" not in name]
    return [path for path in dict.fromkeys(found) if path.endswith(SOURCE_SUFFIXES) and os.path.isfile(path)]


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)) and depth < 20:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one, depth + 1)


def _settings_for(directory: Path, targets: Targets) -> ProjectSettings:
    """Return the settings of the nearest directory upwards that has a package.json or esmcache.json."""
    for candidate in (directory, *directory.parents):
        if (candidate / "package.json").exists() or (candidate / "esmcache.json").exists():
            return _read_settings(candidate, targets)
    return targets.also


def _read_settings(directory: Path, targets: Targets) -> ProjectSettings:
    settings, also = _own_settings(directory, targets), targets.also
    return ProjectSettings(
        entries=[*settings.entries, *also.entries],
        include=[*settings.include, *also.include],
        exclude=[*settings.exclude, *also.exclude],
        conditions=[*settings.conditions, *also.conditions],
    )


def _add_directory(directory: Path, targets: Targets) -> None:
    settings = _settings_for(directory, targets)
    targets.conditions = targets.conditions or tuple(settings.conditions)
    _add_entries(directory, settings, targets)
    for folder, names, files in os.walk(directory):
        names[:] = sorted(
            name
            for name in names
            if name != "node_modules"
            and not name.startswith(".")
            and not _matches(os.path.join(folder, name), directory, settings.exclude)
        )
        if folder != str(directory) and "package.json" in files:
            # A package of a workspace: what it offers is started, or imported by the others, by its own name.
            _add_entries(Path(folder), _own_settings(Path(folder), targets), targets)
        for name in sorted(files):
            path_name = os.path.join(folder, name)
            if not name.endswith(SOURCE_SUFFIXES) or _matches(path_name, directory, settings.exclude):
                continue
            if not settings.include or _matches(path_name, directory, settings.include):
                targets.modules.append(path_name)


def _own_settings(directory: Path, targets: Targets) -> ProjectSettings:
    settings, errors = read_project_settings(directory)
    targets.problems += [Problem(str(one.path), "bad-configuration", one.message) for one in errors]
    return settings


def _add_entries(directory: Path, settings: ProjectSettings, targets: Targets) -> None:
    targets.entries += package_entries(directory)
    for entry in settings.entries:
        path = Path(os.path.abspath(directory / entry))
        if path.is_file():
            targets.entries.append(str(path))
        else:
            targets.problems.append(Problem(str(path), "not-found", "named in `entries`, but there is no such file"))


def _matches(path: str, directory: Path, patterns: list[str]) -> bool:
    relative = os.path.relpath(path, directory)
    return any(fnmatch.fnmatch(relative, pattern.removeprefix("./").removesuffix("/")) for pattern in patterns)
