"""What starting a program needs: the installed hook, Node's path, and whether the program has a manifest.

Imported before every `esmcache run`, so it imports nothing that a start can do without.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from esmcache.serving.names import manifest_identity, manifest_name

_RUNTIME = Path(__file__).parent.parent / "serving" / "runtime" / "register.cjs"
_HOOK = """\
'use strict';
// Written by `esmcache hook`. Does nothing where esmcache is gone, so that a NODE_OPTIONS left behind stops no program.
let start = null;
try {
  start = require(%s);
} catch {}
try {
  if (start !== null) start(%s);
} catch {}
delete require.cache[__filename];
"""


def hook_path(environment: Mapping[str, str]) -> Path:
    """Return the stable path of the preload, in the user's data directory."""
    data = environment.get("XDG_DATA_HOME", "")
    if sys.platform.startswith("linux") and os.path.isabs(data):
        return Path(data) / "esmcache" / "hook" / "register.cjs"
    import platformdirs

    return Path(platformdirs.user_data_dir("esmcache")) / "hook" / "register.cjs"


def install_hook(path: Path, cache_path: Path) -> None:
    """Write the preload, unless it is there already; raises OSError."""
    content = (_HOOK % (json.dumps(str(_RUNTIME)), json.dumps(str(cache_path)))).encode()
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def known_version(cache_path: Path, node: str) -> tuple[str, str] | None:
    """Return version and architecture of a Node that has been asked before, or None."""
    try:
        build = json.loads((cache_path / "nodes.json").read_bytes())["nodes"][node]["build"]
        return build["version"], build["arch"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def needs_warming(cache_path: Path, node: str, entry: str, conditions: Sequence[str]) -> bool:
    """Return whether a start of `entry` would find no manifest, or the last one found it out of date."""
    known = known_version(cache_path, node)
    if known is None:
        return True
    name = manifest_name(manifest_identity(os.path.realpath(entry), *known, conditions))
    manifest = cache_path / "manifests" / name
    if not manifest.exists():
        return True
    try:
        with (cache_path / "events" / name.removesuffix(".manifest")).open("rb") as file:
            return any(_asks_for_warming(line) for line in file)
    except OSError:
        return False


def _asks_for_warming(line: bytes) -> bool:
    try:
        said = json.loads(line)
        return bool(said.get("missed") or said.get("stale") or said.get("hashed") or said.get("faults"))
    except (ValueError, AttributeError):
        return False
