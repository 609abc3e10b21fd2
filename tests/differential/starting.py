"""Starts a case's program natively and with the cache, in every state of the cache, and records the visible results."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conftest import FOREIGN_VARIABLES, EsmcacheHome
from differential.programs import DifferentialProgram
from esmcache.build import publish
from esmcache.cache import Cache

_WATCHDOG_S = 120
# Damages are so close that every program of some size loads one, and so far apart that not all its modules have one.
_BYTES_BETWEEN_DAMAGES = 16 * 1024
_EDIT = "\n;globalThis.console.log('edited');\n"
# Only the frames of item 5 of docs/reference/serving.md: frames inside Node, and those of our hooks.
_HOOK_FRAMES = re.compile(rb"\n +at (?:[^\n]*\()?(?:node:|esmcache:hooks\.cjs:)[^\s)]*\)?")
_PID = re.compile(rb"(?<=\(node:)\d+(?=\))|(?<=^OWN )\d+(?=: )", re.M)


# A mode, and a file's content, a link's target, or None for a directory.
Kept = tuple[int, bytes | str | None]


@dataclass(frozen=True)
class Seen:
    """The visible result of a start; `written` has the new state of each file that the start changed."""

    exit_code: int
    stdout: str
    stderr: str
    written: Mapping[str, object]


@dataclass
class Starter:
    """Starts one program with one Node; every start finds the program's files in their original state.

    `packages` is a node_modules that the program finds one directory above its own; it is only read. `cache`, if given,
    is an open cache of `node` in `home`; otherwise each warm opens and closes one.
    """

    program: DifferentialProgram
    root: Path
    node: Path
    home: EsmcacheHome
    hook: Path
    packages: Path | None = None
    cache: Cache | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    _kept: dict[str, Kept] = field(default_factory=dict)
    _others: set[Path] = field(default_factory=set)

    def prepare(self) -> None:
        """Write the program's files."""
        for name, text in self.program.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        if self.program.setup is not None:
            setup = self.root / "setup.mjs"
            setup.write_bytes(self.program.setup.encode())
            subprocess.run([self.node, setup], cwd=self.root, env=self.home.environment, check=True)
            setup.unlink()
        if self.packages is not None:
            (self.root.parent / "node_modules").symlink_to(self.packages)
            if copied := self.program.copied:
                shutil.copytree(self.packages / copied, self.root / "node_modules" / copied)
        self._kept = dict(tree(self.root))

    def warm(self) -> None:
        """Warm the program's entry points."""
        self._others = set(self._cache_files())
        self._warm()

    def warm_with_calls(self) -> None:
        """Warm again, with the functions that the starts since then have called."""
        self._warm()

    def warm_missed(self) -> None:
        """Warm what the starts since then have reported: modules, entry points of children, and called functions."""
        with self._cache() as cache:
            cache.warm_missed()

    def _warm(self) -> None:
        with self._cache() as cache:
            cache.warm([self.root / name for name in self.program.warmed])

    @contextmanager
    def _cache(self) -> Iterator[Cache]:
        with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
            # Even the smallest program then reports its called functions at its first warm start.
            patched.setattr(publish, "_LEAST_BYTES_WITH_CALLS", 0)
            yield self.cache or stack.enter_context(open_cache(self.node, self.home))

    def native(self) -> Seen:
        """Return the visible result of a start without esmcache."""
        return self._start([], {})

    def served(self, *, by_environment: bool | None = None) -> Seen:
        """Return the visible result of a start with the preload; `reports` are the runners' reports.

        `by_environment`, if given, replaces the program's own choice of how the preload is named.
        """
        if self.program.by_environment if by_environment is None else by_environment:
            return self._start([], {"NODE_OPTIONS": f"--require {self.hook}"})
        return self._start(["--require", str(self.hook)], {})

    def edit(self) -> None:
        """Change one module as an editor does."""
        path = self.root / self.program.edited
        path.write_bytes(path.read_bytes() + _EDIT.encode())
        self._kept = dict(tree(self.root))

    @contextmanager
    def damaged(self, directory: str) -> Iterator[None]:
        """Damage the files that warming this program has added to a directory of the cache."""
        mine = [path for path in self._cache_files() if path not in self._others and path.parent.name == directory]
        contents = {path: path.read_bytes() for path in mine}
        for path, content in contents.items():
            damaged = bytearray(content)
            for start in range(0, len(content), _BYTES_BETWEEN_DAMAGES):
                middle = (start + min(start + _BYTES_BETWEEN_DAMAGES, len(content))) // 2
                damaged[middle : middle + 8] = b"damaged!"
            path.write_bytes(damaged)
        yield
        for path, content in contents.items():
            path.write_bytes(content)

    def _cache_files(self) -> list[Path]:
        directories = [self.home.cache_dir / name for name in ("packs", "manifests")]
        return [path for directory in directories for path in directory.glob("*") if path.is_file()]

    def _start(self, flags: list[str], env: Mapping[str, str]) -> Seen:
        log = self.home.root / "runner.log"
        log.unlink(missing_ok=True)
        # A socket's path may have at most 107 bytes, and the default directory may be too deep for that.
        with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
            own = {name: self._filled_in(value, temporary) for name, value in self.program.env.items()}
            if env.keys() & own.keys():
                own = {**own, **{name: f"{own.get(name, '')} {value}".strip() for name, value in env.items()}}
                env = {}
            result = subprocess.run(
                [self.node, *flags, *self.program.command],
                cwd=self.root / self.program.cwd,
                env={**self.home.environment, "ESMCACHE_LOG": str(log), **own, **env},
                input=self.program.stdin.encode(),
                capture_output=True,
                timeout=_WATCHDOG_S,
                check=False,
            )
        self.reports = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        after = dict(tree(self.root))
        written = {
            name: after.get(name)
            for name in after.keys() | self._kept.keys()
            if after.get(name) != self._kept.get(name)
        }
        if written:
            restore(self.root, self._kept)
        return Seen(result.returncode, self._text(result.stdout), self._text(result.stderr), written)

    def _filled_in(self, value: str, temporary: str) -> str:
        places = {"{root}": str(self.root), "{bin}": str(self.node.parent), "{temporary}": temporary}
        for name, place in places.items():
            value = value.replace(name, place)
        return value

    def _text(self, output: bytes) -> str:
        output = _PID.sub(b"pid", output)
        if self.program.has_frames:
            output = _HOOK_FRAMES.sub(b"", output)
        return output.decode("utf-8", "backslashreplace")

    def record(self, seen: Seen) -> str:
        """Return the record of a warm start."""
        ended = f"exit {seen.exit_code}" if seen.exit_code >= 0 else f"signal {-seen.exit_code}"
        if not self.reports:
            return f"{ended}, no report"
        return ", ".join([ended, f"served {self.total('served')}", *self._reasons()])

    def record_once_known(self) -> str:
        """Return the record of a start after `warm_missed` has added all that can be known."""
        missed = self.total("missed")
        return ", ".join([f"served {self.total('served')}", *[f"missed {missed}"] * bool(missed), *self._reasons()])

    def total(self, name: str) -> int:
        """Return the number of modules (or faults) under a name in the reports of all processes and workers."""
        counts = [report.get(name, 0) for report in self.reports]
        return sum(len(count) if isinstance(count, list) else count for count in counts)

    def _reasons(self) -> list[str]:
        return sorted({report["reason"] for report in self.reports if "reason" in report})


