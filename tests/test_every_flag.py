"""A program behaves the same under every flag that Node knows, and is served under the harmless ones."""

from __future__ import annotations

import json
import subprocess
import zlib
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome, node_of
from differential.programs import NODES, all_programs
from differential.starting import Seen, Starter
from esmcache.launch.program import installed_hook

# Workers take up different parts.
_PARTS = 4 if EVERYTHING else 1
# `make test` tries one flag in this many.
_ONE_FLAG_IN = 5
_PROGRAM = "A bit of everything"
_KNOWN = "console.log(JSON.stringify([...process.allowedNodeEnvironmentFlags]))"

# The values of flags that have no effect without a specific value.
_VALUES = {
    "--conditions": "development",
    "--disable-proto": "throw",
    "--disable-warning": "DEP0001",
    "--dns-result-order": "verbatim",
    "--input-type": "module",
    "--max-heap-size": "300",
    "--max-http-header-size": "9999",
    "--max-old-space-size": "300",
    "--secure-heap": "65536",
    "--stack-trace-limit": "4",
    "--unhandled-rejections": "strict",
    "-C": "development",
}
_OTHERWISE = "5"

# Two native starts differ under these, by addresses or times, or Node waits for someone.
_NOT_COMPARABLE = {
    "--debug-port": "is an address",
    "--enable-fips": "Node fails, and tells an address in memory",
    "--force-fips": "Node fails, and tells an address in memory",
    "--experimental-permission": "the preload may not be read (docs/reference/serving.md, 1)",
    "--icu-data-dir": "names a directory",
    "--import": "names a module; hooks.md has it",
    "--inspect": "tells a number drawn by chance",
    "--inspect-brk": "waits for a debugger",
    "--inspect-wait": "waits for a debugger",
    "--openssl-config": "names a file",
    "--permission": "the preload may not be read (docs/reference/serving.md, 1)",
    "--permission-audit": "the preload may not be read (docs/reference/serving.md, 1)",
    "--require": "names a module; hooks.md has it",
    "--snapshot-blob": "Node fails, and tells addresses in memory",
    "--trace-env-native-stack": "tells addresses in memory",
    "--trace-promises": "tells them in the order in which files were read",
    "--watch": "waits for changes",
    "--watch-path": "waits for changes",
    "--watch-preserve-output": "waits for changes",
}
# By docs/reference/serving.md, item 15, Node prints the preload's own actions under these: under --trace-sync-io when a
# worker loads it.
_TELLS_OF_THE_PRELOAD = {"--trace-env", "--trace-env-js-stack", "--trace-sync-io"}
# Node 22.15 does this only under these flags, and the other Nodes by default.
_DEFAULT_SINCE_NODE22_15 = {"--experimental-strip-types", "--experimental-wasm-modules", "--strip-types"}
# Under these flags, and under flags that no test knows yet, a program runs natively. All others are known to be
# harmless.
_NATIVE = {
    *(
        "--allow-addons",
        "--allow-child-process",
        "--allow-ffi",
        "--allow-fs-read",
        "--allow-fs-vfs",
        "--allow-fs-write",
    ),
    *("--allow-inspector", "--allow-net", "--allow-openssl-store", "--allow-wasi", "--allow-worker", "--entry-url"),
    *(
        "--bench-isolation",
        "--bench-name-pattern",
        "--bench-reporter",
        "--bench-reporter-destination",
        "--bench-samples",
    ),
    *("--bench-warmup", "--enable-fips-indicator-events", "--es-module-specifier-resolution", "--experimental-bench"),
    *("--experimental-default-type", "--experimental-dtls", "--experimental-ffi"),
    *("--experimental-loader", "--experimental-package-map", "--experimental-quic"),
    *("--experimental-print-required-tla", "--experimental-shadow-realm", "--experimental-specifier-resolution"),
    *("--experimental-stream-iter", "--experimental-transform-types", "--experimental-vfs"),
    *("--experimental-web-worker", "--input-type", "--loader", "--preserve-symlinks", "--preserve-symlinks-main"),
    *("--trace-require-module", "--trace-sync-io", "--vfs-mount", "--watch", "--watch-preserve-output"),
}
# The default of these is harmless; under their negation a program runs natively.
_NATIVE_IF_NEGATED = {
    *("--addons", "--experimental-detect-module", "--experimental-require-module", "--global-search-paths"),
    *("--require-module", *_DEFAULT_SINCE_NODE22_15),
}
_PERMISSION = {"--no-permission", "--no-permission-audit"}
_OTHER_MANIFEST = {"--conditions", "-C"}
# Flags that Node accepts on the command line only, V8's among them, and whether a program is served under them.
_ON_THE_COMMAND_LINE = {
    "--env-file-if-exists=.env": True,
    "--inspect-port=0": True,
    "--no-opt": True,
    "--no_opt": True,
    "--max_old_space_size=300": True,
    "--stack-size=900": True,
    "--test-timeout=9999": True,
    "--trace-opt": True,
    "--expose-internals": False,
    "--harmony": False,
    "--harmony-struct": False,
    "--js-staging": False,
    "--noopt": False,
    "--stress-ic": False,
    "--use-strict": False,
}


