"""`warm`: shows progress while it works, then one summary line and the problems that it found."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esmcache.build.graph import GONE, UNSUPPORTED_TYPESCRIPT
from esmcache.build.targets import NOT_BUILT
from esmcache.cli.options import common, common_options, json_option, open_cache, say_json
from esmcache.cli.streams import complain, say
from esmcache.diagnostics import DiagnosticKind
from esmcache.launch.background import background_stamp, hold_locks_for_warm
from esmcache.wording import number, plural, printable

if TYPE_CHECKING:
    from esmcache.build.export import ExportReport
    from esmcache.build.graph import ModuleWork, Problem
    from esmcache.build.warm import EntryWork, WarmReport

_INSTALLED = f"{os.sep}node_modules{os.sep}"


@click.command(epilog="\b\nExample:\n  esmcache warm app.mjs")
@click.option("--missed", is_flag=True, help="Warm only what starts reported as missed.")
@click.option(
    "--conditions", multiple=True, metavar="NAME", help="As node's --conditions, instead of the project's; '': none."
)
@click.option("--background", is_flag=True, hidden=True)
@json_option
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@common_options
def warm(missed: bool, conditions: tuple[str, ...], background: bool, as_json: bool, paths: tuple[str, ...]) -> int:
    """Analyse, resolve, compile and store the modules under each PATH and all they reach.

    A file is an entry point. A directory stands for the entry points of its package.json, for the `entries` in its
    settings, for the test files of scripts with `node --test`, and for its modules outside node_modules. Without a
    PATH, the current directory is warmed.

    Fails (1) if a PATH or an entry point cannot be warmed, if settings are wrong, or if a module outside node_modules
    has a syntax error. Errors within node_modules and specifiers that cannot be resolved are only mentioned: many
    packages ship such files and never load them.
    """
    if missed and (paths or conditions):
        raise click.UsageError("--missed takes no PATH and no --conditions")
    if background:
        return _warm_in_background(paths, conditions)
    chosen = tuple(name for name in conditions if name) if conditions else None
    with open_cache() as cache, progress_bar(as_json) as progress:
        if missed:
            report = cache.warm_missed(progress)
        else:
            report = cache.warm([Path(path) for path in paths or (".",)], progress, chosen)
    return _tell(report, paths, as_json, missed)


def _warm_in_background(paths: Sequence[str], conditions: tuple[str, ...]) -> int:
    """Warm one entry point, unless another process is doing that or enough processes are warming.

    The locks are never released explicitly: the next process gets them when this process ends.
    """
    with open_cache() as cache:
        for path in paths:
            stamp = background_stamp(cache.directory.path, path, cache.choices.node or "", conditions)
            if not hold_locks_for_warm(stamp):
                return 0
            report = cache.warm([Path(path)], conditions=conditions)
            if not report.entries:
                # The stamp stays, so that the next starts do not try the same again at once.
                return 1
            stamp.unlink(missing_ok=True)
    return 0


# These problems are always printed: users would not look for them, and few files have one.
_ALWAYS_TOLD = frozenset(
    {
        DiagnosticKind.TOO_COSTLY.code,
        DiagnosticKind.CACHE_QUARANTINED.code,
        DiagnosticKind.ENGINE_MISSING.code,
        NOT_BUILT,
    }
)
# Without -v, problems are listed only if there are at most this many.
_FEW = 3


def _tell(report: WarmReport, paths: Sequence[str], as_json: bool, missed: bool) -> int:
    options = common()
    named = {os.path.abspath(path) for path in paths}
    failures = [one for one in report.problems if one.is_error and (_INSTALLED not in one.path or one.path in named)]
    others = [one for one in report.problems if one not in failures]
    for problem in failures:
        complain(f"esmcache: {text_of(problem)}")
    if options.verbose:
        tell_modules(report.modules_done)
        _tell_entries(report.entries_done)
    if as_json:
        say_json(report_to_json(report))
        return 1 if failures else 0
    if not options.quiet:
        for problem in others:
            if problem.code in _ALWAYS_TOLD:
                complain(f"esmcache: {text_of(problem)}")
    gone = [one for one in others if one.code == GONE]
    others = [one for one in others if one.code not in _ALWAYS_TOLD and one.code != GONE]
    _tell_others(
        [one for one in others if one.code == UNSUPPORTED_TYPESCRIPT],
        "module of TypeScript that Node cannot run",
        "modules of TypeScript that Node cannot run",
    )
    _tell_others(
        [one for one in others if not one.is_error and one.code != UNSUPPORTED_TYPESCRIPT],
        "specifier that cannot be resolved",
        "specifiers that cannot be resolved",
    )
    _tell_others(
        [one for one in others if one.is_error],
        "module within node_modules that Node would not load",
        "modules within node_modules that Node would not load",
    )
    _point_to_doctor(report.problems, paths)
    if missed and not report.entries and not failures:
        if not options.quiet:
            say(f"nothing to warm: {_why_nothing(report.problems, gone)}")
        return 0
    if not options.quiet:
        say(
            f"{plural(report.entries, 'entry point')}{_tests(report)}, {plural(report.modules, 'module')}:"
            f" {number(report.served)} served, {number(report.compiled)} compiled, in {report.seconds:.2f} s"
            f"{_formats(report)}"
        )
        if not report.entries and not failures:
            complain(
                "esmcache: no entry point, so no program is served: name the files that you start, or `entries` in"
                " esmcache.json"
            )
    return 1 if failures else 0


def report_to_json(report: WarmReport | ExportReport) -> dict[str, object]:
    """Return the report for --json; only -v lists each module and entry point."""
    said = asdict(report)
    if not common().verbose:
        said.pop("modules_done")
        said.pop("entries_done", None)
    return said


def tell_modules(modules: Iterable[ModuleWork]) -> None:
    """Print for each module what was done; docs/reference/commands.md describes these lines and those of entries."""
    for module in modules:
        done = [word for word, did in (("analysed", module.analysed), ("compiled", module.compiled)) if did]
        native = f"; left to Node: {module.native_because}" if module.native_because else ""
        complain(f"esmcache: module {relative(module.path)}: {', '.join(done) or 'reused'}{native}")


def _tell_entries(entries: Iterable[EntryWork]) -> None:
    for entry in entries:
        state = "manifest written" if entry.manifest_written else "manifest unchanged"
        complain(f"esmcache: entry point {relative(entry.path)}: {state}")


def _formats(report: WarmReport) -> str:
    """Return how many modules have which format, if they do not all have the same."""
    formats = {"ES": report.es_modules, "CommonJS": report.commonjs_modules, "JSON": report.json_modules}
    formats["other"] = report.modules - sum(formats.values())
    named = [f"{number(count)} {name}" for name, count in formats.items() if count]
    return f" ({', '.join(named)})" if len(named) > 1 else ""


def _tests(report: WarmReport) -> str:
    """Return how many entry points are there only because the package's scripts start them by `node --test`."""
    return f" ({plural(report.test_files, 'test file')} of node --test)" if report.test_files else ""


