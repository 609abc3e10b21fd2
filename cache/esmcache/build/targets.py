"""Finds the files that a warm starts from: named files, a package's own entry points, and the modules of a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmcache.build.graph import NOT_UTF8, Problem, is_utf8
from esmcache.build.path_patterns import PathPatterns
from esmcache.build.test_files import test_files
from esmcache.file_source import DiskFileSource
from esmcache.regular_files import MOST_JSON_BYTES, read_regular_file
from esmcache.resolution.file_facts import FileFacts
from esmcache.resolution.module_formats import DECLARATION_SUFFIXES, TYPESCRIPT_SUFFIXES
from esmcache.resolution.specifier_hints import source_of_output
from esmcache.resolution.tsconfig import TsConfigReader
from esmcache.setting_faults import why_no_json
from esmcache.settings import ProjectSettings, read_project_settings

# The code of the problem that package.json names a file which a compiler has not written yet.
NOT_BUILT = "not-built"
SOURCE_SUFFIXES = (".js", ".mjs", ".cjs", *TYPESCRIPT_SUFFIXES)


@dataclass(slots=True)
class Targets:
    """Absolute paths of the files to warm: `entries` get a manifest, `modules` are only cached.

    `test_files` are those entries that scripts with `node --test` start; they are looked for if `has_tests` is set.
    """

    entries: list[str] = field(default_factory=list)
    test_files: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    conditions: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    also: ProjectSettings = field(default_factory=ProjectSettings)
    has_tests: bool = True
    strips_types: bool = True


def find_targets(
    paths: list[Path],
    also: ProjectSettings | None = None,
    *,
    each_is_started: bool = False,
    strips_types: bool = True,
) -> Targets:
    """Return what to warm for the files and directories that a user names.

    Args:
        also: Settings that are added to those of the projects.
        each_is_started: Whether the programs are meant: test files are left out, and a directory without an entry point
            is a problem.
        strips_types: Whether Node runs TypeScript.
    """
    targets = Targets(also=also or ProjectSettings(), has_tests=not each_is_started, strips_types=strips_types)
    for path in paths:
        absolute = Path(os.path.abspath(path))
        missing = _why_missing(absolute)
        if missing:
            targets.problems.append(Problem(str(absolute), "not-found", missing))
        elif not is_utf8(os.path.realpath(absolute)):
            targets.problems.append(Problem(str(absolute), "not-utf8", NOT_UTF8))
        elif absolute.is_dir():
            before = len(targets.entries), sum(one.is_error for one in targets.problems)
            _add_directory(absolute, targets)
            after = len(targets.entries), sum(one.is_error for one in targets.problems)
            if each_is_started and before == after:
                none = "no entry point: name the files that you start, or `entries` in esmcache.json"
                targets.problems.append(Problem(str(absolute), "no-entry-point", none))
        else:
            targets.entries.append(str(absolute))
            settings, _ = _settings_for(absolute.parent, targets)
            targets.conditions = targets.conditions or tuple(settings.conditions)
    programs = set(targets.entries)
    targets.test_files = [path for path in dict.fromkeys(targets.test_files) if path not in programs]
    targets.entries = list(dict.fromkeys([*targets.entries, *targets.test_files]))
    entries = set(targets.entries)
    targets.modules = [path for path in dict.fromkeys(targets.modules) if path not in entries]
    return targets


def is_source_name(name: str) -> bool:
    """Return whether a file of this name or path has code that Node can run."""
    return name.endswith(SOURCE_SUFFIXES) and not name.endswith(DECLARATION_SUFFIXES)


def _why_missing(path: Path) -> str:
    """Return why nothing can be found at a path, or '' if something is there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "no such file or directory"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def package_entries(directory: Path) -> list[str] | Problem:
    """Return the existing files that package.json names in main, module, exports and bin, or why Node fails on it.

    Node treats a package.json that it cannot read as absent. It completes `main` by an extension or `index.js`, and
    starts `index.js` if `main` leads nowhere.
    """
    content = _package_json(directory)
    if content is None or isinstance(content, Problem):
        return content or []
    main = content.get("main")
    found = _main_file(directory, main) if main and isinstance(main, str) else []
    for key in ("module", "bin", "exports"):
        found += _files(directory, _names(content, key))
    if not found:
        found = _files(directory, ["index.js"])
    return list(dict.fromkeys(found))


