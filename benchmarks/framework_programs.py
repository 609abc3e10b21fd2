"""The frameworks and tools that the framework benchmark and its tests start, each with a small project."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from common import PROJECT, Failure, Outcome, Ready, Way
from framework_node_test import write_node_test
from startup_ways import ESMCACHE, NODE

FRAMEWORKS = PROJECT / "benchmarks" / "frameworks"
MODULES = FRAMEWORKS / "node_modules"

# Ports, durations, times of day and dates. Vite puts random letters or times into URLs, and jest says how long its last
# run took.
_UNSTEADY = re.compile(
    rb"(?<=127\.0\.0\.1:)\d+|\d+(?:\.\d+)?\s?(?:ms|s|seconds)\b(?:, estimated \d+ s)?|duration_ms [\d.]+"
    rb"|\d{4}-\d\d-\d\dT[\d:.]+Z|\d\d:\d\d:\d\d|(?<=\?v=)[\da-f]{8}|(?<=\?t=)\d+"
)
_SERVED_AT = r"http://127\.0\.0\.1:(\d+)"
_CATS = Ready(_SERVED_AT, "/cats")


@dataclass(frozen=True)
class Framework:
    """One row of the benchmark: how Node starts a framework or a tool in its project.

    `entry` is a file of an installed package, or of the project if it begins with `./`; it may have a `*`. `before`
    stands before it on the command line. `setup` are starts of Node that the project needs once.
    """

    name: str
    entry: str
    arguments: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    until: Ready | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[tuple[str, ...], ...] = ()
    exit_code: int = 0
    project: str = ""
    any_order: bool = False

    @property
    def directory_name(self) -> str:
        """Return the name of the project's directory."""
        return self.project or self.name

    def native(self, node: Path, modules: Path, environment: Mapping[str, str]) -> Way:
        """Return the way of starting it with Node alone.

        Args:
            node: The Node.
            modules: The node_modules with the installed packages.
            environment: The environment of every start.
        """
        entry = self.entry if self.entry.startswith("./") else str(modules / self.entry)
        command = (str(node), *self.before, entry, *self.arguments)
        return Way(NODE, command, {**environment, **self.environment}, until=self.until, steady=self.steady)

    def entries(self, project: Path, modules: Path) -> list[Path]:
        """Return the files that a user would warm.

        Args:
            project: The directory of the project.
            modules: The node_modules with the installed packages.
        """
        return sorted(project.glob(self.entry)) if self.entry.startswith("./") else [modules / self.entry]

    def place(
        self, parent: Path, modules: Path, node: Path, environment: Mapping[str, str], test_files: int = 40
    ) -> Path:
        """Write the project into a new directory, set it up, and return the directory.

        Args:
            parent: The directory above it.
            modules: The node_modules with the installed packages.
            node: The Node that sets the project up.
            environment: The environment of that Node.
            test_files: The number of test files, if they are generated.

        Raises:
            Failure: If the project cannot be set up.
        """
        directory = parent / self.directory_name
        shutil.rmtree(directory, ignore_errors=True)
        if self.entry == NODE_TEST_FILES:
            write_node_test(directory, test_files)
        else:
            shutil.copytree(FRAMEWORKS / "projects" / self.directory_name, directory)
        for entry, *arguments in self.setup:
            command = [str(node), str(modules / entry), *arguments]
            result = subprocess.run(
                command, cwd=directory, env={**environment, **self.environment}, capture_output=True, check=False
            )
            if result.returncode:
                shown = (result.stdout + result.stderr).decode(errors="replace").strip()[-600:]
                raise Failure(f"{self.name}: {entry} {' '.join(arguments)} fails\n{shown}")
        return directory

    def steady(self, outcome: Outcome) -> Outcome:
        """Return an outcome without what differs from start to start by itself."""
        return replace(outcome, stdout=self._steady(outcome.stdout), stderr=self._steady(outcome.stderr))

    def _steady(self, output: bytes) -> bytes:
        lines = _UNSTEADY.sub(b"...", output).splitlines(keepends=True)
        return b"".join(sorted(lines) if self.any_order else lines)


def served(native: Way, hook: str) -> Way:
    """Return the way of starting the same with the cache. Workers and child processes use the cache, too."""
    return replace(native, name=ESMCACHE, environment={**native.environment, "NODE_OPTIONS": f"--require {hook}"})


NODE_TEST_FILES = "./tests/*.test.mjs"
_NEXT = "next/dist/bin/next"
_NEXT_ENV = {"NEXT_TELEMETRY_DISABLED": "1"}
_NEXT_AT = ("--hostname", "127.0.0.1", "--port", "0")
_NPM = "npm/bin/npm-cli.js"
_NPM_FLAGS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--offline")
_DD_ENV = {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
_OTEL_ENV = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")

ROWS = (
    Framework("vite dev", "vite/bin/vite.js", until=Ready(_SERVED_AT, "/src/main.jsx"), project="vite"),
    Framework("vitest", "vitest/vitest.mjs", ("run",), any_order=True),
    Framework("jest", "jest/bin/jest.js", any_order=True),
    Framework("mocha", "mocha/bin/mocha.js"),
    Framework("nest", "./main.js", until=_CATS),
    Framework(
        "next start",
        _NEXT,
        ("start", *_NEXT_AT),
        until=Ready(_SERVED_AT, "/"),
        environment=_NEXT_ENV,
        # Turbopack refuses packages behind a link, as the tests have them.
        setup=((_NEXT, "build", "--webpack"),),
        project="next",
    ),
    Framework("next dev", _NEXT, ("dev", *_NEXT_AT), until=Ready("Ready in"), environment=_NEXT_ENV, project="next"),
    Framework("fastify", "./server.mjs", until=_CATS),
    Framework("eslint", "eslint/bin/eslint.js", ("src",), exit_code=1),
    Framework("webpack", "webpack-cli/bin/cli.js"),
    Framework(
        "wrangler",
        "wrangler/bin/wrangler.js",
        ("deploy", "--dry-run", "--outdir", "dist"),
        environment={"WRANGLER_SEND_METRICS": "false"},
    ),
    Framework("playwright --list", "@playwright/test/cli.js", ("test", "--list"), project="playwright"),
    Framework("npm ls", _NPM, ("ls", "--all", "--offline"), setup=((_NPM, "install", *_NPM_FLAGS),), project="npm"),
    Framework("ng build", "@angular/cli/bin/ng.js", ("build",), project="angular"),
    Framework("dd-trace", "./server.cjs", before=("--require", "dd-trace/init"), until=_CATS, environment=_DD_ENV),
    Framework(
        "OpenTelemetry",
        "./server.mjs",
        before=("--import", "./instrumentation.mjs"),
        until=_CATS,
        environment=_OTEL_ENV,
        project="opentelemetry",
    ),
    Framework("piscina", "./main.mjs"),
    Framework("tsx", "tsx/dist/cli.mjs", ("main.ts",)),
    Framework("node --test", NODE_TEST_FILES, before=("--test",), any_order=True, project="node-test"),
)
NAMES = tuple(row.name for row in ROWS)
