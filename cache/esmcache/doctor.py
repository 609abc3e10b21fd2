"""The checks of `esmcache doctor`: they find what keeps a user's programs from being served, or slows them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from esmcache.build.program_check import ProgramReport
from esmcache.build.walk import Progress
from esmcache.cache import Cache
from esmcache.cache_directory import check_ownership
from esmcache.engines.node import NodeMissing, describe_node, find_node, unless_untested
from esmcache.engines.node.node_builds import UNKNOWN_LAYOUT
from esmcache.errors import CacheError
from esmcache.launch import quick_start
from esmcache.records import NodeBuild
from esmcache.settings import SettingsError, read_user_choices
from esmcache.trust import find_untrusted
from esmcache.user_directories import config_path, hook_path
from esmcache.wording import plural

_PACKAGES = ("esmcache", "tree-sitter", "tree-sitter-javascript")
_LITTLE_SPACE = 100_000_000
_MOST_PROGRAMS = 3


class Health(Enum):
    """The result of a check; a failed check prevents serving."""

    GOOD = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its finding, in one line for a person."""

    name: str
    health: Health
    found: str


def examine(environment: Mapping[str, str], *, cache_dir: str | None = None, node: str | None = None) -> list[Check]:
    """Return all checks, in the order in which a person would look.

    If the user's configuration file is wrong, the other checks are made as if there were none.

    Raises:
        CacheError: If an argument or an environment variable is wrong.
    """
    with _opened(environment, cache_dir, node) as (cache, fault):
        return _Examination(cache, fault).checks()


def examine_program(
    environment: Mapping[str, str],
    entry: Path,
    progress: Progress = lambda stage, done, total: None,
    *,
    cache_dir: str | None = None,
    node: str | None = None,
) -> ProgramReport | CacheError:
    """Return what keeps a program from running under plain Node or from being served, or why it cannot be checked.

    Args:
        entry: The file that is started, or the directory of a package.

    Raises:
        CacheError: If an argument or an environment variable is wrong.
    """
    with _opened(environment, cache_dir, node) as (cache, _):
        try:
            return cache.check_program([entry], progress)
        except CacheError as error:
            return error


@contextlib.contextmanager
def _opened(environment: Mapping[str, str], cache_dir: str | None, node: str | None) -> Iterator[tuple[Cache, str]]:
    """Yield the cache, and the fault of the user's configuration file, which is then not used, or ''.

    Raises:
        CacheError: If an argument or an environment variable is wrong.
    """
    choices = read_user_choices(environment, cache_dir=cache_dir, node=node)
    fault = str(choices.message) if isinstance(choices, SettingsError) else ""
    if isinstance(choices, SettingsError):
        choices = read_user_choices(environment, cache_dir=cache_dir, node=node, reads_file=False)
    if isinstance(choices, SettingsError):
        raise CacheError(str(choices))
    with Cache(choices, environment=environment) as cache:
        yield cache, fault


def _some(name: str, what: str, programs: Sequence[tuple[str, str]]) -> Iterator[Check]:
    """Yield a warning for each of the first programs, and one for all others together."""
    for path, why in programs[:_MOST_PROGRAMS]:
        yield Check(name, Health.WARNING, f"{what}{path}: {why}")
    if len(programs) > _MOST_PROGRAMS:
        more = plural(len(programs) - _MOST_PROGRAMS, "more program")
        yield Check(name, Health.WARNING, f"{what}{more}; `esmcache explain` says why")


