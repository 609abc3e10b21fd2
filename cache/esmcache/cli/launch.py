"""The fast path of `esmcache run` and `esmcache hook`, which does as little as possible before the program starts.

It handles only command lines that are clearly valid. click handles help and wrong usage.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from esmcache.cli.streams import complain, fail, open_closed_streams, write_out
from esmcache.errors import CacheError
from esmcache.launch.program import Program, installed_hook, program_environment, replace_process

_FLAGS = {"-v": "verbose", "--verbose": "verbose", "-q": "quiet", "--quiet": "quiet"}
_VALUES = {"--cache-dir": "cache_dir", "--node": "node", "--jobs": "jobs"}


def launch(arguments: Sequence[str]) -> int | None:
    """Run the command and return its exit code, or return None if click must read the arguments."""
    open_closed_streams()
    options: dict[str, str] = {}
    rest = _take_options(arguments, options, _FLAGS)
    if not rest or rest[0] not in ("run", "hook"):
        return None
    command, rest = rest[0], _take_options(rest[1:], options, {**_FLAGS, "--no-warm": "no_warm"})
    if rest[:1] == ["--"]:
        rest = rest[1:]
    elif rest and rest[0].startswith("-") and rest[0] != "-":
        return None
    jobs = options.get("jobs", "1")
    if not (jobs.isascii() and jobs.isdecimal() and int(jobs) > 0):
        return None
    try:
        if command == "hook":
            return None if rest or "no_warm" in options else print_hook(options.get("cache_dir"))
        return run(options, rest[0], rest[1:]) if rest else None
    except CacheError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or 'esmcache'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130


def run(options: dict[str, str], entry: str, arguments: Sequence[str]) -> int:
    """Replace this process by Node with the program; raises CacheError if that fails."""
    program = Program(
        entry,
        arguments,
        cache_dir=options.get("cache_dir"),
        node=options.get("node"),
        jobs=int(options["jobs"]) if "jobs" in options else None,
        warms="no_warm" not in options,
    )
    executable, command, environment = program.command(program_environment())
    if "verbose" in options:
        if program.native_because:
            complain(f"esmcache: not served: {program.native_because}")
        if program.not_warmed_because:
            complain(f"esmcache: not warmed in the background: {program.not_warmed_because}")
    replace_process(executable, command, environment)
    return 1


def print_hook(cache_dir: str | None) -> int:
    """Install the preload and print its path; raises CacheError."""
    path = installed_hook(os.environ, cache_dir)
    try:
        write_out(os.fsencode(path) + b"\n")
    except BrokenPipeError:
        return 1
    return 0


def _take_options(arguments: Sequence[str], options: dict[str, str], flags: dict[str, str]) -> list[str]:
    """Move leading options into `options` and return the rest, which begins with the first option that is unclear."""
    at = 0
    while at < len(arguments):
        name, equals, value = arguments[at].partition("=")
        if name in flags and not equals:
            options[flags[name]] = "1"
        elif name in _VALUES and equals:
            options[_VALUES[name]] = value
        elif name in _VALUES and at + 1 < len(arguments):
            at += 1
            options[_VALUES[name]] = arguments[at]
        else:
            break
        at += 1
    return list(arguments[at:])
