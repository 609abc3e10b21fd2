"""The checks before a start: the installed hook, the version of a known Node, and whether a program has a manifest.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from esmcache.private_files import make_directory, make_trusted_directory, write_whole
from esmcache.regular_files import MOST_JSON_BYTES, read_regular_file
from esmcache.serving.names import RUNTIME, WANTED_SUFFIX, manifest_identity, manifest_name
from esmcache.serving.report_lines import lasting_urls, listed_urls
from esmcache.trust import find_untrusted, find_untrusted_parent

# The states of code caches in reports that the next warm repairs.
_MENDED_BY_WARMING = ("quarantined", "unsealed")
_FALLBACK = "const CACHE_DIRECTORY = "
# All users may read the hook: workers and children of a program that switches to another user load it, too.
_HOOK_MODE, _HOOK_DIRECTORY_MODE = 0o644, 0o755


def hook_is_current(path: Path) -> bool:
    """Return whether the installed preload is this installation's, whatever cache directory it falls back on."""
    if find_untrusted(path) is not None:
        return False
    try:
        installed = path.read_text(encoding="utf-8")
        fallback = json.loads(installed.split(_FALLBACK, 1)[1].split(";", 1)[0])
        return installed == _hook_content(Path(fallback))
    except (OSError, ValueError, IndexError, TypeError):
        return False


def why_untrusted(cache_path: Path) -> str:
    """Return why a runner would not use the cache directory, or '' if it would; an absent directory is made."""
    return make_trusted_directory(cache_path) or why_not_loaded()


def why_not_loaded() -> str:
    """Return why the preload would not load its own files, or '' if it would."""
    untrusted = find_untrusted(RUNTIME, is_installed=True)
    for name in () if untrusted is not None else os.listdir(RUNTIME):
        untrusted = untrusted or find_untrusted(name, below=str(RUNTIME), is_installed=True)
    return "" if untrusted is None else f"esmcache is not loaded into programs, since {untrusted}"


def install_hook(path: Path, cache_path: Path) -> None:
    """Write the preload, unless it is there already.

    Args:
        path: The place of the preload.
        cache_path: The cache directory that the preload falls back on.

    Raises:
        OSError: If the preload cannot be written, or another user could replace it.
    """
    content = _hook_content(cache_path).encode()
    try:
        if find_untrusted(path) is None and read_regular_file(path, MOST_JSON_BYTES) == content:
            return
    except OSError:
        pass
    untrusted = find_untrusted_parent(path.parent)
    if untrusted is not None and untrusted.owner is None:
        # An earlier esmcache let others write these two directories under umask 000.
        for ours in (path.parent.parent, path.parent):
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(os.lstat(ours).st_mode) and find_untrusted(ours.parent) is None:
                    ours.chmod(_HOOK_DIRECTORY_MODE)
        untrusted = find_untrusted_parent(path.parent)
    if untrusted is not None:
        raise OSError(errno.EPERM, str(untrusted), str(path))
    make_directory(path.parent.parent, _HOOK_DIRECTORY_MODE)
    make_directory(path.parent, _HOOK_DIRECTORY_MODE)
    write_whole(path, content, mode=_HOOK_MODE)


def _hook_content(cache_path: Path) -> str:
    source = (RUNTIME / "register.cjs").read_text(encoding="utf-8")
    source = source.replace("'@RUNTIME@'", json.dumps(str(RUNTIME)))
    return source.replace("'@CACHE_DIRECTORY@'", json.dumps(str(cache_path)))


def known_version(cache_path: Path, node: str) -> tuple[str, str] | None:
    """Return version and architecture of a Node that was described before and whose file is unchanged, or None."""
    try:
        known = json.loads(read_regular_file(cache_path / "nodes.json", MOST_JSON_BYTES))["nodes"][node]
        status = os.stat(node)
        if known["identity"] != [status.st_size, status.st_mtime_ns, status.st_ino]:
            return None
        return known["build"]["version"], known["build"]["arch"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def needs_warming(cache_path: Path, node: str, entry: str, conditions: Sequence[str]) -> bool:
    """Return whether a start of `entry` would find no manifest, or the last start found its manifest outdated."""
    known = known_version(cache_path, node)
    if known is None:
        return True
    name = manifest_name(manifest_identity(os.path.realpath(entry), *known, conditions))
    manifest = cache_path / "manifests" / name
    if not manifest.exists() or os.path.exists(cache_path / "events" / f"{manifest.stem}{WANTED_SUFFIX}"):
        return True
    try:
        content = read_regular_file(cache_path / "events" / name.removesuffix(".manifest"), MOST_JSON_BYTES)
    except OSError:
        return False
    return any(_asks_for_warming(line) for line in content.split(b"\n"))


def _asks_for_warming(line: bytes) -> bool:
    try:
        said = json.loads(line)
        if said.get("hashed", 0) > said.get("rewritten", 0) or said.get("faults") or "called" in said:
            return True
        # "no manifest" although the file exists: the manifest of another program has the same name.
        if said.get("codeCaches") in _MENDED_BY_WARMING or said.get("reason") == "no manifest":
            return True
        urls = [url for name in ("misses", "stale") for url in listed_urls(said.get(name, ()))]
        return bool(lasting_urls(urls, float(said["started"])))
    except (ValueError, AttributeError, TypeError, KeyError):
        return False