class _Examination:
    """Checks everything that serving depends on; one failure does not hide the next."""

    def __init__(self, cache: Cache, configuration_fault: str) -> None:
        self._cache = cache
        self._configuration_fault = configuration_fault
        self._has_directory = True

    def checks(self) -> list[Check]:
        """Return all checks, in the order in which a person would look."""
        return [
            *self._versions(),
            self._configuration(),
            *self._directory(),
            *self._node(),
            *self._seals(),
            *self._programs(),
            *self._hook(),
            *self._reports(),
        ]

    def _versions(self) -> Iterator[Check]:
        for name in _PACKAGES:
            try:
                yield Check(name, Health.GOOD, metadata.version(name))
            except metadata.PackageNotFoundError:
                yield Check(name, Health.WARNING, "its version is unknown")

    def _configuration(self) -> Check:
        path = config_path(self._cache.environment)
        if self._configuration_fault:
            found = f"{path}: {self._configuration_fault} (commands fail until this is corrected)"
            return Check("configuration", Health.FAILED, found)
        if not os.path.lexists(path):
            return Check("configuration", Health.GOOD, f"none, so the defaults hold: {path} is absent")
        if untrusted := find_untrusted(path):
            return Check("configuration", Health.WARNING, f"{path} is not read, since {untrusted}")
        return Check("configuration", Health.GOOD, str(path))

    def _directory(self) -> Iterator[Check]:
        path = self._cache.choices.cache_path
        try:
            directory = self._cache.directory
        except CacheError as error:
            self._has_directory = False
            if check_ownership(path) is None and os.access(path, os.R_OK | os.X_OK):
                # For example a layer of an image: programs that were warmed before are served.
                found = f"{path} cannot be written: nothing can be warmed into it"
                yield Check("cache directory", Health.WARNING, found)
            else:
                yield Check("cache directory", Health.FAILED, str(error))
            return
        mode = stat.S_IMODE(os.stat(directory.path).st_mode)
        yield Check("cache directory", Health.GOOD, f"{path} (mode {mode:04o})")
        free = shutil.disk_usage(directory.path).free
        health = Health.WARNING if free < _LITTLE_SPACE else Health.GOOD
        yield Check("free space", health, f"{free // 1_000_000} MB")

    def _node(self) -> Iterator[Check]:
        probed = True
        try:
            build = self._cache.node_build()
        except CacheError:
            # Without a cache directory no description of a Node is stored, and its compile cache cannot be probed.
            probed = False
            build = self._ask_node()
        if isinstance(build, NodeMissing):
            yield Check("node", Health.FAILED, build.reason)
            return
        yield Check("node", Health.GOOD, f"{build.version} {build.arch}, {build.executable}")
        if not build.supported:
            yield Check("served", Health.FAILED, f"no: {build.reason}")
            return
        what = "resolution and sources" if build.answers_load else "resolution: sources need Node 22.22.3 or 24.11.1"
        yield Check("served", Health.GOOD, what)
        if not probed:
            yield Check("code caches", Health.NOTE, "unknown, since the cache directory cannot be used")
        elif build.compile_cache_layout:
            yield Check("code caches", Health.GOOD, "yes: its compile cache has the layout that esmcache writes")
        else:
            yield Check("code caches", Health.WARNING, f"left off: {build.version} has {UNKNOWN_LAYOUT}")
        if probed and build.compile_cache_layout:
            yield _typescript(build)

    def _ask_node(self) -> NodeBuild | NodeMissing:
        path = find_node(self._cache.choices.node, self._cache.environment)
        build = path if isinstance(path, NodeMissing) else describe_node(path)
        return build if isinstance(build, NodeMissing) else unless_untested(build, self._cache.environment)

    def _hook(self) -> Iterator[Check]:
        environment = self._cache.environment
        if fault := quick_start.why_not_loaded():
            yield Check("preload", Health.FAILED, fault)
        path = hook_path(environment)
        if not path.exists():
            yield Check("hook", Health.NOTE, "not installed: run `esmcache hook` to install it")
        elif untrusted := find_untrusted(path):
            # `run` does not use it, but Node loads any file that NODE_OPTIONS names.
            yield Check("hook", Health.FAILED, f"{untrusted}: make it private to you, then run `esmcache hook`")
        elif quick_start.hook_is_current(path):
            yield Check("hook", Health.GOOD, str(path))
        else:
            yield Check("hook", Health.WARNING, f"{path} is from another esmcache: run `esmcache hook` to renew it")
        options = environment.get("NODE_OPTIONS", "")
        named = str(path) in options
        found = "names the hook" if named else "does not name the hook: only `esmcache run` is served"
        yield Check("NODE_OPTIONS", Health.GOOD if named else Health.NOTE, found)
        for name in ("ESMCACHE_DISABLE", "NODE_COMPILE_CACHE", "NODE_DISABLE_COMPILE_CACHE", "NODE_V8_COVERAGE"):
            value = environment.get(name)
            if name == "ESMCACHE_DISABLE" and value == "1":
                yield Check(name, Health.FAILED, "is 1: nothing is served; unset it")
            elif name != "ESMCACHE_DISABLE" and value:
                yield Check(name, Health.WARNING, "is set, so programs use no code caches of esmcache")

    def _seals(self) -> Iterator[Check]:
        try:
            unsealed, places = self._cache.unsealed_directories() if self._has_directory else (0, 0)
        except CacheError:
            # Another check says why.
            return
        if unsealed:
            found = (
                f"left off for {unsealed} of {places} workspaces, whose directories were copied or changed by others"
            )
            yield Check("code caches", Health.WARNING, f"{found}; run `esmcache warm` to renew them")

    def _programs(self) -> Iterator[Check]:
        try:
            without = self._cache.programs_without_code_caches() if self._has_directory else []
            replacing = self._cache.programs_with_replaced_functions() if self._has_directory else []
        except CacheError:
            # Another check says why.
            return
        yield from _some("code caches", "left off for ", without)
        yield from _some("served in part", "", replacing)

    def _reports(self) -> Iterator[Check]:
        if not self._has_directory:
            return
        try:
            counters = self._cache.statistics().counters
        except CacheError as error:
            yield Check("index", Health.FAILED, str(error))
            return
        starts, served = counters.get("starts", 0), counters.get("starts served", 0)
        yield Check("starts", Health.GOOD, f"{starts}, {served} of them served")
        faults = counters.get("faults", 0)
        health = Health.WARNING if faults else Health.GOOD
        yield Check("faults", health, f"{faults} reported by starts")


def _typescript(build: NodeBuild) -> Check:
    if build.typescript_layout:
        stripped = "with its text without types" if build.keeps_stripped_text else "and stripped at each start"
        return Check("TypeScript", Health.GOOD, f"served, {stripped}")
    if build.strips_types:
        return Check("TypeScript", Health.NOTE, f"left to Node: esmcache does not know how {build.version} keeps it")
    return Check("TypeScript", Health.NOTE, f"{build.version} does not run it")
