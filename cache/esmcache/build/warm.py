"""One warm: finds the graph, compiles it, stores what is new, and publishes what runners read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esmcache.build.analysis_rows import AnalysisStore
from esmcache.build.compile import Compiler
from esmcache.build.graph import Problem, load_order
from esmcache.build.module_rows import InputSets, is_same, module_row, request_rows
from esmcache.build.publish import Published, Publisher
from esmcache.build.walk import Discovered, Discovery, Progress
from esmcache.cache_directory import CacheDirectory, remove_any
from esmcache.engines.node import CompilePool
from esmcache.file_source import FileSource, path_from_file_url
from esmcache.maintain.domain_directory import PRELOAD_FILES, DomainDirectory, domain_place, preload_links
from esmcache.maintain.runner_reports import wanted_path
from esmcache.records import NodeBuild, Resolution, ResolutionFailure
from esmcache.resolution import Resolver
from esmcache.serving.manifest import ServedKind
from esmcache.store.blobs import BlobStore
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import EntryPointRow, InputRow, MissRow, ModuleRow, PackageRow, RequestRow


@dataclass(slots=True)
class WarmReport:
    """What a warm did, in numbers and problems; a second warm of the same files has zeros from `read` on.

    `overtaken` are the paths of files that another process cached anew after this warm had read them.
    """

    entries: int = 0
    modules: int = 0
    served: int = 0
    native: int = 0
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

    def add(self, other: WarmReport) -> None:
        """Add another warm's numbers and problems to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that differ from those in the index; `requests` by URL, also of modules that ask for nothing any more."""

    modules: list[ModuleRow]
    requests: dict[str, list[RequestRow]]
    inputs: list[InputRow]
    packages: list[PackageRow]

    @property
    def count(self) -> int:
        """Return how many there are."""
        requests = sum(len(rows) for rows in self.requests.values())
        return len(self.modules) + requests + len(self.inputs) + len(self.packages)


def find_roots(
    resolver: Resolver, entries: Sequence[str], modules: Sequence[str], problems: list[Problem]
) -> list[tuple[Resolution, bool]]:
    """Return what Node would load for entry points (with True) and for single modules; adds to `problems`."""
    roots: list[tuple[Resolution, bool]] = []
    for path in entries:
        answer = resolver.resolve_entry(path)
        if isinstance(answer, ResolutionFailure):
            problems.append(Problem(path, answer.code, answer.message))
        else:
            roots.append((answer, True))
    for path in modules:
        answer = resolver.resolve_entry(path)
        if isinstance(answer, Resolution):
            roots.append((answer, False))
    return roots


