"""Interleaved timing of several ways to start one program, and the checks that all ways do the same.

This module must use esmcache only by its command line, as users do.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
NODE24 = PROJECT / ".cache" / "node" / "node24"

TIMEOUT_S = 120
FEWEST_ROUNDS = 9

# Variables that change how Node or esmcache starts. The measured programs do not inherit them.
_FOREIGN_PREFIXES = ("ESMCACHE_", "NODE_COMPILE", "NODE_DEBUG", "NODE_OPTIONS", "NODE_PATH", "NODE_V8")


class Failure(Exception):
    """The reason, in one sentence, why there are no figures."""


@dataclass(frozen=True)
class Outcome:
    """The visible result of a program."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Ready:
    """The end of the start of a program that does not end by itself.

    Its output then has a line that contains the pattern `line`. If `get` is the path of a URL, the start lasts until
    the program's HTTP server has answered a request for it; the first group of the pattern is the port.
    """

    line: str
    get: str = ""


@dataclass(frozen=True)
class Way:
    """One way of starting the program (`python -m this` or `node that`), and its environment.

    A way without `must_agree` is left out, with the reason, if its result differs from the first way's. A program that
    lives on is started `until` it is ready, and then gets the signal `stop`. `steady` takes out of a result what
    differs from start to start by itself, such as times.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    must_agree: bool = True
    until: Ready | None = None
    stop: signal.Signals = signal.SIGKILL
    steady: Callable[[Outcome], Outcome] = lambda outcome: outcome


@dataclass
class Timing:
    """The wall times, CPU times and peak memory of one way, in the order of the rounds; empty if it was left out."""

    way: str
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)
    left_out: str = ""

    @property
    def median_s(self) -> float:
        """Return the median wall time in seconds."""
        return statistics.median(self.seconds)

    @property
    def median_cpu_s(self) -> float:
        """Return the median CPU time, user and system, in seconds."""
        return statistics.median(self.cpu_s)

    @property
    def peak_mb(self) -> float:
        """Return the median of the peak resident set size, in megabytes of a million bytes."""
        return statistics.median(self.peaks_mb)

    def leave_out(self, reason: str) -> None:
        """Remove all figures and keep the reason."""
        self.left_out = reason
        self.seconds.clear()
        self.cpu_s.clear()
        self.peaks_mb.clear()

    def as_json(self) -> dict[str, object]:
        """Return the figures in milliseconds, rounded to the precision that is meaningful."""
        if self.left_out:
            return {"way": self.way, "left_out": self.left_out}
        milliseconds = [round(second * 1000, 2) for second in self.seconds]
        return {
            "way": self.way,
            "median_ms": round(self.median_s * 1000, 2),
            "min_ms": min(milliseconds),
            "max_ms": max(milliseconds),
            "median_cpu_ms": round(self.median_cpu_s * 1000, 2),
            "peak_mb": round(self.peak_mb, 1),
            "rounds_ms": milliseconds,
            "rounds_cpu_ms": [round(second * 1000, 2) for second in self.cpu_s],
        }


@dataclass(frozen=True)
class Served:
    """The runner's report of a start: the modules from the cache, and the modules that Node loaded itself."""

    from_cache: int
    natively: int


@dataclass(frozen=True)
class Started:
    """One start: its result, the seconds from before the fork to its end, its CPU time and peak memory.

    CPU time is that of the process and all its descendants. The peak is that of the largest of them.
    """

    outcome: Outcome
    seconds: float
    cpu_s: float
    peak_mb: float


def start(way: Way, cwd: Path) -> Started:
    """Return the result and the costs of one start.

    Raises:
        Failure: If the program cannot be started.
    """
    launcher = small_process()
    assert launcher.stdin and launcher.stdout
    with tempfile.TemporaryDirectory() as directory:
        stdout, stderr = Path(directory, "stdout"), Path(directory, "stderr")
        job = {
            "command": [shutil.which(way.command[0]) or way.command[0], *way.command[1:]],
            "cwd": str(cwd),
            "environment": dict(way.environment),
            "stdout": str(stdout),
            "stderr": str(stderr),
            "timeout_s": TIMEOUT_S,
            "until": asdict(way.until) if way.until else None,
            "stop": way.stop,
        }
        launcher.stdin.write(json.dumps(job) + "\n")
        launcher.stdin.flush()
        answer = json.loads(launcher.stdout.readline() or '{"error": "the launcher is gone"}')
        if "error" in answer:
            raise Failure(f"{way.name} does not start: {answer['error']}")
        outcome = Outcome(answer["exit_code"], stdout.read_bytes(), stderr.read_bytes())
    return Started(way.steady(outcome), answer["seconds"], answer["cpu_s"], answer["peak_kb"] * 1024 / 1e6)


