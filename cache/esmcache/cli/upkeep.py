"""Commands about the cache as a whole: `verify`, `stats`, `gc` and `clear`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from esmcache.cli.options import common, common_options, json_option, open_cache, say_json
from esmcache.cli.streams import say
from esmcache.wording import number, plural, size

if TYPE_CHECKING:
    from esmcache.maintain.collect import Collected
    from esmcache.maintain.statistics import Statistics
    from esmcache.maintain.verify import Finding

_FEW = 15
# The page of commands explains these labels.
_KINDS = {
    "blobs": "module records (BMES)",
    "packs": "packs of sources",
    "manifests": "manifests of entry points",
    "code": "code caches",
    "v8": "names of code caches for Node",
    "events": "reports of starts, not read yet",
    "index": "index",
}
_USES = {
    "starts": "starts of programs",
    "starts served": "starts that were served",
    "starts without a manifest": "starts of programs that were not warmed",
    "starts without code caches": "starts that were served without code caches",
    "starts with replaced functions": "starts that left questions to Node, because functions were replaced",
    "hits": "modules that were served (hits)",
    "hits after a hash": "hits although the file had new times",
    "misses": "modules that were not warmed (misses)",
    "stale": "modules that had changed (stale)",
    "faults": "damage that starts met (faults)",
}


# For each kind of damage, what is damaged and what starts do until it is made again.
_DAMAGE = {
    "blob": ("module record", "starts do not read it"),
    "pack": ("pack of sources", "Node reads these files itself"),
    "manifest": ("manifest", "Node loads this program without the cache"),
    "code cache": ("code cache", "Node compiles this module itself"),
    "seal": ("seal of code caches", "Node compiles the modules of this workspace itself"),
    "index": ("index", "commands make a new one, and warm again"),
    "file": ("file", "starts do not need it"),
}


@click.command(epilog="\b\nExample:\n  esmcache verify --repair")
@click.option("--repair", is_flag=True, help="Remove what is damaged; the next warm makes it again.")
@json_option
@common_options
def verify(repair: bool, as_json: bool) -> int:
    """Check every file of the cache and every row of its index, and list what is damaged.

    Fails (1) if anything damaged is left.
    """
    with open_cache() as cache:
        findings = cache.verify(repair=repair)
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            what, effect = _DAMAGE[finding.kind]
            removed = " (removed)" if finding.removed else ""
            say(f"{finding.place}: the {what} {finding.fault}{removed}; {effect}")
        if not common().quiet:
            say(_summary(findings))
    return int(any(not finding.removed for finding in findings))


def _summary(findings: list[Finding]) -> str:
    """Return how much is damaged, whether that matters, and what to run next."""
    if not findings:
        return "nothing is damaged"
    places = plural(len(findings), "damaged place")
    if all(finding.removed for finding in findings):
        return f"{places} removed: run `esmcache warm` to make this part of the cache again"
    return (
        f"{places}: programs run as before, but are not served from there: run `esmcache verify --repair`, then"
        " `esmcache warm`"
    )


@click.command(epilog="\b\nExample:\n  esmcache stats")
@json_option
@common_options
def stats(as_json: bool) -> int:
    """Print what is cached, how much room it takes, and how often programs were served."""
    with open_cache() as cache:
        statistics = cache.statistics()
    if as_json:
        say_json(_statistics_to_json(statistics))
    else:
        _print_statistics(statistics)
    return 0


@click.command(epilog="\b\nExample:\n  esmcache gc")
@json_option
@common_options
def gc(as_json: bool) -> int:
    """Remove what nothing needs any more, and bring the cache under its size limit, least recently used first."""
    with open_cache() as cache:
        collected = cache.collect()
    _tell(collected, as_json)
    return 0


@click.command(epilog="\b\nExample:\n  esmcache clear")
@json_option
@common_options
def clear(as_json: bool) -> int:
    """Remove everything that is cached, without asking: it can all be made again."""
    with open_cache() as cache:
        collected = cache.clear()
    _tell(collected, as_json)
    return 0


def _tell(collected: Collected, as_json: bool) -> None:
    if as_json:
        say_json(asdict(collected))
    elif not common().quiet:
        freed = size(max(0, collected.bytes_before - collected.bytes_after))
        say(f"{plural(collected.files, 'file')} removed, {freed} freed, {size(collected.bytes_after)} left")
        if collected.busy:
            say("another process is writing the cache, so nothing else was removed: run `esmcache gc` again later")


def _statistics_to_json(statistics: Statistics) -> dict[str, object]:
    def named(rows: list[tuple[str, int, int]]) -> list[dict[str, object]]:
        return [{"name": name, "count": count, "bytes": total} for name, count, total in rows]

    return {
        **asdict(statistics),
        "total_bytes": statistics.total_bytes,
        "packages": named(statistics.packages),
        "engines": named(statistics.engines),
    }


def _print_statistics(statistics: Statistics) -> None:
    from esmcache.cli.tables import print_table
    from esmcache.maintain.runner_reports import WHY_NO_CODE_CACHES

    native = f"{number(statistics.native)} of them native, " if statistics.native else ""
    say(f"{statistics.directory}: {size(statistics.total_bytes)}")
    say(
        f"{plural(statistics.modules, 'module')}, {native}{plural(statistics.entry_points, 'entry point')},"
        f" {plural(statistics.rejected, 'source')} rejected by Node as syntax errors"
    )
    kinds = (
        (_KINDS.get(kind, kind), number(statistics.files.get(kind, 0)), size(total))
        for kind, total in statistics.bytes.items()
    )
    say("")
    print_table("", ("in the cache", "files", "size"), kinds, numbers=2)
    say("")
    uses = ((label, number(statistics.counters.get(name, 0))) for name, label in _USES.items())
    print_table("", ("since the cache was made", "count"), uses, numbers=1)
    reasons = [(why, statistics.counters.get(f"no code caches, {why}", 0)) for why in WHY_NO_CODE_CACHES]
    if any(count for _, count in reasons):
        say("")
        counted = ((why, number(count)) for why, count in reasons if count)
        print_table("", ("why starts had no code caches", "count"), counted, numbers=1)
    limit = len(statistics.packages) if common().verbose else _FEW
    for heading, rows, what in (
        ("Node that code caches are for", statistics.engines, "code caches"),
        ("package or workspace", statistics.packages[:limit], "modules"),
    ):
        if rows:
            say("")
            lines = ((name.removesuffix("@") or "(none)", number(count), size(total)) for name, count, total in rows)
            print_table("", (heading, what, "size"), lines, numbers=2)
    if len(statistics.packages) > limit:
        say(f"{number(len(statistics.packages) - limit)} more packages (-v lists them)")
