"""Starts a program: replaces this process with Node, and has the program warmed if the start finds nothing.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from esmcache.errors import CacheError
from esmcache.launch import quick_start
from esmcache.launch.background import background_stamp, start_background_warm, was_useless
from esmcache.launch.named_nodes import note_nodes
from esmcache.node_lookup import look_up_node, name_of_node
from esmcache.regular_files import MOST_JSON_BYTES, read_regular_file
from esmcache.trust import find_untrusted
from esmcache.user_directories import config_path, hook_path, is_relative_node, relative_variable, user_directory

_CONDITIONS = re.compile(r"(?:--conditions|-C)(?:=|\s+)(\S+)|-C(?!=)(\S+)")


class Places:
    """The user's choices that a start needs.

    Args:
        hook_cache_path: The preload's fallback for `cache_path`.
    """

    __slots__ = ("cache_path", "hook_cache_path", "node")

    def __init__(self, cache_path: Path, hook_cache_path: Path, node: str | None) -> None:
        self.cache_path = cache_path
        self.hook_cache_path = hook_cache_path
        self.node = node


def find_places(environment: Mapping[str, str], cache_dir: str | None, node: str | None) -> Places:
    """Return the user's choices from arguments, environment, configuration and defaults.

    Args:
        cache_dir: The cache directory that the command line names.
        node: The Node that the command line names.

    Raises:
        CacheError: If the environment names a relative path, or the configuration is invalid or cannot be read. Also if
            others could change the configuration and nothing else names the cache directory.
    """
    unfit, fault = relative_variable(environment, cache_dir, node)
    if unfit:
        raise CacheError(f"{unfit}: {fault}")
    default = user_directory(environment, "XDG_CACHE_HOME")
    named = cache_dir or environment.get("ESMCACHE_DIR")
    path = config_path(environment)
    config: dict[str, str] | None = {}
    if os.path.lexists(path):
        untrusted = find_untrusted(path)
        if untrusted is None:
            config = _plain_user_config(path)
        elif not named:
            raise CacheError(f"{path}: is not read, since {untrusted}")
    if config is None:
        from esmcache.settings import SettingsError, read_user_choices

        choices = read_user_choices(environment, cache_dir=cache_dir, node=node)
        kept = {name: value for name, value in environment.items() if not name.startswith("ESMCACHE_")}
        lasting = read_user_choices(kept)
        if isinstance(choices, SettingsError) or isinstance(lasting, SettingsError):
            raise CacheError(str(choices if isinstance(choices, SettingsError) else lasting))
        return Places(choices.cache_path, lasting.cache_path, choices.node)
    default = Path(config["cacheDir"]) if "cacheDir" in config else default
    chosen = node or environment.get("ESMCACHE_NODE") or config.get("node")
    return Places(Path(os.path.abspath(named)) if named else default, default, chosen)


def _plain_user_config(path: Path) -> dict[str, str] | None:
    """Return the strings in the user's configuration, or None if only `settings` can read it.

    To import the schema checker takes as long as everything else that a start needs.
    """
    try:
        content = read_regular_file(path, MOST_JSON_BYTES)
    except OSError:
        return None
    try:
        config = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(config, dict):
        return None
    plain = {"cacheDir": str, "node": str, "maxSize": int, "jobs": int}
    is_plain = all(type(value) is plain.get(key) and value for key, value in config.items())
    is_plain = is_plain and config.get("jobs", 1) > 0 and config.get("maxSize", 1) > 0
    if not is_plain or not os.path.isabs(config.get("cacheDir", "/")) or is_relative_node(config.get("node", "")):
        return None
    return {key: value for key, value in config.items() if isinstance(value, str)}


def installed_hook(environment: Mapping[str, str], cache_dir: str | None = None) -> Path:
    """Return the stable path of the preload, and install it if necessary.

    Args:
        cache_dir: The cache directory that the preload falls back on, or None for the user's choice without
            ESMCACHE_DIR, which the preload reads itself.

    Raises:
        CacheError: If the user's choices cannot be used, the preload cannot be written, or it would not load its own
            files.
    """
    places = find_places(environment, cache_dir, None)
    path = hook_path(environment)
    try:
        quick_start.install_hook(path, places.cache_path if cache_dir else places.hook_cache_path)
    except OSError as error:
        raise CacheError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    if fault := quick_start.why_not_loaded():
        raise CacheError(fault)
    node, _ = look_up_node(places.node, environment)
    if node:
        note_nodes(environment, [node])
    return path


class Program:
    """An ES module program as a user wants it started."""

    def __init__(
        self,
        entry: str,
        arguments: Sequence[str],
        *,
        cache_dir: str | None = None,
        node: str | None = None,
        jobs: int | None = None,
        warms: bool = True,
    ) -> None:
        self._entry = entry
        self._arguments = list(arguments)
        self._cache_dir = cache_dir
        self._node = node
        self._jobs = jobs
        self._warms = warms
        self.native_because = ""
        self.not_warmed_because = ""

    def command(self, environment: Mapping[str, str]) -> tuple[str, list[str], dict[str, str]]:
        """Return executable, arguments and environment of the start.

        If the cache cannot be used, the program starts without the preload, and `native_because` says why.

        Raises:
            CacheError: If there is no Node.
        """
        own = dict(environment)
        places = self._places(own)
        node, reason = look_up_node(self._node if places is None else places.node, own)
        if not node:
            also = f" ({self.native_because})" if self.native_because else ""
            raise CacheError(f"no Node to start: {reason}{also}")
        note_nodes(own, [node])
        if self._cache_dir:
            own["ESMCACHE_DIR"] = os.path.abspath(self._cache_dir)
        hook = None if places is None else self._hook(places, own)
        command = [name_of_node(None if places is None else places.node, own)]
        if places is not None and hook is not None:
            command += ["--require", str(hook)]
            try:
                self._warm(places, node, own)
            except OSError as error:
                # The warm is for the next start, so a failure to begin it must not stop this one.
                self.not_warmed_because = str(error)
        if self._entry.startswith("-") and self._entry != "-":
            command.append("--")
        return node, [*command, self._entry, *self._arguments], own

    def _places(self, environment: Mapping[str, str]) -> Places | None:
        try:
            return find_places(environment, self._cache_dir, self._node)
        except CacheError as error:
            # The configuration may have named a Node, but to start with any other is better than not to start.
            self.native_because = str(error)
            return None

    def _hook(self, places: Places, environment: Mapping[str, str]) -> Path | None:
        """Return the preload to use, or None if the program must start without it."""
        if environment.get("ESMCACHE_DISABLE") == "1":
            self.native_because = "ESMCACHE_DISABLE is 1"
            return None
        self.native_because = quick_start.why_untrusted(places.cache_path) or _why_no_preload(os.getcwd())
        if self.native_because:
            return None
        path = hook_path(environment)
        try:
            # If the environment names the cache directory, the one that the preload falls back on does not matter.
            if not (environment.get("ESMCACHE_DIR") and quick_start.hook_is_current(path)):
                quick_start.install_hook(path, places.hook_cache_path)
        except OSError as error:
            self.native_because = f"{error.filename or path} cannot be written: {error.strerror}"
            return None
        return path

    def _warm(self, places: Places, node: str, environment: Mapping[str, str]) -> None:
        """Start a background warm if this start will find nothing, or something outdated."""
        entry = find_entry(self._entry)
        if not self._warms or entry is None or not os.access(places.cache_path, os.W_OK | os.X_OK):
            return
        conditions = conditions_of(environment.get("NODE_OPTIONS", ""))
        if not quick_start.needs_warming(places.cache_path, node, entry, conditions):
            return
        stamp = background_stamp(places.cache_path, entry, node, conditions)
        if was_useless(stamp, entry):
            return
        command = [sys.executable, "-P", "-m", "esmcache", "warm", "--background", "--quiet"]
        command += ["--cache-dir", str(places.cache_path), "--node", node]
        command += [] if self._jobs is None else ["--jobs", str(self._jobs)]
        command += [f"--conditions={condition}" for condition in conditions]
        kept = {name: value for name, value in environment.items() if not name.startswith("NODE_")}
        start_background_warm(stamp, [*command, "--", entry], kept)


def _why_no_preload(directory: str) -> str:
    """Return why Node would fail to load a preload from `directory`, or '' if it would not.

    To find a preload, Node reads the nearest package.json of the working directory, and exits if that is broken.
    """
    while True:
        path = os.path.join(directory, "package.json")
        try:
            json.loads(read_regular_file(path, MOST_JSON_BYTES))
            return ""
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RecursionError):
            return f"{path} is broken"
        parent = os.path.dirname(directory)
        if parent == directory:
            return ""
        directory = parent


def program_environment() -> dict[str, str]:
    """Return the environment that this process was given, without what Python added to it."""
    environment = dict(os.environ)
    # In the C locale Python sets LC_CTYPE for itself and what it starts (PEP 538).
    if environment.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        try:
            given = Path("/proc/self/environ").read_bytes()
        except OSError:
            return environment
        if not any(variable.startswith(b"LC_CTYPE=") for variable in given.split(b"\0")):
            del environment["LC_CTYPE"]
    return environment


def replace_process(executable: str, command: list[str], environment: Mapping[str, str]) -> None:
    """Replace this process with `executable`, with the signals reset that Python ignores.

    Raises:
        CacheError: If `executable` cannot be started.
    """
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execve(executable, command, environment)
    except OSError as error:
        raise CacheError(f"{executable} cannot be started: {error.strerror}") from error


def find_entry(path: str) -> str | None:
    """Return the absolute path of the file that `node path` starts, as far as a quick look can tell, or None."""
    at = os.path.abspath(path)
    names = [at, f"{at}.js", f"{at}.json"]
    if os.path.isdir(at):
        names = [os.path.join(at, "index.js")]
        try:
            main = json.loads(read_regular_file(os.path.join(at, "package.json"), MOST_JSON_BYTES))["main"]
            names = [os.path.join(at, main), os.path.join(at, f"{main}.js"), *names]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
    return next((os.path.normpath(name) for name in names if os.path.isfile(name)), None)


def conditions_of(node_options: str) -> list[str]:
    """Return the conditions that NODE_OPTIONS names, as the preload reads them."""
    found = _CONDITIONS.findall(node_options.replace('"', ""))
    return [first or second for first, second in found]