class Warming:
    """Wires one warm together."""

    def __init__(
        self,
        directory: CacheDirectory,
        index: Index,
        files: FileSource,
        build: NodeBuild,
        pool: CompilePool,
        conditions: tuple[str, ...],
    ) -> None:
        self._directory = directory
        self._index = index
        self._files = files
        self._build = build
        self._pool = pool
        self._conditions = conditions
        # Without an environment: what `require` finds by NODE_PATH or HOME depends on who starts the program.
        self._resolver = Resolver(files, conditions, build.version_numbers)

    def run(self, entries: Sequence[str], modules: Sequence[str], progress: Progress) -> WarmReport:
        """Warm entry points and modules given by absolute paths; raises OSError and IndexUnusable."""
        started, started_at = time.monotonic(), time.time()
        report = WarmReport()
        roots = find_roots(self._resolver, entries, modules, report.problems)
        also = self._missed_before(entries)
        extra = [(resolution, False) for url in also for resolution in self._by_url(url)]
        compiler = Compiler(self._index, self._build, self._directory, self._pool)
        analyses = AnalysisStore(BlobStore(self._directory.blobs_path))
        discovery = Discovery(self._files, self._resolver, self._index, compiler, analyses, progress)
        found = discovery.walk([*roots, *extra])
        preload = compiler.keep_preload(PRELOAD_FILES)
        publisher = Publisher(
            self._directory, self._index, self._files, self._build, compiler, self._conditions, started_at * 1000
        )
        publisher.pack(load_order(found.modules.values(), found.modules))
        published = self._publish(found, publisher, [r.resolved_url for r, is_entry in roots if is_entry], also)
        rows = self._rows(found, publisher)
        with self._index.transaction():
            overtaken = self._overtaken(found, started_at)
            requests = {url: some for url, some in rows.requests.items() if url not in overtaken}
            self._index.remove(RequestRow, "url", requests)
            self._index.put([row for some in requests.values() for row in some])
            self._index.put([row for row in rows.modules if row.url not in overtaken])
            self._index.put(rows.inputs)
            self._index.put(rows.packages)
            for found_rows in (found.analyses, found.blobs, found.exports):
                self._index.put(found_rows)
            publisher.put_rows()
            self._index.put(compiler.verdict_rows)
            self._index.put(compiler.called.rows)
            self._index.put(compiler.rows_to_put())
            self._put_entries(published)
            directories = self._claim_names([of_entry for _, of_entry in published], preload, compiler.store)
            started_as = {row.path for row, _ in published}.union(entries)
            self._index.settle_misses(started_as, self._build.executable, "\0".join(self._conditions))
        for directory in directories:
            directory.write()
        for _, of_entry in published:
            remove_any(wanted_path(self._directory, of_entry.manifest))
        self._fill(report, found, compiler, publisher, rows)
        report.entries = len(published)
        report.overtaken = sorted(overtaken.values())
        report.blobs_written = analyses.blobs_written
        report.seconds = time.monotonic() - started
        return report

    def _overtaken(self, found: Discovered, started_at: float) -> dict[str, str]:
        """Return URL and path of what another process has cached since this warm began: its word is the newer one."""
        rows = self._index.where(ModuleRow, "url", found.modules)
        return {
            row.url: row.path
            for row in rows
            if row.warmed_at > started_at
            and (fact := found.modules[row.url].fact) is not None
            and row.source_sha256 != fact.sha256
        }

    def _missed_before(self, entries: Sequence[str]) -> list[str]:
        rows = self._index.where(MissRow, "entry", entries)
        return sorted({row.url for row in rows if row.url})

    def _by_url(self, url: str) -> list[Resolution]:
        path = path_from_file_url(url)
        if path is None or self._files.lstat(path) is None:
            return []
        module_format, inputs = self._resolver.format_of(path)
        return [Resolution(url, module_format, inputs)]

    def _publish(
        self, found: Discovered, publisher: Publisher, entry_urls: Iterable[str], also: Sequence[str]
    ) -> list[tuple[EntryPointRow, Published]]:
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
                self._build.engine_tag,
                self._build.version,
                self._build.arch,
                "\0".join(self._conditions),
                of_entry.domain,
                len(of_entry.modules),
                now,
                now,
            )
            published.append((row, of_entry))
        return published

    def _put_entries(self, published: list[tuple[EntryPointRow, Published]]) -> None:
        for row, of_entry in published:
            self._index.put([row])
            self._index.put_entry_modules(row.manifest, [module.url for module in of_entry.modules])

    def _claim_names(
        self, published: Sequence[Published], preload: Mapping[Path, bytes], store: CodeCacheStore
    ) -> list[DomainDirectory]:
        """Put into the index which names modules claim in the directories of their domains, and return those."""
        directories = []
        for domain in dict.fromkeys(one.domain for one in published):
            place = domain_place(domain, self._build)
            directory = DomainDirectory(self._directory, self._index, place, store)
            of_domain = [one for one in published if one.domain == domain]
            claims = {link.url: link for one in of_domain for link in one.links}
            claims |= {link.url: link for link in preload_links(place, preload)}
            others = self._index.urls_of_domain(domain, self._build.engine_tag, [one.manifest for one in of_domain])
            directory.claim(list(claims.values()), others)
            directories.append(directory)
        return directories

    def _rows(self, found: Discovered, publisher: Publisher) -> _Rows:
        """Return the rows that differ from those in the index."""
        now = time.time()
        sets = InputSets()
        module_rows: list[ModuleRow] = []
        requests_by_url: dict[str, list[RequestRow]] = {}
        for module in found.modules.values():
            known = found.known_rows.get(module.url)
            row = module_row(module, publisher.packages.root_of(module.path), now)
            if row is not None and (known is None or not is_same(row, known)):
                module_rows.append(row)
            requests_by_url[module.url] = request_rows(module, sets)
        stored: dict[str, list[RequestRow]] = {}
        for request in self._index.where(RequestRow, "url", requests_by_url):
            stored.setdefault(request.url, []).append(request)
        changed = {
            url: rows
            for url, rows in requests_by_url.items()
            if sorted(stored.get(url, []), key=lambda one: one.ordinal) != rows
        }
        wanted_sets = {row.input_set for rows in changed.values() for row in rows}
        missing = wanted_sets - self._index.input_sets(wanted_sets) - {""}
        input_rows = [row for name in sorted(missing) for row in sets.rows(name)]
        stored_packages = {row.root: row for row in self._index.where(PackageRow, "root", publisher.packages.rows)}
        packages = [row for root, row in publisher.packages.rows.items() if stored_packages.get(root) != row]
        return _Rows(module_rows, changed, input_rows, packages)

    def _fill(
        self,
        report: WarmReport,
        found: Discovered,
        compiler: Compiler,
        publisher: Publisher,
        rows: _Rows,
    ) -> None:
        report.modules = len(found.modules)
        report.native = sum(module.kind is ServedKind.NATIVE for module in found.modules.values())
        report.served = report.modules - report.native
        report.read = found.read
        report.analysed = found.analysed
        report.compiled = compiler.compiled
        report.sources_packed = len(publisher.pack_rows)
        report.code_caches_written = len(compiler.cache_rows)
        report.manifests_written = publisher.manifests_written
        report.rows_written = rows.count
        report.problems += found.problems
