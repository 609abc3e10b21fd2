"""Which Node is served: finds it, has it describe itself once, and remembers that beside the file's fingerprint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from esmcache.cache_directory import CacheDirectory, read_regular, remove_any, write_whole
from esmcache.code_cache import NodeMissing, describe_node, find_node
from esmcache.records import NodeBuild
from esmcache.serving.node_compile_cache import probe_layout

# Raised whenever NodeBuild or the probe asks for other facts.
_VERSION = 1


def node_build(
    directory: CacheDirectory, explicit: str | None, environment: Mapping[str, str]
) -> NodeBuild | NodeMissing:
    """Return the Node to serve, asking the executable only if it is not the one that was asked before."""
    path = find_node(explicit, environment)
    if isinstance(path, NodeMissing):
        return path
    identity = _identity(path)
    known = read_known_nodes(directory.nodes_path)
    stored = known.get(path)
    # A launcher that stands in for Node (nvm, volta, a Python wheel) may start another one tomorrow: ask it each time.
    is_node_itself = stored is not None and stored["build"]["executable"] == os.path.realpath(path)
    if stored is not None and is_node_itself and stored["identity"] == identity:
        return NodeBuild(**stored["build"])
    build = describe_node(path)
    if isinstance(build, NodeMissing):
        return build
    real_identity = _identity(build.executable)
    probed = known.get(build.executable)
    if probed is not None and probed["identity"] == real_identity:
        build = NodeBuild(**probed["build"])
    elif build.supported:
        build = replace(build, compile_cache_layout=probe_layout(build.executable))
    known[path] = {"identity": identity, "build": asdict(build)}
    known[build.executable] = {"identity": real_identity, "build": asdict(build)}
    if not directory.nodes_path.is_file():
        remove_any(directory.nodes_path)
    write_whole(directory.nodes_path, json.dumps({"version": _VERSION, "nodes": known}, indent=1).encode())
    return build


def read_known_nodes(path: Path) -> dict[str, Any]:
    """Return what is remembered, by path of the executable; nothing where it cannot be read."""
    try:
        content = json.loads(read_regular(path) or b"")
        if content["version"] != _VERSION:
            return {}
        nodes = content["nodes"]
        return {name: one for name, one in nodes.items() if isinstance(one["build"]["executable"], str)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _identity(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ino]
