"""Moves the reports that runners left in events/ into the index: statistics, last use, and misses."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular, remove_any
from esmcache.maintain.domain_directory import remove_seals
from esmcache.private_files import write_whole
from esmcache.serving.names import WANTED_SUFFIX
from esmcache.serving.report_lines import lasting_urls, listed_urls
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import CalledFunctionsRow, CodeCacheRow, EntryPointRow, MissRow, ReplacedRow

# Reports have this state of code caches if a warm can repair them.
_UNSEALED = "unsealed"
# Reports with a reason that begins like this ask for no warm: it would change nothing.
_NOT_WARMABLE = "flag "
_QUARANTINED = "quarantined"
# The states of code caches in reports of starts that used some, and those that say why a start used none.
_IN_USE = ("enabled", "stopped")
WHY_NO_CODE_CACHES = ("left off", "other flags", "none", _UNSEALED, _QUARANTINED, "no link", "unknown layout")
_FUNCTION = re.compile(r"(?:fs|Module)(?:\.\w+)+")
# A report of more called functions in one source is wrong.
_MOST_FUNCTIONS = 100_000
_LARGEST = 16 * 1024 * 1024
_LARGEST_OFFSET = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RunnerReport:
    """A line of the report that one process wrote; see serving/runtime/reporting.cjs.

    A process that misses modules writes more than one line. Each says what those before did not, and `is_later` is True
    in all but the first. Times are in seconds since the epoch. `hashed` counts files with other times but the same
    content, and `rewritten` those of them that the process may have written itself.

    `left` counts the questions that Node answered because the program had replaced the functions in `replaced`, and is
    in the last line of a process only.

    `called` maps the SHA-256 of a source to the offsets of its functions that were called; it is None for most starts.
    """

    time: float
    started: float
    is_later: bool
    entry: str
    executable: str
    conditions: tuple[str, ...]
    served: int
    resolved: int
    hashed: int
    rewritten: int
    faults: int
    missed: tuple[str, ...]
    stale: tuple[str, ...]
    reason: str
    code_caches: str
    left: int
    replaced: tuple[str, ...]
    called: Mapping[bytes, tuple[int, ...]] | None


def fold_events(directory: CacheDirectory, index: Index) -> list[RunnerReport]:
    """Move all reports into the index and return them, oldest first.

    Raises:
        IndexUnusable: If the index cannot be read or written.
        OSError: If a file of the cache cannot be written or removed.
    """
    try:
        names = sorted(os.listdir(directory.events_path))
    except OSError:
        return []
    reports, taken = _take_reports(directory, names)
    with index.transaction():
        for name, report in reports:
            index.note_use(f"{name}.manifest", report.time)
            index.note_misses(_misses(report))
            _note_replaced(index, f"{name}.manifest", report)
            if report.called is not None:
                _note_called(index, f"{name}.manifest", report.called)
        index.count(_totals([report for _, report in reports]))
    for name in {name for name, report in reports if report.code_caches == _QUARANTINED}:
        _forget_code_caches(directory, index, name)
    for name in {name for name, report in reports if _misses(report)}:
        # `run` reads no index. This file tells it that a warm is due, and stays until there was one.
        write_whole(wanted_path(directory, f"{name}.manifest"))
    for path in taken:
        remove_any(path)
    return [report for _, report in sorted(reports, key=lambda pair: pair[1].time)]


def _take_reports(directory: CacheDirectory, names: list[str]) -> tuple[list[tuple[str, RunnerReport]], list[Path]]:
    """Move the named files aside; return their reports, each with its file's name, and the moved files."""
    reports: list[tuple[str, RunnerReport]] = []
    taken: list[Path] = []
    for name in names:
        path = directory.events_path / name
        mine = directory.events_path / f".folding-{os.getpid()}-{name}"
        if name.startswith(".folding-"):
            continue
        if name.endswith(WANTED_SUFFIX):
            if not (directory.manifests_path / f"{name.removesuffix(WANTED_SUFFIX)}.manifest").exists():
                remove_any(path)
            continue
        try:
            # From here on runners append to a new file.
            path.rename(mine)
            taken.append(mine)
            status = mine.lstat()
            # Runners write only regular files that nobody else can write, and at most this many bytes.
            is_report = stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST
            lines = (read_regular(mine) or b"").split(b"\n") if is_report else []
        except OSError:
            continue
        reports += [(name, report) for line in lines if (report := _parse(line)) is not None]
    return reports, taken


def wanted_path(directory: CacheDirectory, manifest: str) -> Path:
    """Return the path of the file that exists while reports ask for a warm of a manifest's program."""
    return directory.events_path / f"{Path(manifest).stem}{WANTED_SUFFIX}"