@pytest.fixture
def starter(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> Starter:
    program = next(each for each in all_programs() if each.case.name == _PROGRAM)
    hook = installed_hook(esmcache_home.environment)
    made = Starter(program, tmp_path / "project", any_node, esmcache_home, hook)
    made.prepare()
    made.warm()
    return made


@pytest.mark.every_node
@pytest.mark.parametrize("part", range(_PARTS))
def test_programs_behave_the_same_under_every_flag(starter: Starter, part: int, request: pytest.FixtureRequest) -> None:
    program = starter.program
    places = _directories(starter.home)
    version = request.node.callspec.params["any_node"]
    faults: list[str] = []
    for flag in _flags_to_try(version, starter.home)[part::_PARTS]:
        for choice in [f"{flag}={_VALUES[flag]}"] if flag in _VALUES else [flag, f"{flag}={_OTHERWISE}"]:
            starter.program = replace(program, command=(choice, *program.command))
            native = _lines(starter.native())
            if _runs(native):
                break
        seen = _lines(starter.served())
        faults += unified_diff(native, seen, f"{choice}, native", f"{choice}, served", lineterm="", n=0)
        if _runs(native) and flag not in _OTHER_MANIFEST:
            faults += _judged(choice, starter, is_served=not _is_native(flag, version))
    assert not faults, "\n".join(faults)
    # If a flag is wrongly taken for one that V8 ignores, Node looks into another directory.
    assert _directories(starter.home) == places


def test_flags_of_the_command_line_and_of_v8(starter: Starter) -> None:
    program = starter.program
    faults: list[str] = []
    for flag, is_served in _ON_THE_COMMAND_LINE.items():
        starter.program = replace(program, command=(flag, *program.command))
        starter.served()
        faults += _judged(flag, starter, is_served=is_served)
    assert not faults, "\n".join(faults)


def test_flags_that_node_passes_to_test_files(starter: Starter) -> None:
    program = starter.program
    places = _directories(starter.home)
    for given in [], ["--stack-trace-limit=20"], ["--conditions", "development", "--no-warnings"]:
        passed = _passed_to_test_files(starter, given)
        starter.program = replace(program, command=(*passed, *program.command))
        native = _lines(starter.native())
        assert _lines(starter.served()) == native, passed
        if "development" in given:
            assert {tuple(report["conditions"]) for report in starter.reports} == {("development",)}
            continue
        states = {(report["served"] > 0, report["codeCaches"]) for report in starter.reports}
        assert states == {(True, "other flags" if given else "enabled")}, (passed, starter.reports)
    assert _directories(starter.home) == places


def _passed_to_test_files(starter: Starter, given: list[str]) -> list[str]:
    """Return the flags with which `node --test` starts each test file."""
    probe = starter.root / "probe.test.cjs"
    probe.write_text("require('fs').writeFileSync('flags.json', JSON.stringify(process.execArgv))")
    subprocess.run(
        [starter.node, *given, "--test", probe.name],
        cwd=starter.root,
        env=starter.home.environment,
        capture_output=True,
        check=True,
    )
    probe.unlink()
    written = starter.root / "flags.json"
    flags: list[str] = json.loads(written.read_text())
    written.unlink()
    return flags


def _is_native(flag: str, version: str) -> bool:
    plain = flag.replace("--no-", "--", 1)
    if plain in _DEFAULT_SINCE_NODE22_15 and version == "node22":
        return True
    return plain in _NATIVE or flag in _PERMISSION or (flag != plain and plain in _NATIVE_IF_NEGATED)


def _runs(lines: list[str]) -> bool:
    """Return whether a start reached the end of the program; it does not if the flag took its name for a value."""
    return any("in a worker" in line for line in lines)


def _judged(choice: str, starter: Starter, *, is_served: bool) -> list[str]:
    """Return the faults in the reports of a start under a flag."""
    served = any(report["served"] for report in starter.reports)
    reasons = {report.get("reason") for report in starter.reports}
    name = choice.split("=", 1)[0].replace("_", "-")
    if is_served:
        return [] if served else [f"{choice}: not served, {reasons}"]
    return [] if not served and reasons == {f"flag {name}"} else [f"{choice}: served, or not told why not: {reasons}"]


def _directories(home: EsmcacheHome) -> set[Path]:
    return {path for path in home.cache_dir.glob("v8/**/*") if path.is_dir()}


def _lines(seen: Seen) -> list[str]:
    # Written files are left out: they are profiles and the like, with the time in their names.
    return [f"exit code {seen.exit_code}", *seen.stdout.splitlines(), *seen.stderr.splitlines()]


def _flags_to_try(version: str, home: EsmcacheHome) -> list[str]:
    """Return the flags to try under a Node; without EVERYTHING, some flags under one of the Nodes that know each."""
    known = {name: _flags(node_of(name), home) for name in NODES}
    comparable = sorted(known[version] - _NOT_COMPARABLE.keys() - _TELLS_OF_THE_PRELOAD)
    if EVERYTHING:
        return comparable
    chosen = []
    for flag in comparable:
        knowing = [name for name in NODES if flag in known[name]]
        number, place = divmod(zlib.crc32(flag.encode()), _ONE_FLAG_IN)
        if place == 0 and knowing[number % len(knowing)] == version:
            chosen.append(flag)
    return chosen


def _flags(node: Path, home: EsmcacheHome) -> set[str]:
    """Return all flags that Node accepts in NODE_OPTIONS."""
    known = subprocess.run([node, "-e", _KNOWN], env=home.environment, capture_output=True, check=True)
    return set(json.loads(known.stdout))
