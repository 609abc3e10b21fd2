"""The ways of starting a program that the benchmark compares: Node's own, esmcache, and those in benchmarks/peers."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from common import PROJECT, Failure, Way, environment_of, esmcache, node_version, start
from startup_programs import DIRECTORY, Program

PEERS = PROJECT / "benchmarks" / "peers" / "node_modules"

NODE = "node"
COMPILE_CACHE = "node, compile cache"
NUB = "nub"
TSX = "tsx"
BUN = "bun"
DENO = "deno"
BUNDLE = "esbuild bundle, compile cache"
ESMCACHE = "esmcache"
# The first way is the reference.
ALL_WAYS = (NODE, COMPILE_CACHE, TSX, NUB, BUN, DENO, BUNDLE, ESMCACHE)
REQUIRED = (NODE, COMPILE_CACHE, ESMCACHE)

_IS_ARM = platform.machine() in ("aarch64", "arm64")
_BINARIES = {
    TSX: "tsx/dist/cli.mjs",
    NUB: "@nubjs/nub-linux-arm64/bin/nub" if _IS_ARM else "@nubjs/nub-linux-x64/bin/nub",
    BUN: "@oven/bun-linux-aarch64/bin/bun" if _IS_ARM else "@oven/bun-linux-x64/bin/bun",
    DENO: "@deno/linux-arm64-glibc/deno" if _IS_ARM else "@deno/linux-x64-glibc/deno",
    BUNDLE: "@esbuild/linux-arm64/bin/esbuild" if _IS_ARM else "@esbuild/linux-x64/bin/esbuild",
}


def versions(ways: list[str]) -> list[str]:
    """Return `name version` of each installed peer among the ways."""
    found = []
    for way, binary in _BINARIES.items():
        package = Path(binary).parts[: 2 if binary.startswith("@") else 1]
        manifest = PEERS.joinpath(*package, "package.json")
        if way in ways and manifest.is_file():
            version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
            found.append(f"{way.partition(' ')[0]} {version}")
    return found


def prepare(program: Program, node: Path, names: list[str]) -> tuple[list[Way], dict[str, str]]:
    """Return the warmed ways in the order of ALL_WAYS, and the reasons why others of `names` are missing.

    Raises:
        Failure: If a way in REQUIRED cannot be prepared.
    """
    environment = environment_of_starts(node)
    ways, missing = [], {}
    for name in (name for name in ALL_WAYS if name in names):
        binary = PEERS / _BINARIES[name] if name in _BINARIES else node
        if name == BUNDLE and program.is_tool:
            missing[name] = "tools are not bundled"
        elif name == TSX and not program.is_typescript:
            missing[name] = "for TypeScript only"
        elif not binary.is_file():
            missing[name] = "not installed"
        else:
            try:
                ways.append(way_of(name, binary, program, node, environment))
            except Failure as failure:
                if name in REQUIRED:
                    raise
                missing[name] = str(failure)
    return ways, missing


def way_of(name: str, binary: Path, program: Program, node: Path, environment: Mapping[str, str]) -> Way:
    """Return one way, warmed.

    Raises:
        Failure: If the way cannot be prepared.
    """
    rest = (str(program.entry), *program.arguments)
    compile_cache = {**environment, "NODE_COMPILE_CACHE": str(DIRECTORY / "state" / "node-compile-cache")}
    if name == ESMCACHE:
        return warmed(program, node, environment)
    if name == BUNDLE:
        return Way(name, (str(node), str(bundle(binary, program))), compile_cache, must_agree=False)
    way = {
        NODE: Way(name, (str(node), *rest), environment),
        COMPILE_CACHE: Way(name, (str(node), *rest), compile_cache),
        TSX: Way(name, (str(node), str(binary), *rest), environment, must_agree=False),
        NUB: Way(name, (str(binary), *rest), environment, must_agree=False),
        BUN: Way(name, (str(binary), *rest), environment, must_agree=False),
        DENO: Way(name, (str(binary), "run", "-A", "--cached-only", "--no-lock", *rest), environment, must_agree=False),
    }[name]
    if name != NODE:
        start(way, program.cwd)
    return way


def environment_of_starts(node: Path, state: Path = DIRECTORY / "state") -> dict[str, str]:
    """Return the environment of every start: its own home, no colours, and `node` first in PATH, which nub needs.

    Args:
        state: The directory that holds the home and the cache.
    """
    home = state / "home"
    home.mkdir(parents=True, exist_ok=True)
    named = state / "node" / node_version(node)
    named.mkdir(parents=True, exist_ok=True)
    (named / "node").unlink(missing_ok=True)
    (named / "node").symlink_to(node)
    environment = environment_of(node, state)
    return {
        **{key: value for key, value in environment.items() if not key.startswith(("BUN_", "DENO_", "NUB_"))},
        "PATH": f"{named}:{environment.get('PATH', '')}",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "NO_COLOR": "1",
        "CI": "1",
        "DENO_NO_UPDATE_CHECK": "1",
        "DO_NOT_TRACK": "1",
    }


def warmed(program: Program, node: Path, environment: Mapping[str, str]) -> Way:
    """Return the way that uses the cache; two warms of missed modules follow, as `esmcache run` does by itself."""
    hook = esmcache("hook", environment=environment, cwd=program.cwd).strip()
    way = Way(ESMCACHE, (str(node), "--require", hook, str(program.entry), *program.arguments), environment)
    esmcache("warm", str(program.entry), environment=environment, cwd=program.cwd)
    for _ in range(2):
        start(way, program.cwd)
        esmcache("warm", "--missed", environment=environment, cwd=program.cwd)
    return way


def bundle(esbuild: Path, program: Program) -> Path:
    """Return the program bundled into one file.

    The round that is not counted fills its compile cache.

    Raises:
        Failure: If esbuild cannot bundle the program.
    """
    path = DIRECTORY / "state" / "bundles" / program.entry.name
    command = [
        str(esbuild),
        str(program.entry),
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--log-level=error",
        f"--outfile={path}",
    ]
    result = subprocess.run(command, cwd=program.cwd, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise Failure(f"esbuild: {result.stderr.strip()[:300]}")
    return path