def _why_nothing(problems: list[Problem], gone: list[Problem]) -> str:
    """Return why no entry point was warmed with --missed."""
    if len(gone) < len(problems):
        return "every report is of a Node that is not warmed for"
    if gone:
        return f"what starts have reported is gone ({', '.join(place_of(one) for one in gone[:_FEW])})"
    return "no start has reported a missed or changed module"


def _point_to_doctor(problems: list[Problem], paths: Sequence[str]) -> None:
    """Name the command that lists all that has to be changed, if a suggestion shows that something can be."""
    if common().quiet or len(paths) != 1 or not os.path.isfile(paths[0]) or printable(paths[0]) != paths[0]:
        return
    if any(one.suggestion or one.code == UNSUPPORTED_TYPESCRIPT for one in problems):
        complain(f"esmcache: `esmcache doctor {shlex.quote(paths[0])}` lists everything that Node fails on")


def _tell_others(problems: list[Problem], one: str, several: str) -> None:
    options = common()
    if not problems or options.quiet:
        return
    lists = options.verbose or len(problems) <= _FEW
    complain(f"esmcache: {plural(len(problems), one, several)}{':' if lists else ' (-v lists them)'}")
    for problem in problems if lists else ():
        complain(f"  {text_of(problem)}")


def text_of(problem: Problem) -> str:
    """Return place and message of a problem; an error of Node's resolution begins with its code, as `resolve` says."""
    code = f"{problem.code}: " if problem.code.isupper() else ""
    return f"{place_of(problem)}: {code}{problem.message}"


def place_of(problem: Problem) -> str:
    """Return path:line:column of a problem, as far as known; a path below the current directory is relative."""
    path = relative(problem.path)
    return f"{path}:{problem.line}:{problem.column}" if problem.line else path


def relative(path: str) -> str:
    """Return a path below the current directory as a relative one, and any other as it is."""
    with contextlib.suppress(ValueError, OSError):
        from_here = os.path.relpath(path)
        return path if from_here.startswith("..") else from_here
    return path


@contextlib.contextmanager
def progress_bar(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows progress: a bar on stderr if that is a terminal, otherwise nothing."""
    if common().quiet or as_json or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show
