"""Finds the Node executable, for everything that starts a Node.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def name_of_node(explicit: str | None, environment: Mapping[str, str]) -> str:
    """Return the name or path of the Node to use: `explicit`, else ESMCACHE_NODE, else `node`."""
    return explicit or environment.get("ESMCACHE_NODE") or "node"


def look_up_node(explicit: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the absolute path of the Node to use and '', or '' and why none was found.

    A name without a directory is looked up in PATH. If the Node that was asked for is missing, no other place is tried.
    A relative path is accepted only from the command line.
    """
    asked = name_of_node(explicit, environment)
    if os.path.dirname(asked):
        if not explicit and not os.path.isabs(os.path.expanduser(asked)):
            return "", f"ESMCACHE_NODE must be an absolute path or a name in PATH, not {asked}"
        path = os.path.abspath(os.path.expanduser(asked))
        return (path, "") if _is_executable(path) else ("", f"{path} is not an executable file")
    for directory in environment.get("PATH", "").split(os.pathsep):
        # A relative entry would find a file in the current directory, which may be anybody's.
        path = os.path.join(directory, asked)
        if os.path.isabs(directory) and _is_executable(path):
            return path, ""
    return "", f"no {asked} in PATH"


def _is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
