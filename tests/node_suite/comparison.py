"""Runs tests in every way, repeats them if the ways differ, and reads which differences are expected and why."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from node_suite.running import NodeTestRunner, Outcome, Way
from node_suite.selection import NodeTest

PASS_THROUGH = Path(__file__).parent / "passthrough.cjs"
_EXPECTED = Path(__file__).parent / "expected.toml"
# A test that passes once in three attempts has a race of Node's own.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Result:
    """The outcome of one test in each way: plain, with pass-through hooks, with our preload cold, and served."""

    test: NodeTest
    plain: Outcome
    pass_through: Outcome
    cold: Outcome
    served: Outcome

    @property
    def differs(self) -> bool:
        """Return whether the test passes plain and fails with our preload."""
        return self.plain.passed and not (self.cold.passed and self.served.passed)

    @property
    def is_ours(self) -> bool:
        """Return whether the difference is ours, since hooks that change nothing make no difference."""
        return self.differs and self.pass_through.passed


def compare(runner: NodeTestRunner, tests: Sequence[NodeTest], home: Path, jobs: int) -> list[Result]:
    """Return the result of each test; `home` contains the cache and the preload."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "ESMCACHE_DIR": str(home / "cache"),
    }

    def esmcache(*arguments: str | Path) -> str:
        command = [sys.executable, "-m", "esmcache", *arguments, "--node", runner.node]
        return subprocess.run(
            command,
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            text=True,
        ).stdout.strip()

    own = {"ESMCACHE_DIR": environment["ESMCACHE_DIR"]}
    hook = Path(esmcache("hook"))
    plain, pass_through = Way("plain", None, {}), Way("pass-through", PASS_THROUGH, {})
    cold, served = Way("cold", hook, own), Way("served", hook, own)

    def all_of(way: Way) -> list[Outcome]:
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(_reporting(way, lambda test: runner.run(test, way)), tests))

    firsts = [all_of(way) for way in (plain, pass_through, cold)]
    # The first warm adds the tests themselves, the second the fixtures that they started.
    esmcache("warm", *(runner.sources / test.name for test in tests))
    esmcache("warm", "--missed")
    results = [Result(*row) for row in zip(tests, *firsts, all_of(served), strict=True)]
    empty = home / "empty"
    empty.mkdir(mode=0o700)
    again = (plain, pass_through, Way("cold", hook, {"ESMCACHE_DIR": str(empty)}), served)
    return [_settled(runner, result, again) for result in results]


def _reporting(way: Way, run: Callable[[NodeTest], Outcome]) -> Callable[[NodeTest], Outcome]:
    def reporting(test: NodeTest) -> Outcome:
        print(f"\r{way.name}: {test.number}\033[K", end="", file=sys.stderr, flush=True)
        return run(test)

    return reporting


def _settled(runner: NodeTestRunner, result: Result, ways: tuple[Way, ...]) -> Result:
    """Return a result in which a way fails only if all attempts fail; the attempts run one test at a time."""
    if result.plain.passed == result.pass_through.passed == result.cold.passed == result.served.passed:
        return result
    outcomes = [result.plain, result.pass_through, result.cold, result.served]
    for _ in range(_ATTEMPTS - 1):
        for number, way in enumerate(ways):
            if not outcomes[number].passed:
                outcomes[number] = runner.run(result.test, way)
    return Result(result.test, *outcomes)


def expected_differences() -> dict[str, str]:
    """Return the reasons of the known differences, by test."""
    table = tomllib.loads(_EXPECTED.read_text(encoding="utf-8"))
    return {name: difference["reason"] for difference in table.get("difference", ()) for name in difference["tests"]}