def _forget_code_caches(directory: CacheDirectory, index: Index, name: str) -> None:
    """Remove the code caches of all modules that a start was loading when it died, so that they are made again."""
    manifest = f"{name}.manifest"
    entries = list(index.where(EntryPointRow, "manifest", [manifest]))
    engines = {row.engine_tag for row in entries}
    hashes = {row.source_sha256 for row in index.closure(manifest)}
    caches = [row for row in index.where(CodeCacheRow, "source_sha256", hashes) if row.engine_tag in engines]
    store = CodeCacheStore(directory.code_path)
    with index.transaction():
        index.remove_code_caches(caches)
    for row in caches:
        store.remove(row)
    # Node's directories still have links to the code caches until a warm fills the directories again.
    for entry in entries:
        remove_seals(directory, entry.domain)
    # A later start may then try the code caches that are made next.
    remove_any(directory.starts_path / name)


def _note_called(index: Index, manifest: str, called: Mapping[bytes, tuple[int, ...]]) -> None:
    """Add the functions that a start called to the known ones; other modules of its manifest are noted without any."""
    hashes = {row.source_sha256 for row in index.closure(manifest)}.union(called)
    known = {row.source_sha256: row for row in index.where(CalledFunctionsRow, "source_sha256", hashes)}
    rows = []
    for digest in hashes:
        before = known.get(digest)
        row = CalledFunctionsRow.of(digest, (*called.get(digest, ()), *(before.offsets if before else ())))
        if row != before:
            rows.append(row)
    index.put(rows)


def _misses(report: RunnerReport) -> list[MissRow]:
    def miss(url: str, reason: str) -> MissRow:
        conditions = "\0".join(report.conditions)
        return MissRow(report.entry, url, report.executable, conditions, reason, 1, report.time)

    if report.reason and not report.reason.startswith(_NOT_WARMABLE):
        return [miss("", report.reason)]
    started_ms = report.started * 1000
    found = [miss(url, "not in the manifest") for url in lasting_urls(report.missed, started_ms)]
    if report.code_caches == _QUARANTINED:
        found.append(miss("", "a start died while it loaded the code caches"))
    elif report.code_caches == _UNSEALED:
        found.append(miss("", "something wrote into the directory of its code caches"))
    elif report.faults or report.hashed > report.rewritten or lasting_urls(report.stale, started_ms):
        found.append(miss("", "changed"))
    elif report.called is not None:
        found.append(miss("", "compiled without the functions that it calls"))
    return found


def _note_replaced(index: Index, manifest: str, report: RunnerReport) -> None:
    if report.left > 0:
        index.put([ReplacedRow(manifest, report.left, " ".join(report.replaced))])
    elif not report.is_later:
        index.remove(ReplacedRow, "manifest", [manifest])


def _totals(reports: list[RunnerReport]) -> dict[str, int]:
    starts = [report for report in reports if not report.is_later]
    without = [report.code_caches for report in starts if report.served and report.code_caches not in _IN_USE]
    return {
        "starts": len(starts),
        "starts served": sum(report.served > 0 for report in starts),
        "starts without a manifest": sum(report.reason == "no manifest" for report in reports),
        "starts without code caches": len(without),
        **{f"no code caches, {why}": without.count(why) for why in WHY_NO_CODE_CACHES},
        "starts with replaced functions": sum(report.left > 0 for report in reports),
        "hits": sum(report.served for report in reports),
        "hits after a hash": sum(report.hashed for report in reports),
        "misses": sum(len(report.missed) for report in reports),
        "stale": sum(len(report.stale) for report in reports),
        "faults": sum(report.faults for report in reports),
    }


def _parse(line: bytes) -> RunnerReport | None:
    """Return a report, or None for a line that is cut off or is no report of a runner."""
    try:
        said: Any = json.loads(line)
        return RunnerReport(
            time=float(said["time"]) / 1000,
            started=float(said.get("started", said["time"])) / 1000,
            is_later="later" in said,
            entry=str(said["entry"]),
            executable=str(said["execPath"]),
            conditions=tuple(map(str, said.get("conditions") or ())),
            served=int(said["served"]),
            resolved=int(said.get("resolved", 0)),
            hashed=int(said.get("hashed", 0)),
            rewritten=int(said.get("rewritten", 0)),
            faults=int(said.get("faults", 0)),
            missed=tuple(listed_urls(said.get("misses", ()))),
            stale=tuple(listed_urls(said.get("stale", ()))),
            reason=str(said.get("reason", "")),
            code_caches=str(said.get("codeCaches", "")),
            left=int(said.get("left", 0)),
            replaced=tuple(name for name in map(str, said.get("replaced", ())) if _FUNCTION.fullmatch(name)),
            called=_parse_called(said["called"]) if "called" in said else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _parse_called(said: dict[str, list[int]]) -> dict[bytes, tuple[int, ...]]:
    """Return the well-formed items of `{SHA-256 in hex: offsets}`; other JSON values raise what `_parse` catches."""
    return {
        bytes.fromhex(digest): tuple(int(start) for start in starts if 0 <= start <= _LARGEST_OFFSET)
        for digest, starts in said.items()
        if len(digest) == 2 * sha256().digest_size and len(starts) <= _MOST_FUNCTIONS
    }
