"""Fixtures for tests in real editors: the editors, a project to open, and the snippets of docs/how-to/editors.md.

The files that use them are named check_*.py, so that only `make test-editors-others`, which installs the editors, runs
them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import PROJECT, EsmcacheHome
from editors.terminal import Terminal

APP = """\
import { greet } from "./greet.mjs";
import { where } from "./missing.mjs";

console.log(greet(where));
"""
# The same program in JavaScript and in TypeScript.
APPS = {"app.mjs": APP, "app.ts": APP.replace("greet(where)", "greet(where as string)")}
GREET = """\
import { sep } from "node:path";

export const greet = (name) => `hello ${name ?? sep}`;
"""
FILES = {
    "package.json": '{ "name": "demo", "type": "module", "main": "app.mjs" }\n',
    "app.mjs": APP,
    "greet.mjs": GREET,
}


@dataclass(frozen=True)
class Lab:
    """Real editors, installed below `directory`, and a user's home with their configuration."""

    directory: Path
    home: Path
    workspace: Path
    environment: Mapping[str, str]

    def editor(self, name: str) -> Path:
        """Return the path of the editor's program."""
        return self.directory / "bin" / name

    def configure(self, path: str, content: str) -> None:
        """Write a file of the user's configuration."""
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")

    def write_app(self, name: str) -> None:
        """Write one of APPS into the workspace."""
        (self.workspace / name).write_text(APPS[name], encoding="utf-8")

    def open(self, command: Sequence[str | os.PathLike[str]]) -> Terminal:
        """Start an editor in a terminal, in the workspace."""
        return Terminal(self.editor("tmux"), command, cwd=self.workspace, environment=self.environment)


@pytest.fixture
def lab(tmp_path: Path, esmcache_home: EsmcacheHome) -> Lab:
    """Return the editors, and a workspace whose app.mjs imports an existing and a missing module."""
    directory = Path(os.environ.get("ESMCACHE_TEST_EDITORS") or PROJECT / ".cache" / "editors" / "others")
    if not directory.exists():
        pytest.fail(f"{directory} is missing: run `make test-editors-others`", pytrace=False)
    server = Path(os.environ.get("ESMCACHE_TEST_SERVER") or PROJECT / ".venv" / "bin")
    workspace = tmp_path / "demo"
    workspace.mkdir()
    for name, content in FILES.items():
        (workspace / name).write_text(content, encoding="utf-8")
    # The snippets expect a checkout at this path.
    (esmcache_home.root / "src").mkdir()
    (esmcache_home.root / "src" / "esmcache").symlink_to(PROJECT)
    environment = {**esmcache_home.environment, "PATH": f"{server}{os.pathsep}{os.environ['PATH']}"}
    return Lab(directory, esmcache_home.root, workspace, environment)


@pytest.fixture(scope="session")
def snippet() -> Callable[[str, str], str]:
    """Return a function that finds the fenced block with a given text below a heading of docs/how-to/editors.md."""
    page = (PROJECT / "docs" / "how-to" / "editors.md").read_text(encoding="utf-8")

    def find(heading: str, containing: str) -> str:
        section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert section, f"docs/how-to/editors.md has no section {heading}"
        for block in re.findall(r"^```\w+\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL):
            if containing in block:
                return str(block)
        raise AssertionError(f"no block of {heading} has {containing!r}")

    return find
