"""The workspaces of the editing benchmark: modules of real packages, and one entry point that imports them all."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from common import PROJECT, Failure
from esmcache.analysis import analyse_module

PACKAGES = PROJECT / "tests" / "fixtures" / "packages" / "node_modules"
MODULES = 2_000
LARGEST = 100_000
_STRIP = """
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
const texts = JSON.parse(readFileSync(0, 'utf8')).map((text) => {
  try {
    return stripTypeScriptTypes(text);
  } catch {
    return null;
  }
});
console.log(JSON.stringify(texts));
"""


def make_workspace(workspace: Path) -> list[Path]:
    """Copy real modules into a workspace of one package with one entry point; return the modules' paths.

    Raises:
        Failure: If the packages are not installed.
    """
    names = ("lodash-es", "date-fns", "effect/dist", "ramda/es", "three/src", "d3-array", "d3-scale", "zod/v4")
    paths: list[Path] = []
    for name in names:
        root = PACKAGES / name
        for path in sorted(root.rglob("*.js")) if len(paths) < MODULES else ():
            text = path.read_text("utf-8", "replace")
            inside = path.relative_to(root)
            if len(text) <= LARGEST and _is_whole(path, text) and "node_modules" not in inside.parts:
                target = workspace / "src" / name.replace("/", "-") / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                paths.append(target)
    whole = _without_broken_imports({path: path.read_text("utf-8", "replace") for path in paths})
    _write_package(workspace, whole, "main.js")
    return whole


def make_typescript_workspace(workspace: Path, node: Path) -> list[Path]:
    """Copy real TypeScript that Node strips, of every size, as `make_workspace` copies JavaScript.

    Raises:
        Failure: If the package is not installed.
    """
    root = PACKAGES / "effect" / "src"
    texts = {path: path.read_text("utf-8") for path in sorted(root.rglob("*.ts"))}
    codes: dict[Path, str] = {}
    for (path, text), code in zip(texts.items(), _without_types(list(texts.values()), node), strict=True):
        if code is not None:
            target = workspace / "src" / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
            codes[target] = code
    whole = _without_broken_imports(codes)
    _write_package(workspace, whole, "main.ts")
    return whole


def _without_types(texts: Sequence[str], node: Path) -> list[str | None]:
    """Return each text without types, or None if Node cannot strip it."""
    command = [str(node), "--no-warnings", "--input-type=module", "--eval", _STRIP]
    result = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
    stripped: list[str | None] = json.loads(result.stdout)
    return stripped


def _without_broken_imports(codes: dict[Path, str]) -> list[Path]:
    """Remove the modules that import a missing file, such as one that was too large, until no import is broken."""
    left = list(codes)
    while lost := [path for path in left if not _is_whole(path, codes[path])]:
        for path in lost:
            path.unlink()
        left = [path for path in left if path not in set(lost)]
    return left


def _write_package(workspace: Path, paths: Sequence[Path], entry: str) -> None:
    if not paths:
        raise Failure(f"there is nothing below {PACKAGES}: make setup installs it")
    (workspace / "package.json").write_text(f'{{"name": "workspace", "type": "module", "main": "./{entry}"}}')
    imports = [f"import * as m{i} from './{path.relative_to(workspace)}';" for i, path in enumerate(paths)]
    (workspace / entry).write_text("\n".join([*imports, f"console.log({len(paths)});", ""]))


def _is_whole(path: Path, text: str) -> bool:
    requests = analyse_module(text.encode()).record.requested_modules
    return all(one.specifier.startswith(".") and (path.parent / one.specifier).is_file() for one in requests)
