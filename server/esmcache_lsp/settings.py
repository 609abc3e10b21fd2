"""The conversion of a client's initializationOptions and configuration into esmcache's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmcache.cache import Cache
from esmcache.diagnostics import DiagnosticKind
from esmcache.errors import CacheError
from esmcache.settings import EditorSettings, ProjectSettings, UnfitSetting, editor_settings

SECTION = "esmcache"
# A workspace may contain the client's configuration. Only initializationOptions, which the user controls, decide which
# program runs, where files are written, and how much of the machine is used.
_USERS_ALONE = ("cacheDir", "node", "jobs", "maxSize")
# A client that is connected by TCP may be another person, so it cannot name a program or a directory.
_NEVER_REMOTE = ("cacheDir", "node")
# Values in initializationOptions that are not settings.
_TRUSTED, _TOKEN = "trusted", "token"
_CODES = frozenset(kind.code for kind in DiagnosticKind)


NOT_TRUSTED = "this workspace is not trusted: esmcache neither warms nor caches it; trust it in the editor first"


class NotTrusted(CacheError):
    """The editor says that the workspace is not trusted, so the cache takes nothing from it."""

    def __init__(self, message: str = NOT_TRUSTED) -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class CacheChoices:
    """The user's settings for the cache, for the processes that open it."""

    cache_dir: str | None = None
    node: str | None = None
    jobs: int | None = None
    max_size: int | None = None
    project: ProjectSettings | None = None
    is_trusted: bool = True

    def open(self) -> Cache:
        """Open the cache.

        Raises:
            CacheError: If the user's configuration is invalid or cannot be read.
        """
        return Cache.open(cache_dir=self.cache_dir, node=self.node, jobs=self.jobs, max_size=self.max_size)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The settings in effect, and the client's values that were rejected."""

    settings: EditorSettings = field(default_factory=EditorSettings)
    unfit: tuple[UnfitSetting, ...] = ()
    is_trusted: bool = True


def initial_settings(options: object, *, is_remote: bool = False) -> ClientSettings:
    """Return the settings in initializationOptions, which are under the key `esmcache` or at the top level.

    A workspace is trusted unless the client sets `trusted` to a value other than true.

    Args:
        is_remote: Whether the client is connected by TCP; it may then not set `cacheDir` and `node`.
    """
    options = options_of(options)
    if not isinstance(options, dict):
        return _checked(options, EditorSettings())
    refused = [
        UnfitSetting(name, options[name], "cannot be set by a client that is connected by TCP")
        for name in _NEVER_REMOTE
        if is_remote and options.get(name) not in (None, "")
    ]
    aside = {_TRUSTED, _TOKEN, *(one.name for one in refused)}
    checked = _checked({name: value for name, value in options.items() if name not in aside}, EditorSettings())
    is_trusted = options.get(_TRUSTED, True) is True
    return ClientSettings(checked.settings, (*checked.unfit, *refused), is_trusted)


def token_in(options: object) -> str | None:
    """Return the token in initializationOptions, which is under the key `esmcache` or at the top level."""
    options = options_of(options)
    token = options.get(_TOKEN) if isinstance(options, dict) else None
    return token if isinstance(token, str) else None


def options_of(options: object) -> object:
    """Return the part of initializationOptions for this server; some clients put it under the key `esmcache`."""
    return options[SECTION] if isinstance(options, dict) and SECTION in options else options


def configured_settings(configuration: object, initial: EditorSettings) -> ClientSettings:
    """Return the settings in a client's configuration; settings that it leaves out keep their initial values."""
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
