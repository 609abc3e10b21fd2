"""What a client says in initializationOptions and configuration, as esmcache's settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from esmcache.engine.facade import Engine
from esmcache.settings import EditorSettings, ProjectSettings, editor_settings

logger = logging.getLogger(__name__)

SECTION = "esmcache"
# A workspace can answer for its own configuration: what runs, and where, is not for it to say.
_USERS_ALONE = ("cacheDir", "node")


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


def initial_settings(options: object) -> EditorSettings:
    """Return the settings in initializationOptions, under `esmcache` or as they are."""
    if isinstance(options, dict) and isinstance(options.get(SECTION), dict):
        options = options[SECTION]
    return _checked(options, EditorSettings())


def configured_settings(configuration: object, initial: EditorSettings) -> EditorSettings:
    """Return the settings in a client's configuration, over those that it began with."""
    if isinstance(configuration, dict):
        configuration = {name: value for name, value in configuration.items() if name not in _USERS_ALONE}
    return _checked(configuration, initial)


def _checked(value: object, before: EditorSettings) -> EditorSettings:
    settings = editor_settings(value, before)
    if isinstance(settings, str):
        logger.error("settings: %s", settings)
        return before
    return settings
