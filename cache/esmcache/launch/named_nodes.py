"""Which Nodes the user has named: by a command line, the environment, the configuration, or PATH.

Reports of runners say which Node ran a program, and a warm starts that Node. A cache may come from elsewhere, reports
included, so it is no witness: the list lies beside the hook, in the user's own data directory.

Imported before every `esmcache run`, so it imports nothing that a start can do without.
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

# Those that were named first are forgotten.
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
    """Remember that the user has named these, by path; what keeps that from being written matters to nobody."""
    known = named_nodes(environment)
    new = [node for node in dict.fromkeys(map(os.path.realpath, nodes)) if node not in known]
    path = _list_path(environment)
    if not new or find_untrusted_parent(path) is not None:
        return
    with contextlib.suppress(OSError, UnicodeError):
        # The hook lies below, and is open to all.
        make_directory(path.parent, 0o755)
        write_whole(path, json.dumps({"nodes": [*known, *new][-_MOST:]}, indent=1).encode())


def _list_path(environment: Mapping[str, str]) -> Path:
    return user_directory(environment, "XDG_DATA_HOME") / "nodes.json"
