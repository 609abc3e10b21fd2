"""What a client says in initializationOptions and configuration, as esmcache's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmcache.diagnostics import DiagnosticKind
from esmcache.engine.facade import Engine
from esmcache.settings import EditorSettings, ProjectSettings, UnfitSetting, editor_settings

SECTION = "esmcache"
# A workspace can answer for its own configuration: what runs, and where, is not for it to say.
_USERS_ALONE = ("cacheDir", "node")
_CODES = frozenset(kind.code for kind in DiagnosticKind)


@dataclass(frozen=True, slots=True)
class EngineChoices:
    """What the user's settings say about the engine, for processes that open it."""

    cache_dir: str | None = None
    node: str | None = None
    jobs: int | None = None
    max_size: int | None = None
    project: ProjectSettings | None = None

    def open(self) -> Engine:
        """Return an engine; raises EngineError."""
        return Engine.open(cache_dir=self.cache_dir, node=self.node, jobs=self.jobs, max_size=self.max_size)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The settings that hold, and what the client said besides that does not fit."""

    settings: EditorSettings = field(default_factory=EditorSettings)
    unfit: tuple[UnfitSetting, ...] = ()


def initial_settings(options: object) -> ClientSettings:
    """Return the settings in initializationOptions, under `esmcache` or as they are."""
    if isinstance(options, dict) and SECTION in options:
        options = options[SECTION]
    return _checked(options, EditorSettings())


def configured_settings(configuration: object, initial: EditorSettings) -> ClientSettings:
    """Return the settings in a client's configuration, over those that it began with."""
    if isinstance(configuration, dict):
        configuration = {name: value for name, value in configuration.items() if name not in _USERS_ALONE}
    return _checked(configuration, initial)


def _checked(value: object, before: EditorSettings) -> ClientSettings:
    settings, unfit = editor_settings(value, before)
    no_codes = [
        UnfitSetting(f"severity.{code}", level, "there is no such diagnostic", unknown=True)
        for code, level in settings.severity.items()
        if code not in _CODES
    ]
    return ClientSettings(settings, (*unfit, *no_codes))