def unbuilt_entries(directory: Path, known: Collection[str]) -> list[Problem]:
    """Return a hint for each file that package.json names and that is absent, but could be built of TypeScript.

    Nothing is warmed on that account, since Node does not start the TypeScript file in its place.

    Args:
        known: The absolute paths of the entry points that were found.
    """
    content = _package_json(directory)
    if content is None or isinstance(content, Problem):
        return []
    configs = TsConfigReader(FileFacts(DiskFileSource())).nearest(str(directory))
    hints: dict[str, Problem] = {}
    for key in ("main", "module", "bin", "exports"):
        for name in _names(content, key):
            path = os.path.normpath(os.path.join(directory, name))
            if path in hints or os.path.exists(path) or (key == "main" and os.path.exists(f"{path}.js")):
                continue
            source = source_of_output(path, str(directory), configs, os.path.isfile)
            if source and source not in known:
                shown = os.path.relpath(source, directory)
                told = f"`{key}` names {name}, which does not exist: build it, or name {shown} in its place"
                hints[path] = Problem(str(directory / "package.json"), NOT_BUILT, told, is_error=False)
    return list(hints.values())


def _package_json(directory: Path) -> dict[str, Any] | Problem | None:
    """Return the content of package.json, None if there is none that can be read, or why Node fails on it."""
    path = directory / "package.json"
    try:
        content: Any = json.loads(read_regular_file(path, MOST_JSON_BYTES))
    except OSError:
        return None
    except (ValueError, RecursionError) as error:
        return Problem(str(path), "bad-package", why_no_json(error))
    return content if isinstance(content, dict) else Problem(str(path), "bad-package", "is no JSON object")


def _names(content: dict[str, Any], key: str) -> list[str]:
    """Return the paths that a field names, without patterns."""
    return [name for name in _strings(content.get(key), 0) if "*" not in name]


def _main_file(directory: Path, main: str) -> list[str]:
    """Return the file that `main` stands for, as Node's LOAD_AS_DIRECTORY finds it, or nothing."""
    return _files(directory, [main, f"{main}.js", f"{main}/index.js", "index.js"])[:1]


def _files(directory: Path, names: Iterable[str]) -> list[str]:
    """Return the paths of those names that are source files."""
    paths = [os.path.normpath(os.path.join(directory, name)) for name in names]
    return [path for path in paths if is_source_name(path) and os.path.isfile(path)]


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)) and depth < 20:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one, depth + 1)


@dataclass(frozen=True, slots=True)
class _Selection:
    """Settings with absolute files, and with patterns that know the directory to which they are relative."""

    entries: list[str]
    conditions: list[str]
    include: list[PathPatterns]
    exclude: list[PathPatterns]

    def takes(self, path: str) -> bool:
        """Return whether a file is warmed."""
        is_included = not self.include or any(patterns.match(path) for patterns in self.include)
        return is_included and not any(patterns.match(path) for patterns in self.exclude)

    def leaves_out(self, directory: str) -> bool:
        """Return whether a directory is left out, with all that is in it."""
        return any(patterns.match(directory, is_directory=True) for patterns in self.exclude)

    def faults(self) -> list[Problem]:
        """Return the faults of the patterns that are known so far."""
        return [
            Problem(patterns.directory, "bad-configuration", f"{name}: {fault}")
            for name, some in (("include", self.include), ("exclude", self.exclude))
            for patterns in some
            for fault in patterns.faults
        ]


def _settings_for(directory: Path, targets: Targets) -> tuple[_Selection, Path]:
    """Return the settings of the nearest directory upwards with a package.json or esmcache.json, and that directory.

    If `directory` is only a part of a project, its settings name only the entry points in that part.
    """
    for candidate in (directory, *directory.parents):
        if (candidate / "package.json").exists() or (candidate / "esmcache.json").exists():
            project, own = candidate, _own_settings(candidate, targets)
            break
    else:
        project, own = directory, _selection(ProjectSettings(), directory)
    also = _selection(targets.also, directory)
    selection = _Selection(
        entries=[*_in_part(own.entries, project, directory), *also.entries],
        conditions=[*own.conditions, *also.conditions],
        include=[*own.include, *also.include],
        exclude=[*own.exclude, *also.exclude],
    )
    return selection, project


