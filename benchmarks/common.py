"""Interleaved timing of several ways to start one program, and the checks that they do the same.

Knows esmcache only by its command line, as any user does.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NODE24 = PROJECT / ".cache" / "node" / "node24"

# What would change how Node or esmcache starts does not reach the programs that are measured.
_FOREIGN_PREFIXES = ("ESMCACHE_", "NODE_COMPILE", "NODE_DEBUG", "NODE_OPTIONS", "NODE_PATH", "NODE_V8")


class Failure(Exception):
    """Says in one sentence why there are no figures."""


@dataclass(frozen=True)
class Outcome:
    """All that a program lets the outside see."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Way:
    """One way of starting the program: `python -m this` or `node that`, and its environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass
class Timing:
    """The wall times of one way, in the order of the rounds."""

    way: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """Return the median wall time in seconds."""
        return statistics.median(self.seconds)

    def as_json(self) -> dict[str, object]:
        """Return the figures in milliseconds, rounded to what can be told apart."""
        milliseconds = [round(second * 1000, 2) for second in self.seconds]
        return {
            "way": self.way,
            "median_ms": round(self.median_s * 1000, 2),
            "min_ms": min(milliseconds),
            "max_ms": max(milliseconds),
            "rounds_ms": milliseconds,
        }


@dataclass(frozen=True)
class Served:
    """What the runner reported about starts: modules from the cache, and modules Node loaded itself."""

    from_cache: int
    natively: int


def start(way: Way, cwd: Path) -> tuple[Outcome, float]:
    """Return what the program did and the seconds it took, from before the fork to after the wait."""
    before = time.perf_counter()
    result = subprocess.run(
        way.command,
        cwd=cwd,
        env=way.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    seconds = time.perf_counter() - before
    return Outcome(result.returncode, result.stdout, result.stderr), seconds


def interleave(
    ways: Sequence[Way], rounds: int, cwd: Path, after_round: Callable[[], None] = lambda: None
) -> list[Timing]:
    """Return one Timing per way; every round starts each way once, so that noise meets all alike.

    The first way is the yardstick: Failure if any start of another prints or exits differently.
    One more round comes first and is not counted.
    """
    timings = [Timing(way.name) for way in ways]
    expected, _ = start(ways[0], cwd)
    for round_number in range(rounds + 1):
        for way, timing in zip(ways, timings, strict=True):
            outcome, seconds = start(way, cwd)
            if outcome != expected:
                raise Failure(difference(ways[0].name, expected, way.name, outcome))
            if round_number > 0:
                timing.seconds.append(seconds)
        if round_number > 0:
            after_round()
    return timings


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
    """Return an environment in which esmcache uses `node` and keeps everything below `cache_dir`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_PREFIXES)}
    return {
        **kept,
        "ESMCACHE_DIR": str(cache_dir / "cache"),
        "ESMCACHE_NODE": str(node),
        "XDG_DATA_HOME": str(cache_dir / "data"),
    }


def esmcache(*arguments: str, environment: Mapping[str, str], cwd: Path, show: bool = False) -> str:
    """Return the standard output of an esmcache command; `show` leaves the terminal to it.

    Failure if it does not exit with 0.
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


def served_modules(way: Way, cwd: Path) -> Served:
    """Return what the runner itself reports about one start of `way`; Failure if its code caches are not used."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "report.json"
        start(replace(way, environment={**way.environment, "ESMCACHE_LOG": str(log)}), cwd)
        try:
            report = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        except (OSError, ValueError, IndexError) as error:
            raise Failure(f"{way.name}: the runner left no report") from error
    if report.get("codeCaches") != "enabled":
        raise Failure(f"{way.name}: code caches are not used: {report}")
    return Served(from_cache=report["served"], natively=len(report["missed"]) + len(report["stale"]))


def node_version(node: Path) -> str:
    """Return what `node --version` prints; Failure if it cannot be started."""
    try:
        result = subprocess.run([node, "--version"], capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"{node} does not start: {error}") from error
    return result.stdout.strip()


def ways_of_starting(entry: Path, node: Path, cache_dir: Path) -> tuple[Way, Way, Way]:
    """Return plain Node, Node with its compile cache, and the preload; the latter two are still cold."""
    environment = environment_of(node, cache_dir)
    hook = esmcache("hook", environment=environment, cwd=entry.parent).strip()
    compile_cache = {**environment, "NODE_COMPILE_CACHE": str(cache_dir / "node-compile-cache")}
    return (
        Way("node", (str(node), str(entry)), environment),
        Way("node, compile cache", (str(node), str(entry)), compile_cache),
        Way("node, esmcache", (str(node), "--require", hook, str(entry)), environment),
    )
