"""Fixtures for all tests: Node binaries, installed packages, an empty home, and the command line.

The Makefile installs the binaries and packages in the checkout; environment variables may name other places.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from unittest.mock import patch

import hypothesis
import pytest

import node_choice
from forked_command import ForkedCommand, PlainPopen
from shared_nodes import described_once, shared_workers

# The duration of an example depends on the machine's load, and no run may depend on examples of earlier runs.
hypothesis.settings.register_profile(
    "suite", deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# pytest explains failed assertions of program.py as it does those of test files.
pytest.register_assert_rewrite("program")

PROJECT = Path(__file__).resolve().parent.parent
# `make test-all` sets the variable. Without it, the tests that run each of many inputs in many ways run each in some.
_EVERYTHING = "ESMCACHE_TEST_EVERYTHING"
EVERYTHING = bool(os.environ.get(_EVERYTHING))
_Value = TypeVar("_Value")

# The Markdown cases add the option --update-golden.
if (PROJECT / "tests" / "case_file.py").exists():
    pytest_plugins = ["case_file"]

# A developer's own settings must not reach the Node and the esmcache that tests start.
FOREIGN_VARIABLES = (
    "COLUMNS",
    "ESMCACHE_DIR",
    "ESMCACHE_DISABLE",
    "ESMCACHE_LOG",
    "ESMCACHE_NODE",
    "ESMCACHE_UNTESTED_NODE",
    "FORCE_COLOR",
    "NODE_COMPILE_CACHE",
    "NODE_DEBUG",
    "NODE_DISABLE_COMPILE_CACHE",
    "NODE_NO_WARNINGS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_PENDING_DEPRECATION",
    "NODE_V8_COVERAGE",
    "NO_COLOR",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{node_choice.MARK}: run under every Node, even without {_EVERYTHING}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not EVERYTHING:
        items[:], left = node_choice.chosen(items)
        config.hook.pytest_deselected(items=left)


@dataclass(frozen=True)
class EsmcacheHome:
    """A user's directories, empty at first; `environment` points a process to them."""

    root: Path
    cache_dir: Path
    environment: Mapping[str, str]


class RunEsmcache(Protocol):
    """Runs `esmcache` with the given arguments and returns its output as text."""

    def __call__(
        self,
        *arguments: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]: ...


def user_environment(home: Path) -> dict[str, str]:
    """Return the environment of a user's processes, without a developer's own settings."""
    return {
        **{name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }


def some(values: Sequence[_Value], count: int) -> Sequence[_Value]:
    """Return the first `count` values, or all of them for `make test-all`."""
    return values if EVERYTHING else values[:count]


def _place(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or PROJECT / default)


def _installed(variable: str, default: str) -> Path:
    path = _place(variable, default)
    if not path.exists():
        pytest.fail(f"{path} is missing: run `make setup` first, or set {variable}", pytrace=False)
    return path.resolve()


@pytest.fixture(scope="session", autouse=True)
def shared_nodes() -> Iterator[None]:
    """Let all caches of this process share what is known of the tests' Nodes, and the workers."""
    nodes = installed_nodes()
    with described_once(nodes), shared_workers(nodes):
        yield


@pytest.fixture(scope="session")
def node() -> Path:
    """Return the binary of Node 24, which all tests use except those about versions."""
    return node_of("node24")


@pytest.fixture(scope="session", params=["node22", "node24", "node26"])
def any_node(request: pytest.FixtureRequest) -> Path:
    """Return each supported Node in turn: 22.15 (the oldest), 24 and 26; `make test` chooses one for each case."""
    return node_of(request.param)


@pytest.fixture(scope="session", params=["node22ts", "node24", "node26"])
def typescript_node(request: pytest.FixtureRequest) -> Path:
    """Return each Node that runs TypeScript in turn; `make test` chooses one for each case."""
    return node_of(request.param)


def node_of(name: str) -> Path:
    """Return the binary of `node22`, `node24`, `node26`, or `node22ts`, the newest Node 22, which runs TypeScript."""
    return _installed(*_names_of(name))


def installed_nodes() -> list[Path]:
    """Return the binaries of those Nodes that are installed."""
    places = [_place(*_names_of(name)) for name in ("node22", "node22ts", "node24", "node26")]
    return [path.resolve() for path in places if path.exists()]


def _names_of(node: str) -> tuple[str, str]:
    return f"ESMCACHE_TEST_{node.upper()}", f".cache/node/{node}"


def url_data() -> Path:
    """Return the URL test data of web-platform-tests."""
    return _installed("ESMCACHE_TEST_URL_DATA", ".cache/url-data/urltestdata.json")


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """Return a directory with real packages in its node_modules; tests only read it."""
    return _installed("ESMCACHE_TEST_PACKAGES", "tests/fixtures/packages/node_modules").parent


@pytest.fixture(scope="session")
def npm_tools() -> Path:
    """Return a node_modules with real command-line tools; tests only read it."""
    return _installed("ESMCACHE_TEST_TOOLS", "benchmarks/tools/node_modules")


@pytest.fixture(scope="session")
def example() -> Path:
    """Return the directory of the example program with its installed packages; tests only read it."""
    return _installed("ESMCACHE_TEST_EXAMPLE", "examples/dashboard/node_modules").parent


@pytest.fixture
def esmcache_home(tmp_path: Path, node: Path, monkeypatch: pytest.MonkeyPatch) -> EsmcacheHome:
    """Return an empty home with its own cache directory, and set this process's environment to it."""
    root = tmp_path / "home"
    root.mkdir(mode=0o700)
    cache_dir = root / "esmcache"
    variables = {
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / ".cache"),
        "XDG_CONFIG_HOME": str(root / ".config"),
        "XDG_DATA_HOME": str(root / ".local" / "share"),
        "XDG_STATE_HOME": str(root / ".local" / "state"),
        "ESMCACHE_DIR": str(cache_dir),
        "ESMCACHE_NODE": str(node),
    }
    for name in FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return EsmcacheHome(root, cache_dir, dict(os.environ))


@pytest.fixture(scope="session", autouse=True)
def forked_command() -> Iterator[ForkedCommand]:
    """Return the process whose forks are the test run's command lines and language servers."""
    forked = ForkedCommand(installed_nodes())
    with patch.object(subprocess, "Popen", forked.popen("esmcache_lsp")):
        yield forked
    forked.close()


@pytest.fixture
def forked_starts(forked_command: ForkedCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `subprocess` start `esmcache`, too, as a fork; a test that looks at how processes were started cannot."""
    monkeypatch.setattr(subprocess, "Popen", forked_command.popen("esmcache", "esmcache_lsp"))


@pytest.fixture
def without_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `subprocess` start all processes as users do, so that their environments are in /proc, too."""
    monkeypatch.setattr(subprocess, "Popen", PlainPopen)


@pytest.fixture
def run_esmcache(esmcache_home: EsmcacheHome, tmp_path: Path, forked_command: ForkedCommand) -> RunEsmcache:
    """Return a function that runs the command line in the test's home; `env` adds to its environment."""

    def run(
        *arguments: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        environment = {**esmcache_home.environment, **(env or {})}
        return forked_command.run(
            [os.fspath(argument) for argument in arguments],
            cwd or tmp_path,
            environment,
            stdin=stdin,
            timeout_s=timeout_s,
        )

    return run
