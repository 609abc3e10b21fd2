"""A program on disk that tests start natively and with the cache, and the comparison of all visible results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import EsmcacheHome
from esmcache.build.warm import WarmReport
from esmcache.cache import Cache
from esmcache.engines.node.compile_cache_layout import entry_name
from esmcache.file_source import fingerprint, is_proven
from esmcache.records import ModuleFormat

_WATCHDOG_S = 120


@dataclass(frozen=True)
class Started:
    """The result of a start; `report` is the runner's report, empty if there is none."""

    exit_code: int
    stdout: str
    stderr: str
    report: Mapping[str, Any]


@dataclass
class Program:
    """Files below `root`, started by `node`, with the cache of `home`."""

    root: Path
    node: Path
    home: EsmcacheHome
    entry: str = "app.mjs"
    _last_written: Path | None = None

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files and create their directories."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            self._last_written = path

    def warm(self, *entries: str) -> WarmReport:
        """Warm the entry point (or the named ones) and return the report."""
        with self.cache() as cache:
            return cache.warm([self.root / name for name in entries or (self.entry,)])

    def cache(self) -> Cache:
        """Return the test's own cache, once the times of the files that `write` has written prove their contents."""
        while self._last_written is not None and self._last_written.is_file():
            seen = fingerprint(self._last_written.stat())
            if seen is None or is_proven(seen, time.time() * 1000):
                break
            time.sleep(0.001)
        self._last_written = None
        return Cache.open(node=str(self.node), jobs=1, environment=self.home.environment)

    def code_caches(self) -> bytes:
        """Return all code caches of the test's own cache, concatenated."""
        return b"".join(path.read_bytes() for path in sorted(self.home.cache_dir.glob("code/*/*")))

    def hook(self) -> Path:
        """Install the preload and return its path."""
        with self.cache() as cache:
            return cache.install_hook()

    def plain(self, *arguments: str, flags: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Started:
        """Start the program without esmcache."""
        return self._start([*flags], arguments, env or {})

    def served(self, *arguments: str, flags: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Started:
        """Start the program with the preload."""
        return self._start(["--require", str(self.hook()), *flags], arguments, env or {})

    def check_same(
        self, *arguments: str, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Start the program both ways, assert that the results are equal, and return the runner's report."""
        plain = self.plain(*arguments, flags=flags, env=env)
        served = self.served(*arguments, flags=flags, env=env)
        assert served.stdout == plain.stdout
        assert _without_pid(served.stderr) == _without_pid(plain.stderr)
        assert served.exit_code == plain.exit_code
        return served.report

    def _start(self, flags: Sequence[str], arguments: Sequence[str], env: Mapping[str, str]) -> Started:
        log = self.home.root / "runner.log"
        log.unlink(missing_ok=True)
        result = subprocess.run(
            [self.node, *flags, self.entry, *arguments],
            cwd=self.root,
            env={**self.home.environment, "ESMCACHE_LOG": str(log), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_WATCHDOG_S,
            check=False,
        )
        lines = log.read_text().splitlines() if log.exists() else []
        report = json.loads(lines[-1]) if lines else {}
        return Started(result.returncode, result.stdout, result.stderr, report)


def _without_pid(stderr: str) -> str:
    return re.sub(r"\(node:\d+\)", "(node)", stderr)


def code_cache_entry(program: Program, name: str) -> Path:
    """Return the file from which Node reads the code cache of an ES module."""
    (entry,) = program.home.cache_dir.glob(f"v8/*/*/{entry_name(ModuleFormat.MODULE, (program.root / name).as_uri())}")
    return entry


def age(*paths: Path, seconds: float = 60) -> None:
    """Set the modification times of files to `seconds` ago."""
    then = time.time() - seconds
    for path in paths:
        os.utime(path, (then, then))
