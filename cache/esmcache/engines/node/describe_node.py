"""Finds a Node executable and lets it describe itself. This module must not know how Node handles files."""

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
# The major version of the newest Node that esmcache was tested with; runtime/starting.cjs has the same number.
NEWEST_TESTED = 26
_UNTESTED_NODE = "ESMCACHE_UNTESTED_NODE"
_DESCRIBE_SECONDS = 30
# A dynamically linked or wrapped executable may need these variables to start at all. All others are removed, above
# all NODE_OPTIONS and NODE_COMPILE_CACHE, which change flags, preload other code or write files.
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
# The syntax is old on purpose: a Node of any age must be able to report its version.
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
    """The reason why no Node can be used."""

    reason: str


def find_node(explicit: str | None, environment: Mapping[str, str]) -> str | NodeMissing:
    """Return the absolute path of the Node to use: `explicit`, else ESMCACHE_NODE, else the first in PATH.

    A name without a directory is looked up in PATH. If a requested Node does not exist, the result is NodeMissing: the
    next place is not tried.
    """
    path, reason = look_up_node(explicit, environment)
    return path or NodeMissing(reason)


def describe_node(path: str) -> NodeBuild | NodeMissing:
    """Return the executable's description of itself, from one run without flags; never raises.

    `supported` is False, with a reason, if Node lacks a feature that serving needs. `unless_untested` checks whether
    the version was tested, since that depends on the environment. `compile_cache_layout` is always False here:
    `node_builds` sets it after `probe_layout`.
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
    """Return the build, marked as unsupported if it was never tested and the environment does not allow that."""
    reason = _why_untested(build.version)
    if not reason or not build.supported or environment.get(_UNTESTED_NODE) == "1":
        return build
    return replace(build, supported=False, reason=f"{reason}, unless {_UNTESTED_NODE} is 1")


def v8_tag(build: NodeBuild, v8_flags: Sequence[str]) -> int | NodeMissing:
    """Return V8's tag of code caches for a start of `build` with these flags, or why Node does not start.

    Node would run a file that is named instead of a flag, so other words than flags are refused.
    """
    for flag in v8_flags:
        if not flag.startswith("-") or flag.strip("-") == "":
            return NodeMissing(f"{flag!r} is no flag of Node: write --v8-flag=--NAME, such as --v8-flag=--no-opt")
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
        flags = " ".join(v8_flags)
        return NodeMissing(f"{build.executable} does not start with {flags}: correct or leave out the --v8-flag")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the few environment variables that Node gets, so that it runs as if nothing were configured."""
    return {name: environment[name] for name in _KEPT_VARIABLES if name in environment}


def _why_untested(version: str) -> str:
    numbers = re.fullmatch(r"v(\d+)\.\d+\.\d+(-.*)?", version)
    if numbers is None or numbers[2]:
        return f"Node {version} is not a release, so programs run natively under it"
    if int(numbers[1]) > NEWEST_TESTED:
        return f"Node {version} is newer than {NEWEST_TESTED}, the newest tested, and programs run natively under it"
    return ""


def _why_unsupported(said: Mapping[str, object]) -> str:
    version = str(said["version"])
    if said["name"] != "node":
        return "not Node itself, but another runtime under its name"
    numbers = re.match(r"v(\d+)\.(\d+)\.", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_SUPPORTED:
        return f"Node {version} is older than 22.15"
    if not said["hooks"]:
        return f"Node {version} has no module.registerHooks"
    if not said["compile_cache"]:
        return f"Node {version} has no module.enableCompileCache"
    return ""
