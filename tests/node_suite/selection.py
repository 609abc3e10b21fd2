"""Selects the tests that concern modules from a copy of Node's sources. It starts nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The tests of a suite match its patterns and belong to no earlier suite.
SUITES = {
    "es-module": ("es-module/test-*",),
    "module-hooks": ("module-hooks/test-*",),
    "modules": tuple(
        f"{directory}/test-{prefix}*"
        for directory in ("parallel", "sequential")
        for prefix in ("module", "require", "esm", "cjs", "import", "dynamic-import", "resolution", "internal-module")
    ),
    "preloads, entry points": (
        *(f"parallel/test-{prefix}-*" for prefix in ("cli", "stdin", "cwd-enoent", "process-argv", "process-exec")),
        "parallel/test-*preload*",
        "parallel/test-node-run*",
    ),
    "vm, realms": ("parallel/test-vm-*", "parallel/test-shadow-realm-*", "parallel/test-eval*"),
    "compile cache, source maps": ("parallel/test-compile-cache-*", "parallel/test-*source-map*"),
    "permission model": ("parallel/test-permission-*",),
    "workers": ("parallel/test-worker*", "sequential/test-worker*"),
    "test runner, coverage": ("parallel/test-runner-*", "parallel/test-v8-coverage*"),
    "errors, snapshots, watching": (
        *(f"parallel/test-{prefix}*" for prefix in ("error", "snapshot", "disable", "experimental", "bootstrap")),
        "*/test-*watch*mode*",
    ),
}
_FLAGS = re.compile(r"//\s+Flags:(.*)")
_ENVIRONMENT = re.compile(r"//\s+Env:(.*)")


@dataclass(frozen=True)
class NodeTest:
    """One test file, and how Node's own runner starts it."""

    suite: str
    name: str
    number: int
    flags: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


def select(sources: Path) -> list[NodeTest]:
    """Return the tests of all suites in the copy of Node's sources at `sources`."""
    suites: dict[str, str] = {}
    for suite, patterns in SUITES.items():
        for pattern in patterns:
            for path in (sources / "test").glob(pattern):
                if path.suffix in (".js", ".mjs") and path.is_file():
                    suites.setdefault(path.relative_to(sources).as_posix(), suite)
    skipped = set(_skipped(sources))
    ordered = sorted(suites, key=lambda name: (list(SUITES).index(suites[name]), name))
    return [_read(sources, suites[name], name, number) for number, name in enumerate(ordered) if name not in skipped]


def _read(sources: Path, suite: str, name: str, number: int) -> NodeTest:
    text = (sources / name).read_text(encoding="utf-8")
    flags, environment = _FLAGS.search(text), _ENVIRONMENT.search(text)
    variables = [] if environment is None else [word.partition("=") for word in environment[1].split()]
    return NodeTest(
        suite,
        name,
        number,
        () if flags is None else tuple(shlex.split(flags[1])),
        tuple((variable, value) for variable, _, value in variables),
    )


def _skipped(sources: Path) -> Iterator[str]:
    """Yield the tests that Node's own runner skips on every platform."""
    for status in sources.glob("test/*/*.status"):
        section = ""
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line
            elif section.startswith("[true]") and (skip := re.match(r"([\w-]+)\s*:\s*SKIP", line)):
                for suffix in (".js", ".mjs"):
                    yield f"test/{status.parent.name}/{skip[1]}{suffix}"
