"""Finds the directories of a user's data, cache and configuration, and checks paths in the environment.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_BELOW_HOME = {
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
}


def user_directory(environment: Mapping[str, str], variable: str) -> Path:
    """Return esmcache's directory among the user's data, cache or configuration, as platformdirs does.

    A relative path in the environment would mean another directory in each project, so it counts as not set.
    """
    has_these_variables = sys.platform.startswith("linux")
    if has_these_variables:
        named = environment.get(variable, "")
        base = named if os.path.isabs(named) else f"{_home(environment)}/{_BELOW_HOME[variable]}"
        return Path(base, "esmcache")
    import platformdirs

    find = {
        "XDG_CACHE_HOME": platformdirs.user_cache_dir,
        "XDG_CONFIG_HOME": platformdirs.user_config_dir,
        "XDG_DATA_HOME": platformdirs.user_data_dir,
    }
    return Path(find[variable]("esmcache"))


def config_path(environment: Mapping[str, str]) -> Path:
    """Return the user's configuration file."""
    return user_directory(environment, "XDG_CONFIG_HOME") / "config.json"


def hook_path(environment: Mapping[str, str]) -> Path:
    """Return the stable path of the preload, in the user's data directory."""
    return user_directory(environment, "XDG_DATA_HOME") / "hook" / "register.cjs"


def relative_variable(environment: Mapping[str, str], cache_dir: str | None, node: str | None) -> tuple[str, str]:
    """Return the variable that names a relative path and what is wrong with that, or two empty texts.

    A relative path could lead to a cache or a program in a repository.

    Args:
        cache_dir: The cache directory that the command line names. It replaces the variable, and may be relative, since
            a user sees there what it is relative to.
        node: The Node that the command line names, by the same rules.
    """
    cache_dir = "" if cache_dir else environment.get("ESMCACHE_DIR", "")
    node = "" if node else environment.get("ESMCACHE_NODE", "")
    if cache_dir and not os.path.isabs(cache_dir):
        return "ESMCACHE_DIR", f"must be an absolute path, not {cache_dir}"
    if is_relative_node(node):
        return "ESMCACHE_NODE", f"must be an absolute path or a name in PATH, not {node}"
    return "", ""


def is_relative_node(node: str) -> bool:
    """Return whether a Node is named by a path that depends on the current directory."""
    return bool(os.path.dirname(node)) and not os.path.isabs(os.path.expanduser(node))


def _home(environment: Mapping[str, str]) -> str:
    home = environment.get("HOME", "")
    if os.path.isabs(home):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
