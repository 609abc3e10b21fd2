"""A program behaves the same served under every flag that Node knows, in NODE_OPTIONS or on the command line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

from conftest import EsmcacheHome
from differential.programs import all_programs
from differential.starting import Seen, Starter
from esmcache.engine.program import installed_hook

_PROGRAM = "A bit of everything"
_KNOWN = "console.log(JSON.stringify([...process.allowedNodeEnvironmentFlags]))"

# What flags are given that do nothing without a value of their own.
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
_BAD_FLAG = "exit code 9"

# Two native starts differ, by addresses or times, or Node waits for somebody.
_NOT_COMPARABLE = {
    "--debug-port": "is an address",
    "--enable-fips": "Node fails, and tells an address in memory",
    "--force-fips": "Node fails, and tells an address in memory",
    "--experimental-permission": "the preload may not be read (docs/serving.md, 1)",
    "--icu-data-dir": "names a directory",
    "--import": "names a module; hooks.md has it",
    "--inspect": "tells a number drawn by chance",
    "--inspect-brk": "waits for a debugger",
    "--inspect-wait": "waits for a debugger",
    "--openssl-config": "names a file",
    "--permission": "the preload may not be read (docs/serving.md, 1)",
    "--permission-audit": "the preload may not be read (docs/serving.md, 1)",
    "--snapshot-blob": "Node fails, and tells addresses in memory",
    "--trace-env-native-stack": "tells addresses in memory",
    "--trace-promises": "tells them in the order in which files were read",
    "--watch": "waits for changes",
    "--watch-path": "waits for changes",
    "--watch-preserve-output": "waits for changes",
}
# docs/serving.md, 15: the preload's own doings are told, of --trace-sync-io where it is loaded in a worker.
_TELLS_OF_THE_PRELOAD = {"--trace-env", "--trace-env-js-stack", "--trace-sync-io"}
# Most flags have nothing to do with modules; programs are served under them.
_LEAST_SERVED = 150


def test_every_flag_that_node_knows(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = next(each for each in all_programs() if each.case.name == _PROGRAM)
    hook = installed_hook(esmcache_home.environment)
    starter = Starter(program, tmp_path / "project", any_node, esmcache_home, hook)
    starter.prepare()
    starter.warm()
    differences: list[str] = []
    served = 0
    for flag in sorted(_flags(any_node, esmcache_home) - _NOT_COMPARABLE.keys() - _TELLS_OF_THE_PRELOAD):
        for choice in [f"{flag}={_VALUES[flag]}"] if flag in _VALUES else [flag, f"{flag}={_OTHERWISE}"]:
            starter.program = replace(program, command=(choice, *program.command))
            native = _lines(starter.native())
            if native[0] != _BAD_FLAG:
                break
        seen = _lines(starter.served())
        served += any(report["served"] for report in starter.reports)
        differences += unified_diff(native, seen, f"{choice}, native", f"{choice}, served", lineterm="", n=0)
    assert not differences, "\n".join(differences)
    assert served >= _LEAST_SERVED


def _lines(seen: Seen) -> list[str]:
    # Files that are written are profiles and the like, named by the time.
    return [f"exit code {seen.exit_code}", *seen.stdout.splitlines(), *seen.stderr.splitlines()]


def _flags(node: Path, home: EsmcacheHome) -> set[str]:
    """Return every flag that Node takes from the environment."""
    known = subprocess.run([node, "-e", _KNOWN], env=home.environment, capture_output=True, check=True)
    return set(json.loads(known.stdout))
