"""The one schema of all settings, for the command line, the server and the editors.

A project may say what is warmed and how its modules are found. Only the user chooses the cache directory and the binary
that is run: they come from the environment and the user's own configuration, never from a project's files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from esmcache.regular_files import MOST_JSON_BYTES, read_regular_file
from esmcache.setting_faults import why_no_json, why_no_object, why_unfit, why_unknown
from esmcache.trust import find_untrusted
from esmcache.user_directories import config_path, is_relative_node, relative_variable, user_directory

DEFAULT_MAX_SIZE = 500_000_000
_DEFAULT_JOBS = 4

# Settings that editors have below `esmcache`, too, and use themselves.
EDITORS_OWN = frozenset({"path", "terminal", "statusBar", "compareRuns"})

Schema = TypeVar("Schema", bound=msgspec.Struct)
# A folder that is merely opened can set these, and every file is compared with every pattern.
_MOST_PATTERNS, _MOST_ENTRIES, _MOST_CONDITIONS = 1_000, 10_000, 100
Patterns = Annotated[
    list[str],
    msgspec.Meta(
        max_length=_MOST_PATTERNS, description="Patterns as in .gitignore, relative to the project's directory."
    ),
]
Entries = Annotated[
    list[str],
    msgspec.Meta(max_length=_MOST_ENTRIES, description="Files that are started, besides package.json's."),
]
# A manifest's identity joins them with NUL, so `a\0b` would stand for a start with two other conditions.
_Condition = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]+$")]
Conditions = Annotated[
    list[_Condition], msgspec.Meta(max_length=_MOST_CONDITIONS, description="As node's --conditions.")
]


class ProjectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The settings under `esmcache` in package.json, or in esmcache.json beside it."""

    entries: Entries = []
    include: Patterns = []
    exclude: Patterns = []
    conditions: Conditions = []


class UserSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The settings in config.json in the user's configuration directory."""

    cache_dir: Annotated[str | None, msgspec.Meta(description="The cache directory.")] = None
    node: Annotated[str | None, msgspec.Meta(description="The Node executable.")] = None
    max_size: Annotated[int, msgspec.Meta(ge=0, description="Bytes the cache may take.")] = DEFAULT_MAX_SIZE
    jobs: Annotated[int, msgspec.Meta(ge=1, description="Processes used for warming.")] | None = None


class EditorSettings(msgspec.Struct, frozen=True, rename="camel"):
    """The settings that an editor may send under `esmcache`."""

    enable: Annotated[bool, msgspec.Meta(description="Whether esmcache does anything here.")] = True
    warm_on_save: Annotated[bool, msgspec.Meta(description="Warm a module when it is saved.")] = True
    warm_on_start: Annotated[bool, msgspec.Meta(description="Warm the workspace when the server starts.")] = True
    entries: Entries = []
    include: Patterns = []
    exclude: Patterns = []
    conditions: Conditions = []
    max_size: Annotated[int, msgspec.Meta(ge=0, description="Bytes the cache may take.")] | None = None
    jobs: Annotated[int, msgspec.Meta(ge=1, description="Node processes used for warming.")] | None = None
    severity: Annotated[
        dict[str, Literal["error", "warning", "information", "hint", "off"]],
        msgspec.Meta(description="How much a diagnostic matters, by its code; off: not at all."),
    ] = {}
    code_lens: Annotated[bool, msgspec.Meta(description="Show the module's state above its first line.")] = True
    inlay_hints: Annotated[bool, msgspec.Meta(description="Show what each import pulls in behind it.")] = True
    trace: Annotated[Literal["off", "messages", "verbose"], msgspec.Meta(description="What goes into the log.")] = "off"
    cache_dir: Annotated[str | None, msgspec.Meta(description="The cache directory; the user's alone.")] = None
    node: Annotated[str | None, msgspec.Meta(description="The Node executable; the user's alone.")] = None

    def project(self) -> ProjectSettings:
        """Return the settings that are about the project."""
        return ProjectSettings(
            entries=self.entries, include=self.include, exclude=self.exclude, conditions=self.conditions
        )


@dataclass(frozen=True, slots=True)
class UnfitSetting:
    """A setting that is ignored, and one line on why: its `value` does not fit, or it is unknown."""

    name: str
    value: object
    message: str
    unknown: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.name else self.message


def editor_settings(value: object, before: EditorSettings) -> tuple[EditorSettings, list[UnfitSetting]]:
    """Return the settings that an editor sent as JSON values, and those that do not fit.

    A setting that is absent, empty or does not fit is as in `before`.
    """
    # Lua writes an empty table as a list.
    if value is None or value == []:
        return before, []
    sent = value
    if isinstance(value, dict):
        sent = {name: one for name, one in value.items() if one is not None and one != "" and name not in EDITORS_OWN}
    settings, unfit = _fitting(sent, before)
    if settings.cache_dir is not None and not os.path.isabs(settings.cache_dir):
        unfit.append(UnfitSetting("cacheDir", settings.cache_dir, "must be an absolute path"))
        settings = msgspec.structs.replace(settings, cache_dir=before.cache_dir)
    return settings, unfit


