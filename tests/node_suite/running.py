"""Starts Node's tests as Node's own runner does, with an optional preload, and returns whether they pass."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node_suite.selection import NodeTest

# Node's own runner gives two minutes to a debug build.
_WATCHDOG_S = 120
_PRIORITY = 10


@dataclass(frozen=True)
class Way:
    """A way of starting tests: the preload and its environment variables."""

    name: str
    preload: Path | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a test; `served` counts the served modules of all its processes."""

    passed: bool
    served: int


@dataclass(frozen=True)
class NodeTestRunner:
    """Starts tests of one copy of Node's sources with one Node."""

    sources: Path
    node: Path
    outputs: Path

    def run(self, test: NodeTest, way: Way) -> Outcome:
        """Return the outcome of a test; its output is in a file named after the test below `outputs`."""
        output = self.outputs / way.name / f"{test.name.replace('/', '_')}.txt"
        output.parent.mkdir(parents=True, exist_ok=True)
        log = output.with_suffix(".jsonl")
        log.unlink(missing_ok=True)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.outputs),
            # Each test has its own directory for temporary files, with the same name in every run.
            "TEST_SERIAL_ID": str(test.number),
            "TEST_THREAD_ID": str(test.number),
            "TEST_PARALLEL": "0",
            **way.environment,
            **dict(test.environment),
        }
        if way.preload is not None:
            environment["NODE_OPTIONS"] = f"--require {way.preload} {environment.get('NODE_OPTIONS', '')}".strip()
            environment["ESMCACHE_LOG"] = str(log)
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["nice", "-n", str(_PRIORITY), self.node, *test.flags, self.sources / test.name],
                cwd=self.sources,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = process.wait(_WATCHDOG_S)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end_group(process)
        return Outcome(code == 0, _served(log))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill all processes that a test may have left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _served(log: Path) -> int:
    if not log.exists():
        return 0
    count = 0
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            count += int(json.loads(line)["served"])
        except (ValueError, KeyError):
            # Two processes may have written at the same time, or one was killed.
            continue
    return count
