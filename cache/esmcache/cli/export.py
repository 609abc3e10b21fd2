"""`export`: a compile-cache directory for plain Node, filled ahead of time."""

from __future__ import annotations

from pathlib import Path

import click

from esmcache.cli.options import common, common_options, json_option, open_cache, say_json
from esmcache.cli.streams import complain, say
from esmcache.cli.warm import progress_bar, report_to_json, tell_modules, text_of
from esmcache.wording import plural, size


@click.command(epilog="\b\nExample:\n  esmcache export --node-compile-cache ./node-cache --uid 1000 app.mjs")
@click.option("--node-compile-cache", "target", required=True, metavar="DIR", help="The directory to fill.")
@click.option("--uid", type=click.IntRange(min=0), help="Number of the user who starts the programs; by default yours.")
@click.option(
    "--v8-flag",
    "v8_flags",
    multiple=True,
    metavar="FLAG",
    help="A flag that node is started with, such as --v8-flag=--no-opt.",
)
@json_option
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY...")
@common_options
def export(target: str, uid: int | None, v8_flags: tuple[str, ...], as_json: bool, entries: tuple[str, ...]) -> int:
    """Fill DIR with the code caches of all modules that each ENTRY reaches, for NODE_COMPILE_CACHE=DIR node ENTRY.

    The programs are not run. Node looks for a directory named after its version, V8's flags and the user's number,
    and for entries named after the paths of the files. So export where the files will lie, and name the user and the
    flags of later starts by --uid and --v8-flag.
    """
    with open_cache() as cache, progress_bar(as_json) as progress:
        report = cache.export(
            [Path(entry) for entry in entries], Path(target).absolute(), uid=uid, v8_flags=v8_flags, progress=progress
        )
    failures = [problem for problem in report.problems if problem.is_error]
    for problem in failures:
        complain(f"esmcache: {text_of(problem)}")
    if common().verbose:
        tell_modules(report.modules_done)
    if as_json:
        say_json(report_to_json(report))
    elif not common().quiet:
        texts = f", {plural(report.texts, 'text')} without types" if report.texts else ""
        said = f"{plural(report.written, 'code cache')} of {plural(report.modules, 'module')}{texts}"
        say(f"{said}, {size(report.bytes)}")
        say(f"in {report.directory}")
    return int(bool(failures) or report.written < report.modules)
