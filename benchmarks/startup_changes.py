"""Measures the first start after a change: an edited and saved module of a package, or an installed npm package."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from common import PROJECT, Failure, Served, Timing, Way, esmcache, node_version, served_modules, start, time_once
from editing_session import Session
from startup_programs import ALL, DIRECTORY, TOOLS, Program
from startup_report import ChangeMeasurement
from startup_ways import COMPILE_CACHE, ESMCACHE, NODE, prepare

# A module in the middle of the graph, and the programs that are started after an edit of it.
EDITED = "lodash-es/_baseGet.js"
CHANGED_PROGRAMS = ("lodash-es", ALL)
# A package that no program loads, that has no dependencies, and that is installed with the tools.
INSTALLED = "prettier"

UNWARMED = f"{ESMCACHE}, nothing warmed since"
WARMED = f"{ESMCACHE}, after `esmcache warm`"
SERVER = f"{ESMCACHE}, with `esmcache-lsp` running"


@dataclass(frozen=True)
class Change:
    """A change before a start, different each time that it is made; `tell` reports it to the server."""

    name: str
    make: Callable[[int], None]
    undo: Callable[[], None]
    tell: Callable[[Session], Awaitable[None]]


def measure_changes(program: Program, node: Path, rounds: int) -> list[ChangeMeasurement]:
    """Return the figures of one program after each kind of change.

    Raises:
        Failure: If a start differs.
    """
    return [_measure(program, node, rounds, change) for change in (_edit(), _install(node))]


def _edit() -> Change:
    module = DIRECTORY / "node_modules" / EDITED
    original = module.read_bytes()

    def make(number: int) -> None:
        module.write_bytes(original + b"// An edit, number %d.\n" % number)

    def undo() -> None:
        module.write_bytes(original)

    return Change(f"`{EDITED}` edited", make, undo, lambda session: session.saved(module))


def _install(node: Path) -> Change:
    def npm(*arguments: str) -> None:
        command = [str(node), str(PROJECT / ".cache" / "node" / "npm" / "bin" / "npm-cli.js"), *arguments]
        flags = ["--offline", "--no-save", "--ignore-scripts", "--no-bin-links", "--no-audit", "--no-fund"]
        environment = {"npm_config_cache": str(PROJECT / ".cache" / "npm"), "PATH": "/usr/bin:/bin"}
        result = subprocess.run([*command, *flags], cwd=DIRECTORY, env=environment, capture_output=True, check=False)
        if result.returncode:
            raise Failure(f"npm {arguments[0]}: {result.stderr.decode(errors='replace').strip()[-300:]}")

    def undo() -> None:
        if (DIRECTORY / "node_modules" / INSTALLED).exists():
            npm("uninstall", INSTALLED)

    def make(_: int) -> None:
        undo()
        npm("install", str(tarball))

    package = TOOLS / "node_modules" / INSTALLED
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    # The tarball is packed here, since `npm ci` leaves too little in npm's cache for another install without a network.
    tarball = DIRECTORY / f"{INSTALLED}-{version}.tgz"
    if not tarball.exists():
        npm("pack", str(package), "--pack-destination", str(DIRECTORY))
    return Change(f"`npm install {INSTALLED}`", make, undo, lambda session: session.settled())


def _measure(program: Program, node: Path, rounds: int, change: Change) -> ChangeMeasurement:
    ways, _ = prepare(program, node, [NODE, COMPILE_CACHE, ESMCACHE])
    plain, compile_cache, served = ways
    columns = [plain, compile_cache, *(replace(served, name=name) for name in (UNWARMED, WARMED, SERVER))]
    timings = {way.name: Timing(way.name) for way in columns}
    found: dict[str, Served] = {}
    warm_s: list[float] = []
    try:
        for number in range(rounds):
            change.make(2 * number)
            expected = start(plain, program.cwd).outcome
            for way in columns:
                if way.name == WARMED:
                    warm_s.append(_warm(program, served))
                elif way.name == SERVER:
                    asyncio.run(_change_beside_server(program, node, served, change, 2 * number + 1))
                time_once(way, timings[way.name], program.cwd, expected, plain.name, is_counted=True)
                if way.name.startswith(ESMCACHE):
                    found[way.name] = served_modules(served, program.cwd)
    finally:
        change.undo()
    return ChangeMeasurement(node_version(node), program.name, change.name, list(timings.values()), found, warm_s)


async def _change_beside_server(program: Program, node: Path, way: Way, change: Change, number: int) -> None:
    session = Session(DIRECTORY, node, Path(way.environment["ESMCACHE_DIR"]), way.environment, [program.entry.name])
    await session.begin()
    session.await_news()
    change.make(number)
    await change.tell(session)
    await session.end()


def _warm(program: Program, way: Way) -> float:
    """Return the seconds of `esmcache warm`, including Python's own start."""
    began = time.perf_counter()
    esmcache("warm", str(program.entry), environment=way.environment, cwd=program.cwd)
    return time.perf_counter() - began
