"""The programs that the start-up benchmark starts: over npm packages, of TypeScript, and real command-line tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from common import PROJECT, Failure
from startup_typescript import write_typescript

DIRECTORY = PROJECT / ".cache" / "benchmark"
LOCKED = PROJECT / "tests" / "fixtures" / "packages"
TOOLS = PROJECT / "benchmarks" / "tools"

ALL = "all packages"
PACKAGES_OF: dict[str, tuple[str, ...]] = {
    "hello": (),
    "lodash-es": ("lodash-es",),
    "three": ("three",),
    "effect": ("effect",),
    "date-fns": ("date-fns",),
    "rxjs+d3+ramda": ("rxjs", "d3", "ramda"),
    ALL: ("lodash-es", "effect", "date-fns", "three", "rxjs", "d3", "ramda", "zod"),
}
# The number of modules of each TypeScript program, and the npm packages that it imports.
TYPESCRIPT: dict[str, tuple[int, tuple[str, ...]]] = {
    "TypeScript": (300, ()),
    "TypeScript+npm": (150, ("lodash-es", "zod", "effect")),
    "one TypeScript file": (0, ()),
}
# Each tool does real work on benchmarks/tools/inputs, offline, and prints no times. semantic-release only prints its
# version, since it would otherwise look for releases of this repository. It loads all its modules even for that.
TOOL_COMMANDS: dict[str, tuple[str, ...]] = {
    "stylelint": ("stylelint/bin/stylelint.mjs", "style.css"),
    "cspell": ("cspell/bin.mjs", "--no-progress", "--no-color", "text.md"),
    "remark": ("remark-cli/cli.js", "--no-color", "text.md"),
    "markdownlint-cli2": ("markdownlint-cli2/markdownlint-cli2-bin.mjs", "text.md"),
    "lighthouse": ("lighthouse/cli/index.js", "--list-all-audits"),
    "semantic-release": ("semantic-release/bin/semantic-release.js", "--version"),
    "knip": ("knip/bin/knip.js", "--no-progress"),
    "ava": ("ava/entrypoints/cli.js", "--no-color"),
    "prettier": ("prettier/bin/prettier.cjs", "--check", "style.css"),
}
# Exit codes of the tools that have findings in the inputs; all other programs exit with 0.
FINDINGS = {"stylelint": 2, "cspell": 1, "knip": 1, "prettier": 1}
# The namespace of a CommonJS module has these names in some runtimes only; all other names agree.
COUNT = """
function count(namespace) {
  const varying = ['default', 'module.exports', '__esModule'];
  return Object.keys(namespace).filter((name) => !varying.includes(name)).length;
}
""".strip()
NAMES = (*PACKAGES_OF, *TYPESCRIPT, *TOOL_COMMANDS)


@dataclass(frozen=True)
class Program:
    """One program: its entry point, its arguments and its working directory."""

    name: str
    entry: Path
    arguments: tuple[str, ...]
    cwd: Path

    @property
    def exit_code(self) -> int:
        """Return the exit code of a successful run."""
        return FINDINGS.get(self.name, 0)

    @property
    def is_tool(self) -> bool:
        """Return whether the program is an existing command-line tool and not one that is written here."""
        return self.name in TOOL_COMMANDS

    @property
    def is_typescript(self) -> bool:
        """Return whether the program is written in TypeScript."""
        return self.name in TYPESCRIPT


def programs(names: list[str]) -> list[Program]:
    """Return the programs in the order of NAMES, and write those of this module.

    Raises:
        Failure: If a tool is not installed.
    """
    found = []
    for name in NAMES:
        if name not in names:
            continue
        if name in PACKAGES_OF:
            found.append(Program(name, write_program(name), (), DIRECTORY))
            continue
        if name in TYPESCRIPT:
            entry_of = write_typescript(DIRECTORY / name.replace(" ", "-").replace("+", "-"), *TYPESCRIPT[name])
            found.append(Program(name, entry_of, (), entry_of.parent))
            continue
        entry, *arguments = TOOL_COMMANDS[name]
        path = TOOLS / "node_modules" / entry
        if not path.is_file():
            raise Failure(f"{name} is not installed: `make bench` installs it")
        found.append(Program(name, path, tuple(arguments), TOOLS / "inputs"))
    return found


def write_program(name: str) -> Path:
    """Return the path of a new module that imports its packages as namespaces and prints their numbers of exports."""
    packages = PACKAGES_OF[name]
    lines = [f"import * as p{number} from '{package}';" for number, package in enumerate(packages)]
    lines += [f"console.log('{package}', count(p{n}));" for n, package in enumerate(packages)]
    text = "\n".join([*lines, COUNT] if packages else ["console.log('hello');"]) + "\n"
    entry = DIRECTORY / f"{name.replace(' ', '-')}.mjs"
    if not entry.exists() or entry.read_text(encoding="utf-8") != text:
        entry.write_text(text, encoding="utf-8")
    return entry


def install_packages(node: Path) -> None:
    """Install the packages of the tests' lock file into the benchmark's own directory, which the benchmark changes.

    Raises:
        Failure: If npm cannot install them.
    """
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    lock = LOCKED / "package-lock.json"
    installed = DIRECTORY / "package-lock.json"
    complete = (DIRECTORY / "node_modules").is_dir() and installed.is_file()
    if complete and installed.read_bytes() == lock.read_bytes():
        return
    for name in ("package.json", ".npmrc"):
        shutil.copyfile(LOCKED / name, DIRECTORY / name)
    shutil.copyfile(lock, installed)
    npm = PROJECT / ".cache" / "node" / "npm" / "bin" / "npm-cli.js"
    command = [str(node), str(npm)] if npm.exists() else [shutil.which("npm") or "npm"]
    flags = ["--ignore-scripts", "--no-bin-links", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(
            [*command, "ci", *flags],
            cwd=DIRECTORY,
            env={**os.environ, "npm_config_cache": str(PROJECT / ".cache" / "npm")},
            stdout=sys.stderr,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        installed.unlink()
        raise Failure(f"npm could not install the packages: {error}") from error