def open_cache(node: Path, home: EsmcacheHome) -> Cache:
    """Return the cache of a home, open for one Node."""
    return Cache.open(node=str(node), jobs=1, environment=home.environment)


def empty_home(root: Path, patched: pytest.MonkeyPatch) -> EsmcacheHome:
    """Return a home in a directory with an empty cache, and remove a developer's own settings from this process."""
    for name in FOREIGN_VARIABLES:
        patched.delenv(name, raising=False)
    environment = {
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / ".cache"),
        "XDG_CONFIG_HOME": str(root / ".config"),
        "XDG_DATA_HOME": str(root / ".local" / "share"),
        "XDG_STATE_HOME": str(root / ".local" / "state"),
        "ESMCACHE_DIR": str(root / "esmcache"),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    return EsmcacheHome(root, root / "esmcache", environment)


def tree(root: Path) -> Iterator[tuple[str, Kept]]:
    """Yield the name of everything below a directory, with its mode and content."""
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            content: bytes | str | None = None
            if stat.S_ISLNK(mode):
                content = os.readlink(path)
            elif stat.S_ISREG(mode):
                content = Path(path).read_bytes()
            yield os.path.relpath(path, root), (stat.S_IMODE(mode), content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def restore(root: Path, kept: Mapping[str, Kept]) -> None:
    """Bring a directory back into the state that `tree` has yielded."""
    now = dict(tree(root))
    for name in sorted(now.keys() - kept.keys(), reverse=True):
        _remove(root / name)
    for name in sorted(kept):
        if now.get(name) == kept[name]:
            continue
        path = root / name
        if kept[name][1] is not None:
            _remove(path)
        match kept[name]:
            case int(mode), str(target):
                path.symlink_to(target)
            case int(mode), bytes(content):
                path.write_bytes(content)
                path.chmod(mode)
            case int(mode), None:
                path.mkdir(exist_ok=True)
                path.chmod(mode)
