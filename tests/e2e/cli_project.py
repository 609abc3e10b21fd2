"""The small project of the tests of the command line, and what every answer must be like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import RunEsmcache

APP = """\
import {b as c} from './b.mjs';
import * as ns from './b.mjs';
import data from './d.json' with {type: 'json'};
export {c, ns};
export default function () {}
export {b as 'a string'} from './b.mjs';
export * from './b.mjs';
await import('./b.mjs');
import(data.name);
"""


def make_project(project: Path) -> None:
    """Make the project in a new directory."""
    project.mkdir()
    (project / "package.json").write_text('{"type": "module", "main": "app.mjs"}')
    (project / "app.mjs").write_text(APP)
    (project / "b.mjs").write_text("export const b = 1;\n")
    (project / "d.json").write_text('{"name": "./b.mjs"}')


def json_of(run_esmcache: RunEsmcache, *arguments: str | Path, cwd: Path, exit_code: int = 0) -> Any:
    answer = run_esmcache(*arguments, "--json", cwd=cwd)
    assert answer.returncode == exit_code, answer.stderr
    return json.loads(answer.stdout)


def check_one_line(stderr: str) -> None:
    assert stderr.startswith("esmcache: ") and stderr.count("\n") == 1 and "Traceback" not in stderr, stderr
