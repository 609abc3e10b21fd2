"""Installs the wheel and the sdist into clean environments of each Python, and starts a program from their cache."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from removing import remove_tree

PROJECT = Path(__file__).resolve().parent.parent
_NAMES = ("python3.11", "python3.12", "python3.13", "python3.14")
_PROGRAM = {
    "package.json": '{"type": "module"}',
    "main.js": "import { answer } from './answer.js';\nconsole.log(`the answer is ${answer}`);\n",
    "answer.js": "export const answer = 42;\n",
}
_OUTPUT = "the answer is 42\n"


class PackageError(Exception):
    """The reason why a package does not work under a Python."""


def main() -> int:
    """Check both packages under every Python that is found; return 1 if one of them does not work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", type=Path, required=True, help="the Node that starts the program")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="the directory of the wheel and the sdist")
    arguments = parser.parse_args()
    packages = [*arguments.dist.resolve().glob("*.whl"), *arguments.dist.resolve().glob("*.tar.gz")]
    if [package.suffix for package in packages] != [".whl", ".gz"]:
        parser.error(f"{arguments.dist} does not hold one wheel and one sdist: run `make package`")
    failures = checks = 0
    versions: dict[str, str] = {}
    for name in (sys.executable, *_NAMES):
        version = _version(name)
        if version is None:
            print(f"{name}: not found, or it cannot make environments")
        else:
            versions.setdefault(version, name)
    for version, python in versions.items():
        for package in packages:
            checks += 1
            try:
                served = check_package(python, package, arguments.node.resolve())
            except PackageError as error:
                failures += 1
                print(f"Python {version}, {package.name}: {error}")
            else:
                print(f"Python {version}, {package.name}: {served} modules served")
    print(f"{checks - failures} passed, {failures} failed")
    return 1 if failures else 0


def check_package(python: str, package: Path, node: Path) -> int:
    """Return how many modules were served to a program whose cache the installed package made; raises PackageError."""
    with TemporaryDirectory() as directory:
        root = Path(directory)
        # Nothing of the checkout may be imported, and no setting of the developer may count.
        foreign = ("ESMCACHE", "NODE", "PYTHON")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environment = {
            **clean,
            "HOME": str(root / "home"),
            "XDG_DATA_HOME": str(root / "home" / "share"),
            "XDG_CONFIG_HOME": str(root / "home" / "config"),
            "ESMCACHE_DIR": str(root / "cache"),
        }
        program = root / "program"
        program.mkdir()
        for name, text in _PROGRAM.items():
            (program / name).write_text(text, encoding="utf-8")
        constraints = PROJECT / "requirements-dev.txt"
        _run([python, "-m", "venv", str(root / "venv")], root, clean)
        pip = [str(root / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        # pip keeps the user's home, for the settings that name a registry.
        _run([*pip, "install", "--quiet", "--constraint", str(constraints), str(package)], root, clean)
        _run([*pip, "check"], root, clean)
        esmcache = str(root / "venv" / "bin" / "esmcache")
        try:
            _run([esmcache + "-lsp", "--version"], program, environment)
            _run([esmcache, "warm", "--node", str(node), "main.js"], program, environment)
            hook = _run([esmcache, "hook"], program, environment).strip()
            logged = {**environment, "ESMCACHE_LOG": str(root / "log")}
            output = _run([str(node), "--require", hook, "main.js"], program, logged)
        finally:
            # esmcache lets nobody write to some of its directories.
            remove_tree(root / "cache")
        if output != _OUTPUT:
            raise PackageError(f"the program printed {output!r}")
        return _served((root / "log").read_text(encoding="utf-8").splitlines())


def _served(reports: Sequence[str]) -> int:
    """Return how many modules the one start was served; raises PackageError unless it was all of them."""
    (report,) = map(json.loads, reports)
    if report["served"] != 2 or report["codeCaches"] != "enabled":
        raise PackageError(f"the start was not served: {report}")
    return int(report["served"])


def _version(python: str) -> str | None:
    """Return the version of a Python, or None if it is not there or has no venv."""
    code = "import ensurepip, platform, venv; print(platform.python_version())"
    try:
        result = subprocess.run([python, "-c", code], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def _run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    """Return what a command prints; raises PackageError if it fails."""
    result = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackageError(f"{' '.join(command)} failed: {result.stderr or result.stdout}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
