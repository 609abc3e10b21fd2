"""Runs one warm: finds the graph, compiles it, publishes what runners read, and stores what is new."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from esmcache.build.commit import commit_warm
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import ModuleWork, Problem, load_order
from esmcache.build.publish import Published, Publisher
from esmcache.build.walk import Progress, Walk
from esmcache.build.walk_result import WalkResult
from esmcache.cache_files import remove_any
from esmcache.maintain.domain_directory import PRELOAD_FILES
from esmcache.maintain.runner_reports import wanted_path
from esmcache.records import ModuleFormat
from esmcache.serving.layout import ServedKind
from esmcache.store.rows import EntryPointRow, MissRow


@dataclass(frozen=True, slots=True)
class EntryWork:
    """The work of a warm for one entry point."""

    path: str
    manifest_written: bool


@dataclass(slots=True)
class WarmReport:
    """The result of a warm, in numbers and problems; a second warm of the same files has zeros from `read` on.

    `test_files` counts the entry points that only scripts with `node --test` name, and `modules` files of all formats,
    whether they are imported or required.

    `overtaken` are the paths of files that another process has cached again since this warm read them.
    """

    entries: int = 0
    test_files: int = 0
    modules: int = 0
    served: int = 0
    native: int = 0
    es_modules: int = 0
    commonjs_modules: int = 0
    json_modules: int = 0
    read: int = 0
    analysed: int = 0
    compiled: int = 0
    blobs_written: int = 0
    sources_packed: int = 0
    code_caches_written: int = 0
    manifests_written: int = 0
    rows_written: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)
    modules_done: list[ModuleWork] = field(default_factory=list)
    entries_done: list[EntryWork] = field(default_factory=list)

    def add(self, other: WarmReport) -> None:
        """Add another warm's numbers and problems to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Warm:
    """One warm, in the order in which it happens: walk, pack, publish, commit, write Node's directories."""

    def __init__(self, context: BuildContext, conditions: tuple[str, ...]) -> None:
        self._context = context
        self._conditions = conditions

    def run(self, entries: Sequence[str], modules: Sequence[str], progress: Progress) -> WarmReport:
        """Warm entry points and modules, and all that they reach.

        Args:
            entries: Absolute paths of entry points, which get manifests.
            modules: Absolute paths of modules that are only cached.

        Raises:
            OSError: If a file of the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        started, started_at = time.monotonic(), time.time()
        report = WarmReport()
        compiler = Compiler(self._context)
        walk = Walk(self._context, self._conditions, compiler, progress)
        roots = walk.find_roots(entries, modules, report.problems)
        also = self._missed_before(entries)
        found = walk.walk([*roots, *(root for url in also for root in walk.root_at(url))])
        preload = compiler.keep_preload(PRELOAD_FILES)
        publisher = Publisher(self._context, self._conditions, compiler, started_at * 1000)
        for module, reason in publisher.pack(load_order(found.modules.values(), found.modules)):
            module.leave_native(reason)
        published = self._publish(found, publisher, [r.resolved_url for r, is_entry in roots if is_entry], also)
        committed = commit_warm(self._context, found, compiler, publisher, published, preload, entries, started_at)
        for directory in committed.directories:
            directory.write()
        for _, of_entry in published:
            remove_any(wanted_path(self._context.directory, of_entry.manifest))
        report.entries = len(published)
        report.modules = len(found.modules)
        report.native = sum(module.kind is ServedKind.NATIVE for module in found.modules.values())
        report.served = report.modules - report.native
        formats = [one.module_format.without_types for one in found.modules.values() if one.module_format is not None]
        report.es_modules = formats.count(ModuleFormat.MODULE)
        report.commonjs_modules = formats.count(ModuleFormat.COMMONJS)
        report.json_modules = formats.count(ModuleFormat.JSON)
        report.read = found.read
        report.analysed = found.analysed
        report.compiled = compiler.compiled
        report.blobs_written = found.blobs_written
        report.sources_packed = len(publisher.pack_rows)
        report.code_caches_written = len(compiler.cache_rows)
        report.manifests_written = publisher.manifests_written
        report.rows_written = committed.rows
        report.problems += found.problems
        report.modules_done = found.work(compiler.compiled_sources)
        report.entries_done = [EntryWork(row.path, of_entry.is_written) for row, of_entry in published]
        report.overtaken = sorted(committed.overtaken.values())
        report.seconds = time.monotonic() - started
        return report

    def _missed_before(self, entries: Sequence[str]) -> list[str]:
        rows = self._context.index.where(MissRow, "entry", entries)
        return sorted({row.url for row in rows if row.url})

    def _publish(
        self, found: WalkResult, publisher: Publisher, entry_urls: Iterable[str], also: Sequence[str]
    ) -> list[tuple[EntryPointRow, Published]]:
        node = self._context.node
        published = []
        now = time.time()
        for url in dict.fromkeys(entry_urls):
            entry = found.modules.get(url)
            if entry is None or entry.fact is None:
                continue
            of_entry = publisher.publish(entry, found.modules, also)
            row = EntryPointRow(
                of_entry.manifest,
                entry.path,
                node.engine_tag,
                node.version,
                node.arch,
                "\0".join(self._conditions),
                of_entry.domain,
                len(of_entry.modules),
                now,
                now,
            )
            published.append((row, of_entry))
        return published
