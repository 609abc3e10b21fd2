"""Finds a Node executable and has it describe itself; what Node does with files is not known here."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from esmcache.node_lookup import look_up_node
from esmcache.records import NodeBuild

OLDEST_SUPPORTED = (22, 15)
# The major version of the newest Node that all of this was tested with, as runtime/starting.cjs has it.
NEWEST_TESTED = 26
_UNTESTED_NODE = "ESMCACHE_UNTESTED_NODE"
_DESCRIBE_SECONDS = 30
# What a dynamically linked or wrapped executable may need to start at all. Everything else stays out, above all
# NODE_OPTIONS and NODE_COMPILE_CACHE, which change flags, preload code of others or write files.
_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)
# Old syntax on purpose: a Node of any age must be able to say that it is too old.
_DESCRIBE = """
var m = require('module');
process.stdout.write(JSON.stringify({
  name: process.versions.bun || process.versions.deno || process.versions.electron
    ? 'other' : process.release && process.release.name,
  executable: process.execPath, version: process.version, arch: process.arch, v8_version: process.versions.v8,
  v8_tag: require('v8').cachedDataVersionTag(),
  hooks: typeof m.registerHooks === 'function', compile_cache: typeof m.enableCompileCache === 'function'
}));
"""


@dataclass(frozen=True, slots=True)
class NodeMissing:
    """No Node can be used, and why."""

    reason: str


def find_node(explicit: str | None, environment: Mapping[str, str]) -> str | NodeMissing:
    """Return the absolute path of the Node to use: `explicit`, else ESMCACHE_NODE, else the first in PATH.

    A name without a directory is looked up in PATH. What was asked for and is not there is missing: the next
    place is not tried.
    """
    path, reason = look_up_node(explicit, environment)
    return path or NodeMissing(reason)


def describe_node(path: str) -> NodeBuild | NodeMissing:
    """Return what the executable says of itself when it is run once, without flags; never raises.

    `supported` is False, with a reason, for a Node without what serving needs; whether it was tested is for
    `unless_untested` to say, since that depends on the environment. `compile_cache_layout` is left
    False: whether Node's compile cache looks as expected is for `serving` to find out.
    """
    try:
        answer = subprocess.run(
            [path, "-e", _DESCRIBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(os.environ),
            cwd=Path(path).anchor or None,
            timeout=_DESCRIBE_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return NodeMissing(f"{path} cannot be run: {error}")
    try:
        said = json.loads(answer.stdout)
        reason = _why_unsupported(said)
        return NodeBuild(
            executable=str(said["executable"]),
            version=str(said["version"]),
            arch=str(said["arch"]),
            v8_version=str(said["v8_version"]),
            v8_tag=int(said["v8_tag"]),
            supported=not reason,
            compile_cache_layout=False,
            reason=reason,
        )
    except (KeyError, TypeError, ValueError):
        status = f"exit status {answer.returncode}"
        return NodeMissing(f"{path} does not describe itself as Node does ({status})")


def unless_untested(build: NodeBuild, environment: Mapping[str, str]) -> NodeBuild:
    """Return the build, not supported where it is one that nothing was tested with, and no variable allows that."""
    reason = _why_untested(build.version)
    if not reason or not build.supported or environment.get(_UNTESTED_NODE) == "1":
        return build
    return replace(build, supported=False, reason=f"{reason}, unless {_UNTESTED_NODE} is 1")


def v8_tag(build: NodeBuild, v8_flags: Sequence[str]) -> int | NodeMissing:
    """Return V8's tag of code caches under flags that `build` is started with, or why they are refused."""
    try:
        answer = subprocess.run(
            [build.executable, *v8_flags, "-p", "require('v8').cachedDataVersionTag()"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(os.environ),
            timeout=_DESCRIBE_SECONDS,
            check=False,
        )
        return int(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return NodeMissing(f"{build.executable} {' '.join(v8_flags)} does not start")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the few variables that Node is started with, so that it runs as if nothing were configured."""
    return {name: environment[name] for name in _KEPT_VARIABLES if name in environment}


def _why_untested(version: str) -> str:
    numbers = re.fullmatch(r"v(\d+)\.\d+\.\d+(-.*)?", version)
    if numbers is None or numbers[2]:
        return f"Node {version} is no release, and programs run natively under it"
    if int(numbers[1]) > NEWEST_TESTED:
        return f"Node {version} is newer than {NEWEST_TESTED}, the newest tested, and programs run natively under it"
    return ""


def _why_unsupported(said: Mapping[str, object]) -> str:
    version = str(said["version"])
    if said["name"] != "node":
        return "not Node but a program that stands in for it"
    numbers = re.match(r"v(\d+)\.(\d+)\.", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_SUPPORTED:
        return f"Node {version} is older than 22.15"
    if not said["hooks"]:
        return f"Node {version} has no module.registerHooks"
    if not said["compile_cache"]:
        return f"Node {version} has no module.enableCompileCache"
    return ""
