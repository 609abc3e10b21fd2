"""What starting a program needs: the installed hook, Node's path, and whether the program has a manifest.

Imported before every `esmcache run`, so it imports nothing that a start can do without.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from esmcache.serving.names import manifest_identity, manifest_name

RUNTIME = Path(__file__).parent.parent / "serving" / "runtime"
_FALLBACK = "const CACHE_DIRECTORY = "
_USER_DIRECTORIES = {
    "XDG_CACHE_HOME": "~/.cache",
    "XDG_CONFIG_HOME": "~/.config",
    "XDG_DATA_HOME": "~/.local/share",
}


def user_directory(environment: Mapping[str, str], variable: str) -> Path:
    """Return esmcache's directory among the user's data, cache or configuration, as platformdirs does."""
    if sys.platform.startswith("linux"):
        named = environment.get(variable, "")
        path = named if os.path.isabs(named) else os.path.expanduser(_USER_DIRECTORIES[variable])
        if os.path.isabs(path):
            return Path(path) / "esmcache"
    import platformdirs

    find = {
        "XDG_CACHE_HOME": platformdirs.user_cache_dir,
        "XDG_CONFIG_HOME": platformdirs.user_config_dir,
        "XDG_DATA_HOME": platformdirs.user_data_dir,
    }
    return Path(find[variable]("esmcache"))


def hook_path(environment: Mapping[str, str]) -> Path:
    """Return the stable path of the preload, in the user's data directory."""
    return user_directory(environment, "XDG_DATA_HOME") / "hook" / "register.cjs"


def hook_is_current(path: Path) -> bool:
    """Return whether the preload is installed and is this installation's, whatever cache directory it falls back on."""
    try:
        installed = path.read_text(encoding="utf-8")
        fallback = json.loads(installed.split(_FALLBACK, 1)[1].split(";", 1)[0])
        return installed == _hook_content(Path(fallback))
    except (OSError, ValueError, IndexError, TypeError):
        return False


def why_untrusted(cache_path: Path) -> str:
    """Return why a runner would not look into the cache directory, made if it is absent; '' where it does."""
    try:
        os.makedirs(cache_path, 0o700, exist_ok=True)
        status = os.stat(cache_path)
    except OSError as error:
        return f"{cache_path} cannot be made: {error.strerror}"
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        return f"{cache_path} is not the user's alone"
    return ""


def install_hook(path: Path, cache_path: Path) -> None:
    """Write the preload, unless it is there already; raises OSError."""
    content = _hook_content(cache_path).encode()
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    # Open to all, since a program that goes on as another user has its workers and children load it, too.
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _hook_content(cache_path: Path) -> str:
    source = (RUNTIME / "register.cjs").read_text(encoding="utf-8")
    source = source.replace("'@RUNTIME@'", json.dumps(str(RUNTIME)))
    return source.replace("'@CACHE_DIRECTORY@'", json.dumps(str(cache_path)))


def known_version(cache_path: Path, node: str) -> tuple[str, str] | None:
    """Return version and architecture of a Node that has been asked before and is the same file still, or None."""
    try:
        with open(cache_path / "nodes.json", "rb", opener=_open_regular) as file:
            known = json.loads(file.read())["nodes"][node]
        status = os.stat(node)
        if known["identity"] != [status.st_size, status.st_mtime_ns, status.st_ino]:
            return None
        return known["build"]["version"], known["build"]["arch"]
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
        with open(cache_path / "events" / name.removesuffix(".manifest"), "rb", opener=_open_regular) as file:
            return any(_asks_for_warming(line) for line in file)
    except OSError:
        return False


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file; raises OSError for all else: a FIFO has us wait for its writer, a device has no end."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(f"{path} is no regular file")


def _asks_for_warming(line: bytes) -> bool:
    try:
        said = json.loads(line)
        if said.get("stale") or said.get("hashed") or said.get("faults") or "called" in said:
            return True
        # A module that a program wrote, loaded and removed again cannot be warmed.
        urls = [url for url in said.get("missed", ()) if url.startswith("file://")]
        return any(os.path.exists(unquote(url[len("file://") :])) for url in urls)
    except (ValueError, AttributeError):
        return False