def _fitting(content: object, before: Schema) -> tuple[Schema, list[UnfitSetting]]:
    """Return `before` with all values of `content` that fit the schema, and the settings that do not fit."""
    if not isinstance(content, dict):
        return before, [UnfitSetting("", content, why_no_object(content))]
    fields = {one.encode_name: one for one in msgspec.structs.fields(before)}
    fitting: dict[str, Any] = {}
    unfit = []
    for name, value in content.items():
        field = fields.get(name)
        if field is None:
            unfit.append(UnfitSetting(name, value, why_unknown(name, fields), unknown=True))
            continue
        try:
            fitting[field.name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            unfit.append(UnfitSetting(name, value, why_unfit(value, field.type)))
            if isinstance(value, dict) and isinstance(getattr(before, field.name), dict):
                fitting[field.name] = dict(_fitting_items(value, field.type))
    return msgspec.structs.replace(before, **fitting), unfit


def _fitting_items(values: dict[str, Any], type_: Any) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        with contextlib.suppress(msgspec.ValidationError):
            yield from msgspec.convert({name: value}, type_).items()


@dataclass(frozen=True, slots=True)
class SettingsError:
    """A configuration file that does not fit the schema; `message` names the file and the key."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class UserChoices:
    """The user's settings, overridden by environment and command line."""

    cache_path: Path
    node: str | None
    max_size: int
    jobs: int


def read_user_choices(
    environment: Mapping[str, str],
    *,
    cache_dir: str | None = None,
    node: str | None = None,
    jobs: int | None = None,
    max_size: int | None = None,
    reads_file: bool = True,
) -> UserChoices | SettingsError:
    """Return the user's choices: command line over environment over configuration file over defaults.

    `jobs` is at most the number of cores that this process may use. Without `reads_file`, the configuration file counts
    as absent.
    """
    unfit, fault = relative_variable(environment, cache_dir, node)
    if unfit:
        return SettingsError(Path(unfit), fault)
    named = cache_dir or environment.get("ESMCACHE_DIR")
    places = {**os.environ, **environment}
    path = config_path(places)
    read = None
    if reads_file and os.path.lexists(path):
        # The file names directories and programs, so nobody but the user may be able to write it.
        untrusted = find_untrusted(path)
        if untrusted is None:
            read = _read(path)
        elif not named:
            return SettingsError(path, f"is not read, since {untrusted}")
    if isinstance(read, SettingsError):
        return read
    settings = read or UserSettings()
    cache_path = user_directory(places, "XDG_CACHE_HOME")
    if settings.cache_dir is not None:
        cache_path = Path(os.path.expanduser(settings.cache_dir))
        if not cache_path.is_absolute():
            # Even if another directory is named now: the user would meet the fault later, in another shell.
            return SettingsError(path, "cacheDir: must be an absolute path")
    if named:
        cache_path = Path(named).absolute()
    if settings.node is not None and is_relative_node(settings.node):
        return SettingsError(path, "node: must be an absolute path or a name in PATH")
    cores = len(os.sched_getaffinity(0))
    return UserChoices(
        cache_path=cache_path,
        node=node or environment.get("ESMCACHE_NODE") or settings.node,
        max_size=settings.max_size if max_size is None else max_size,
        jobs=min(jobs or settings.jobs or _DEFAULT_JOBS, cores),
    )


def read_project_settings(directory: Path) -> tuple[ProjectSettings, list[SettingsError]]:
    """Return the settings in esmcache.json, else under `esmcache` in package.json, and those that do not fit.

    A setting that is absent or does not fit has its default.
    """
    for path, key in ((directory / "esmcache.json", None), (directory / "package.json", "esmcache")):
        content = _read_json(path, key)
        if isinstance(content, SettingsError):
            return ProjectSettings(), [content]
        if content is not _ABSENT:
            settings, unfit = _fitting(content, ProjectSettings())
            return settings, [SettingsError(path, f"{key}.{one}" if key and one.name else str(one)) for one in unfit]
    return ProjectSettings(), []


_ABSENT = object()


def _read(path: Path) -> UserSettings | SettingsError | None:
    """Return the user's settings in `path`, or None if there is no file."""
    content = _read_json(path, None)
    if content is _ABSENT:
        return None
    if isinstance(content, SettingsError):
        return content
    settings, unfit = _fitting(content, UserSettings())
    return SettingsError(path, "; ".join(map(str, unfit))) if unfit else settings


def _read_json(path: Path, key: str | None) -> Any:
    """Return the content of `path` (under `key`), _ABSENT if nothing is there, or a SettingsError."""
    try:
        content = json.loads(read_regular_file(path, MOST_JSON_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return _ABSENT
    except OSError as error:
        return SettingsError(path, f"cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        # Node reports a package.json that it cannot read; such a file holds no settings of ours.
        return _ABSENT if key else SettingsError(path, why_no_json(error))
    if key is None:
        return content
    return _ABSENT if not isinstance(content, dict) or content.get(key) is None else content[key]