@cache
def small_process() -> subprocess.Popen[str]:
    """Return the small process that starts all others; it ends when this process closes its stdin."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    atexit.register(process.communicate)
    return process


def interleave(
    ways: Sequence[Way],
    rounds: int,
    cwd: Path,
    after_round: Callable[[], None] = lambda: None,
    enough_s: float = float("inf"),
) -> list[Timing]:
    """Return one Timing per way; every round starts each way once, so that noise affects all ways equally.

    The first way is the reference. An additional first round is not counted.

    Args:
        after_round: Is called after each counted round.
        enough_s: No round begins after this number of seconds, provided that FEWEST_ROUNDS are complete.

    Raises:
        Failure: If a way that must agree prints or exits differently; other ways are left out.
    """
    timings = [Timing(way.name) for way in ways]
    expected = start(ways[0], cwd).outcome
    began = time.perf_counter()
    for round_number in range(rounds + 1):
        if round_number > FEWEST_ROUNDS and time.perf_counter() - began > enough_s:
            break
        for way, timing in zip(ways, timings, strict=True):
            if not timing.left_out:
                time_once(way, timing, cwd, expected, ways[0].name, is_counted=round_number > 0)
        if round_number > 0:
            after_round()
    return timings


def time_once(way: Way, timing: Timing, cwd: Path, expected: Outcome, yardstick: str, *, is_counted: bool) -> None:
    """Start a way once and record its time or why it is left out.

    Args:
        expected: The outcome of the reference.
        yardstick: The name of the reference.

    Raises:
        Failure: If the way must agree, and it differs or does not start.
    """
    try:
        started = start(way, cwd)
        if started.outcome != expected:
            raise Failure(difference(yardstick, expected, way.name, started.outcome))
    except Failure as failure:
        if way.must_agree:
            raise
        timing.leave_out(str(failure))
        return
    if is_counted:
        timing.seconds.append(started.seconds)
        timing.cpu_s.append(started.cpu_s)
        timing.peaks_mb.append(started.peak_mb)


def difference(expected_name: str, expected: Outcome, name: str, outcome: Outcome) -> str:
    """Return a sentence that shows the first difference between two outcomes."""
    if outcome.exit_code != expected.exit_code:
        last = outcome.stderr.decode(errors="replace").strip()[-600:]
        return f"{name}: exit code {outcome.exit_code}, but {expected_name}: {expected.exit_code}\n{last}"
    for stream in ("stdout", "stderr"):
        ours = getattr(outcome, stream).splitlines()
        theirs = getattr(expected, stream).splitlines()
        for number in range(max(len(ours), len(theirs))):
            if ours[number : number + 1] != theirs[number : number + 1]:
                return (
                    f"{stream} differs in line {number + 1}\n"
                    f"  {expected_name}: {theirs[number : number + 1]}\n  {name}: {ours[number : number + 1]}"
                )
    return f"{name} and {expected_name} differ in their line ends"


def environment_of(node: Path, cache_dir: Path) -> dict[str, str]:
    """Return an environment in which esmcache uses `node` and writes only below `cache_dir`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
    return {
        **kept,
        "ESMCACHE_DIR": str(cache_dir / "cache"),
        "ESMCACHE_NODE": str(node),
        "XDG_DATA_HOME": str(cache_dir / "data"),
    }


def esmcache(*arguments: str, environment: Mapping[str, str], cwd: Path, show: bool = False) -> str:
    """Return the standard output of an esmcache command.

    Args:
        show: Whether the output goes to the terminal instead; the result is then empty.

    Raises:
        Failure: If the exit code is not 0.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-m", "esmcache", *arguments],
            cwd=cwd,
            env=environment,
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise Failure(
            f"esmcache {' '.join(arguments)}: exit code {error.returncode}\n{(error.stderr or '').strip()}"
        ) from error
    return result.stdout or ""


def reports_of(way: Way, cwd: Path) -> list[dict[str, Any]]:
    """Return the runner's reports of one start of `way`: those of its process, workers and child processes.

    Raises:
        Failure: If the program cannot be started.
    """
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "report.json"
        start(replace(way, environment={**way.environment, "ESMCACHE_LOG": str(log)}), cwd)
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def served_modules(way: Way, cwd: Path) -> Served:
    """Return what the process of one start reports that got the most modules from the cache.

    Raises:
        Failure: If the program cannot be started, or code caches are not used.
    """
    reports = reports_of(way, cwd)
    if not reports:
        raise Failure(f"{way.name}: the runner left no report")
    report = max(reports, key=lambda each: int(each.get("served", 0)))
    if report.get("codeCaches") != "enabled":
        raise Failure(f"{way.name}: code caches are not used: {report}")
    return Served(from_cache=report["served"], natively=len(report["missed"]) + len(report["stale"]))


def node_version(node: Path) -> str:
    """Return the output of `node --version`.

    Raises:
        Failure: If Node cannot be started.
    """
    try:
        result = subprocess.run([node, "--version"], capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"{node} does not start: {error}") from error
    return result.stdout.strip()


def ways_of_starting(entry: Path, node: Path, cache_dir: Path) -> tuple[Way, Way, Way]:
    """Return plain Node, Node with its compile cache, and the preload; the caches of the last two are still cold."""
    environment = environment_of(node, cache_dir)
    hook = esmcache("hook", environment=environment, cwd=entry.parent).strip()
    compile_cache = {**environment, "NODE_COMPILE_CACHE": str(cache_dir / "node-compile-cache")}
    return (
        Way("node", (str(node), str(entry)), environment),
        Way("node, compile cache", (str(node), str(entry)), compile_cache),
        Way("node, esmcache", (str(node), "--require", hook, str(entry)), environment),
    )
