"""Remembers which Nodes the user has named: by a command line, the environment, the configuration, or PATH.

Reports of runners say which Node ran a program, and a warm starts that Node. A cache, with its reports, may come from
elsewhere, so its word is not enough: the list lies beside the hook, in the user's own data directory.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from esmcache.private_files import make_directory, write_whole
from esmcache.trust import find_untrusted, find_untrusted_parent
from esmcache.user_directories import user_directory

# A longer list loses the Nodes that were named first.
_MOST = 200


def named_nodes(environment: Mapping[str, str]) -> list[str]:
    """Return the real paths of the Nodes that the user has named."""
    path = _list_path(environment)
    if find_untrusted(path) is not None:
        return []
    try:
        content = json.loads(path.read_bytes())
        return [node for node in content["nodes"] if isinstance(node, str)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def note_nodes(environment: Mapping[str, str], nodes: Iterable[str]) -> None:
    """Remember the paths of Nodes that the user has named; errors when the list is written are ignored."""
    known = named_nodes(environment)
    new = [node for node in dict.fromkeys(map(os.path.realpath, nodes)) if node not in known]
    path = _list_path(environment)
    if not new or find_untrusted_parent(path) is not None:
        return
    with contextlib.suppress(OSError, UnicodeError):
        # All users may read this directory, because the hook lies below it.
        make_directory(path.parent, 0o755)
        write_whole(path, json.dumps({"nodes": [*known, *new][-_MOST:]}, indent=1).encode())


def _list_path(environment: Mapping[str, str]) -> Path:
    return user_directory(environment, "XDG_DATA_HOME") / "nodes.json"