def _in_part(paths: list[str], project: Path, directory: Path) -> list[str]:
    """Return the files below `directory`, or all of them if that is the project itself."""
    return [path for path in paths if project == directory or Path(path).is_relative_to(directory)]


def _own_settings(directory: Path, targets: Targets) -> _Selection:
    settings, errors = read_project_settings(directory)
    targets.problems += [Problem(str(one.path), "bad-configuration", one.message) for one in errors]
    return _selection(settings, directory)


def _selection(settings: ProjectSettings, directory: Path) -> _Selection:
    return _Selection(
        entries=[os.path.abspath(directory / entry) for entry in settings.entries],
        conditions=settings.conditions,
        include=[PathPatterns(str(directory), settings.include)] if settings.include else [],
        exclude=[PathPatterns(str(directory), settings.exclude)] if settings.exclude else [],
    )


def _add_directory(directory: Path, targets: Targets) -> None:
    selection, project = _settings_for(directory, targets)
    targets.conditions = targets.conditions or tuple(selection.conditions)
    broken = _add_entries(project, selection, targets, directory)
    targets.problems += [] if broken is None else [broken]
    _add_tests(project, targets, directory, selection)
    targets.problems += unbuilt_entries(project, targets.entries) if project == directory else []
    within = [path for path in (directory, *directory.parents) if path != project and path.is_relative_to(project)]
    if not any(selection.leaves_out(str(path)) for path in within):
        _add_modules(directory, selection, targets)
    targets.problems += selection.faults()


def _add_modules(directory: Path, selection: _Selection, targets: Targets) -> None:
    """Add the modules in a directory that are warmed, and the entry points of the packages below it."""
    for folder, names, files in os.walk(directory):
        names[:] = sorted(
            name
            for name in names
            if name != "node_modules"
            and not name.startswith(".")
            and not selection.leaves_out(os.path.join(folder, name))
        )
        if folder != str(directory) and "package.json" in files:
            # A package of a workspace: its entry points are started, or other packages import them by its name. A
            # broken package may be there for a test, and the user has not named it, so it is no problem here.
            own = _own_settings(Path(folder), targets)
            _add_entries(Path(folder), own, targets, Path(folder))
            _add_tests(Path(folder), targets, Path(folder), selection, own)
        for name in sorted(files):
            path = os.path.join(folder, name)
            if is_source_name(name) and is_utf8(path) and selection.takes(path):
                targets.modules.append(path)


def _add_entries(project: Path, settings: _Selection, targets: Targets, directory: Path) -> Problem | None:
    """Add the entry points in a part of a package and in its settings; return the problem of a broken package.json."""
    of_package = package_entries(project)
    found = [] if isinstance(of_package, Problem) else _in_part(of_package, project, directory)
    for path in settings.entries:
        if os.path.isfile(path):
            found.append(path)
        else:
            targets.problems.append(Problem(path, "not-found", "named in `entries`, but there is no such file"))
    targets.entries += [path for path in found if is_utf8(path)]
    targets.problems += [Problem(path, "not-utf8", NOT_UTF8) for path in found if not is_utf8(path)]
    return of_package if isinstance(of_package, Problem) else None


def _add_tests(project: Path, targets: Targets, directory: Path, *selections: _Selection) -> None:
    """Add the test files of a package, as far as they are in a part of it and are warmed."""
    content = _package_json(project) if targets.has_tests else None
    if not isinstance(content, dict):
        return
    found = test_files(str(project), content.get("scripts"), strips_types=targets.strips_types)
    targets.test_files += [
        path
        for path in _in_part(found, project, directory)
        if is_source_name(path) and is_utf8(path) and all(selection.takes(path) for selection in selections)
    ]
