"""What a save changes: one module's cache, and what runners read of it, without walking the graph again.

Where a module asks for the same as before, the manifests that hold it are changed in place; else their entry points
have to be warmed, which is left to the caller.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from esmcache.build.analysis_rows import AnalysisStore
from esmcache.build.compile import Compiler
from esmcache.build.graph import GraphModule, Problem
from esmcache.build.module_rows import InputSets, module_row, request_rows
from esmcache.build.publish import Publisher
from esmcache.build.walk import Discovered, Discovery
from esmcache.cache_directory import CacheDirectory, read_regular, write_whole
from esmcache.engines.node import CompilePool
from esmcache.file_source import FileSource, file_url_from_path
from esmcache.maintain.domain_directory import DomainDirectory, is_of_build
from esmcache.records import NodeBuild, Resolution
from esmcache.resolution import Resolver
from esmcache.serving.manifest import ServedKind
from esmcache.serving.manifest_change import with_changed_module
from esmcache.store.blobs import BlobStore
from esmcache.store.index import Index
from esmcache.store.rows import CodeCacheLinkRow, EntryPointRow, RequestRow


@dataclass(slots=True)
class Update:
    """What became of saved modules.

    `updated` are the URLs whose caches are those of the files as they are now; `to_warm` the entry points, with their
    conditions, that are served the old graph until they are warmed.
    """

    updated: list[str] = field(default_factory=list)
    to_warm: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    manifests_changed: int = 0
    problems: list[Problem] = field(default_factory=list)


class Updater:
    """Brings the cache up to date with single files, for one Node build."""

    def __init__(
        self, directory: CacheDirectory, index: Index, files: FileSource, build: NodeBuild, pool: CompilePool
    ) -> None:
        self._directory = directory
        self._index = index
        self._files = files
        self._build = build
        self._pool = pool

    def run(self, paths: Iterable[str], conditions: tuple[str, ...]) -> Update:
        """Update the modules at `paths` (real, absolute); raises OSError and IndexUnusable.

        `conditions` are used for a module that no entry point reaches.
        """
        update = Update()
        for path in paths:
            self._update(path, conditions, update)
        return update

    def _update(self, path: str, conditions: tuple[str, ...], update: Update) -> None:
        first = self._visit(path, conditions)
        if first is None:
            return
        entries = self._entries_with(first.module.url)
        by_conditions: dict[tuple[str, ...], list[EntryPointRow]] = {}
        for entry in entries:
            by_conditions.setdefault(_conditions_of(entry), []).append(entry)
        with self._index.transaction():
            first.store(self._index, with_requests=not entries)
            places = self._claim_names(first)
        for place in places:
            DomainDirectory(self._directory, self._index, place, first.compiler.store).write()
        update.problems += first.found.problems
        update.updated.append(first.module.url)
        for chosen, some in by_conditions.items():
            visit = first if chosen == conditions else self._visit(path, chosen)
            if visit is None:
                continue
            stored = sorted(
                self._index.where(RequestRow, "url", [visit.module.url]), key=lambda request: request.ordinal
            )
            asks_the_same = stored == request_rows(visit.module, InputSets())
            for entry in some:
                if not (asks_the_same and self._change(entry, visit)):
                    update.to_warm.setdefault(chosen, []).append(entry.path)
                else:
                    update.manifests_changed += 1

    def _claim_names(self, visit: _Visit) -> list[str]:
        """Have the module's entries be those of its text as it is now; return the directories that hold them."""
        kept = visit.compiler.kept(visit.module)
        rows = [
            row
            for row in self._index.where(CodeCacheLinkRow, "url", [visit.module.url])
            if is_of_build(row.directory, self._build)
        ]
        if kept is None:
            self._index.remove_links([(row.directory, row.name, row.url) for row in rows])
        else:
            self._index.put([replace(row, source_sha256=kept.source_sha256) for row in rows if row.kind == kept.kind])
        return [row.directory for row in rows]

    def _entries_with(self, url: str) -> list[EntryPointRow]:
        rows = self._index.where(EntryPointRow, "manifest", self._index.entries_with(url))
        return [row for row in rows if row.engine_tag == self._build.engine_tag]

    def _visit(self, path: str, conditions: tuple[str, ...]) -> _Visit | None:
        started_ms = time.time() * 1000
        resolver = Resolver(self._files, conditions, self._build.version_numbers)
        module_format, inputs = resolver.format_of(path)
        answer = Resolution(file_url_from_path(path), module_format, inputs)
        compiler = Compiler(self._index, self._build, self._directory, self._pool)
        analyses = AnalysisStore(BlobStore(self._directory.blobs_path))
        discovery = Discovery(self._files, resolver, self._index, compiler, analyses, lambda stage, done, total: None)
        found = discovery.look_at(answer)
        module = found.modules.get(answer.resolved_url)
        if module is None:
            return None
        publisher = Publisher(self._directory, self._index, self._files, self._build, compiler, conditions, started_ms)
        publisher.pack([module])
        return _Visit(module, found, compiler, publisher)

    def _change(self, entry: EntryPointRow, visit: _Visit) -> bool:
        """Return whether the entry point's manifest now speaks of the module as it is."""
        module, publisher = visit.module, visit.publisher
        if module.has_syntax_error:
            # What runs it gets Node's error, as from any file that changed; the next save will mend it.
            return True
        if module.kind is ServedKind.NATIVE or module.fact is None or publisher.may_name_paths(module):
            return False
        if visit.compiler.keeps_back(module):
            # The manifest must no longer say that there are code caches.
            return False
        path = self._directory.manifests_path / entry.manifest
        before = read_regular(path)
        if before is None:
            return False
        source = publisher.source_of(module)
        after = with_changed_module(before, module.url, module.fact, source, publisher.pack_fact(source))
        if after is None:
            return False
        if after != before:
            write_whole(path, after)
        return True


@dataclass(frozen=True, slots=True)
class _Visit:
    """One module as it was found under some conditions."""

    module: GraphModule
    found: Discovered
    compiler: Compiler
    publisher: Publisher

    def store(self, index: Index, *, with_requests: bool) -> None:
        """Put what was found into the index; the caller holds a transaction.

        Requests that manifests are to be compared with stay as they are: what they became is stored by a warm.
        """
        sets = InputSets()
        requests = request_rows(self.module, sets)
        row = module_row(self.module, self.publisher.packages.root_of(self.module.path), time.time())
        index.put([] if row is None else [row])
        for rows in (self.found.analyses, self.found.blobs, self.found.exports):
            index.put(rows)
        self.publisher.put_rows()
        index.put(self.compiler.verdict_rows)
        index.put(self.compiler.called.rows)
        index.put(self.compiler.rows_to_put())
        if with_requests:
            index.remove(RequestRow, "url", [self.module.url])
            index.put([one for name in {request.input_set for request in requests} - {""} for one in sets.rows(name)])
            index.put(requests)


def _conditions_of(entry: EntryPointRow) -> tuple[str, ...]:
    return tuple(entry.conditions.split("\0")) if entry.conditions else ()
