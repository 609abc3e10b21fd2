"""`doctor`: a table of what serving depends on, then one line for each problem of a program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esmcache.cli.options import common, common_options, json_option, say_json
from esmcache.cli.streams import say
from esmcache.cli.warm import progress_bar, text_of
from esmcache.errors import CacheError
from esmcache.wording import number, plural

if TYPE_CHECKING:
    from esmcache.build.program_check import ProgramReport
    from esmcache.doctor import Check


@click.command(epilog="\b\nExamples:\n  esmcache doctor\n  esmcache doctor app.ts")
@json_option
@click.argument("entry", required=False, metavar="[ENTRY]")
@common_options
def doctor(as_json: bool, entry: str | None) -> int:
    """Check the user's configuration, the cache directory, Node and the hook; with ENTRY, a program, too.

    A program is not run. For each of its modules that ENTRY reaches, this lists what Node fails on under plain
    `node ENTRY`, such as TypeScript that it cannot strip and imports that it cannot resolve, and what keeps the module
    from being served.

    Fails (1) if something keeps programs from being served, or if the program has a problem.
    """
    from esmcache.doctor import examine, examine_program

    options = common()
    checks = examine(os.environ, cache_dir=options.cache_dir, node=options.node)
    program = None
    if entry is not None:
        with progress_bar(as_json) as progress:
            program = examine_program(os.environ, Path(entry), progress, cache_dir=options.cache_dir, node=options.node)
    if as_json:
        said = [{"name": one.name, "health": one.health.value, "found": one.found} for one in checks]
        say_json(said if program is None else {"checks": said, "program": _program_to_json(program)})
    else:
        _print_checks(checks)
        if program is not None:
            _print_program(str(entry), program)
    is_failed = any(one.health.value == "failed" for one in checks)
    return int(is_failed or isinstance(program, CacheError) or (program is not None and bool(program.problems)))


def _program_to_json(program: ProgramReport | CacheError) -> dict[str, object]:
    return {"error": str(program)} if isinstance(program, CacheError) else asdict(program)


def _print_checks(checks: Sequence[Check]) -> None:
    from esmcache.cli.tables import print_table

    print_table("", ("check", "", "found"), ((one.name, one.health.value, one.found) for one in checks))


def _print_program(entry: str, program: ProgramReport | CacheError) -> None:
    say("")
    if isinstance(program, CacheError):
        say(f"{entry}: not checked: {program}")
        return
    for problem in program.problems:
        say(text_of(problem))
    fatal = sum(problem.is_error for problem in program.problems)
    others = len(program.problems) - fatal
    counts = [f"plain node fails on {number(fatal)}"] if fatal else []
    if others:
        verb = "keeps a module" if others == 1 else "keep modules"
        counts.append(f"{number(others)} only {verb} from being served")
    count = f"{plural(program.modules, 'module')}, {plural(len(program.problems), 'problem')}"
    say(f"{entry}: {count}{': ' if counts else ''}{', '.join(counts)}")
