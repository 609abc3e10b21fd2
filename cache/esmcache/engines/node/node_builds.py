"""The Node to serve: found, asked once to describe itself, and remembered with the fingerprint of its file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular, remove_any
from esmcache.engines.node import NodeMissing, describe_node, find_node, unless_untested
from esmcache.engines.node.layout_probe import probe_layout
from esmcache.private_files import write_whole
from esmcache.records import NodeBuild

# Must be raised whenever the facts in NodeBuild or the probe change.
_VERSION = 4
# A version, or another text that becomes part of file names.
_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)
_LARGEST_TAG = 0xFFFFFFFF
# The reason given for a Node whose compile cache has another layout than the one that esmcache writes (`probe_layout`).
UNKNOWN_LAYOUT = "a compile cache in a layout that esmcache does not know"


def node_build(
    directory: CacheDirectory, explicit: str | None, environment: Mapping[str, str]
) -> NodeBuild | NodeMissing:
    """Return the Node to serve; the executable runs only if it differs from the one that is remembered."""
    path = find_node(explicit, environment)
    build = path if isinstance(path, NodeMissing) else _described(directory, path)
    return build if isinstance(build, NodeMissing) else unless_untested(build, environment)


def _described(directory: CacheDirectory, path: str) -> NodeBuild | NodeMissing:
    identity = _identity(path)
    known = read_known_nodes(directory.nodes_path)
    # A launcher in place of Node (nvm, volta, a Python wheel) may start another Node tomorrow, so ask it each time.
    stored = _remembered(known, path, os.path.realpath(path))
    if stored is not None:
        return stored
    build = describe_node(path)
    if isinstance(build, NodeMissing):
        return build
    real_identity = _identity(build.executable)
    probed = _remembered(known, build.executable, build.executable)
    if probed is not None:
        build = probed
    elif build.supported:
        layout = probe_layout(build.executable, strips_types=build.strips_types)
        build = replace(
            build,
            compile_cache_layout=layout.code_caches,
            typescript_layout=layout.typescript,
            keeps_stripped_text=layout.stripped_texts,
        )
    known[path] = {"identity": identity, "build": asdict(build)}
    known[build.executable] = {"identity": real_identity, "build": asdict(build)}
    if not directory.nodes_path.is_file():
        remove_any(directory.nodes_path)
    content = {"version": _VERSION, "sha256": _digest(known), "nodes": known}
    write_whole(directory.nodes_path, json.dumps(content, indent=1).encode())
    return build


def _remembered(known: Mapping[str, Any], path: str, executable: str) -> NodeBuild | None:
    """Return what is remembered of a Node whose file is unchanged, or None if it must be asked again.

    The file of remembered facts may come from elsewhere. So it does not decide which program is started, and its texts
    must not lead out of the cache directory.
    """
    try:
        build = NodeBuild(**known[path]["build"])
        if known[path]["identity"] != _identity(path) or build.executable != executable:
            return None
        names = (build.version, build.arch, build.v8_version)
        is_plain = all(_PLAIN.fullmatch(name) for name in names) and re.match(r"v\d+\.\d+\.\d+", build.version)
        return build if is_plain and type(build.v8_tag) is int and 0 <= build.v8_tag <= _LARGEST_TAG else None
    except (KeyError, TypeError):
        return None


def read_known_nodes(path: Path) -> dict[str, Any]:
    """Return what is remembered, by path of the executable; empty if the file cannot be read."""
    try:
        content = json.loads(read_regular(path) or b"")
        nodes = content["nodes"]
        if content["version"] != _VERSION or content["sha256"] != _digest(nodes):
            return {}
        return {name: one for name, one in nodes.items() if isinstance(one["build"]["executable"], str)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _digest(nodes: Mapping[str, Any]) -> str:
    """Return the SHA-256 by which damage to a description is noticed."""
    return sha256(json.dumps(nodes, sort_keys=True).encode()).hexdigest()


def _identity(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ino]
