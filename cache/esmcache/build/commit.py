"""Stores in the index what builds found and made: the only place where a build writes rows.

Each function is one transaction. Packs, code caches and manifests are written before it, so a build that is interrupted
leaves files without rows, which the next collection (`gc`) removes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import GraphModule
from esmcache.build.module_rows import InputSets, is_same, module_row, request_rows
from esmcache.build.publish import Published, Publisher
from esmcache.build.walk_result import WalkResult
from esmcache.maintain.domain_directory import NO_SOURCE, DomainDirectory, domain_place, is_of_build, preload_links
from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheLinkRow,
    EntryPointRow,
    ExportRow,
    InputRow,
    ModuleRow,
    PackageRow,
    PackEntryRow,
    PackRow,
    RequestRow,
)


@dataclass(frozen=True, slots=True)
class WarmCommit:
    """The result of storing a warm.

    `rows` counts those that differed from the index. `overtaken` maps URL to path of the modules that another process
    has cached since the warm began. `directories` are the directories that Node is pointed at; they must be written
    after this.
    """

    rows: int
    overtaken: dict[str, str]
    directories: list[DomainDirectory]


def commit_warm(
    context: BuildContext,
    found: WalkResult,
    compiler: Compiler,
    publisher: Publisher,
    published: Sequence[tuple[EntryPointRow, Published]],
    preload: Mapping[Path, bytes],
    entries: Iterable[str],
    started_at: float,
) -> WarmCommit:
    """Store a warm.

    A module that another process has cached since the warm began keeps its newer rows.

    Args:
        preload: The SHA-256 of each file of the preload that was compiled.
        entries: The paths that the warm was asked for.
        started_at: When the warm began, in seconds since the epoch.

    Raises:
        IndexUnusable: If the index cannot be read or written.
    """
    index = context.index
    rows = _changed_rows(index, found, publisher)
    with index.transaction():
        overtaken = _overtaken(index, found, started_at)
        requests = {url: some for url, some in rows.requests.items() if url not in overtaken}
        index.remove(RequestRow, "url", requests)
        index.put([row for some in requests.values() for row in some])
        index.put([row for row in rows.modules if row.url not in overtaken])
        index.put(rows.inputs)
        index.put(rows.packages)
        _put_found(index, found)
        _put_packs(index, publisher)
        _put_compiled(index, compiler)
        for row, of_entry in published:
            index.put([row])
            index.put_entry_modules(row.manifest, [module.url for module in of_entry.modules])
        directories = _claim_names(context, [of_entry for _, of_entry in published], preload, compiler)
        started_as = {row.path for row, _ in published}.union(entries)
        index.settle_misses(started_as, context.node.executable, "\0".join(publisher.conditions))
    return WarmCommit(rows.count, overtaken, directories)


def commit_save(
    context: BuildContext,
    module: GraphModule,
    found: WalkResult,
    compiler: Compiler,
    publisher: Publisher,
    *,
    with_requests: bool,
) -> list[str]:
    """Store one saved module, and return the directories below v8/ in which it has an entry.

    Args:
        with_requests: Whether to store the requests. If not, manifests must still be compared with the stored ones, and
            a warm stores the new ones.

    Raises:
        IndexUnusable: If the index cannot be read or written.
    """
    index = context.index
    sets = InputSets()
    requests = request_rows(module, sets)
    row = module_row(module, publisher.packages.root_of(module.path), time.time())
    with index.transaction():
        index.put([] if row is None else [row])
        _put_found(index, found)
        _put_packs(index, publisher)
        _put_compiled(index, compiler)
        if with_requests:
            index.remove(RequestRow, "url", [module.url])
            index.put([one for name in {request.input_set for request in requests} - {""} for one in sets.rows(name)])
            index.put(requests)
        return _renew_claims(context, module, compiler)


def commit_module(
    index: Index,
    compiler: Compiler,
    analysis: AnalysisRow,
    blob: BlobRow | None,
    exports: Sequence[ExportRow],
    module: ModuleRow | None,
) -> None:
    """Store the cache of a single module.

    Args:
        module: The module's row, or None if its text is not on disk.

    Raises:
        IndexUnusable: If the index cannot be written.
    """
    with index.transaction():
        index.put([analysis])
        index.put([] if blob is None else [blob])
        index.put(exports)
        _put_compiled(index, compiler)
        index.put([] if module is None else [module])


def commit_compiled(index: Index, found: WalkResult, compiler: Compiler) -> None:
    """Store the results of analysis and compilation, without rows for the modules themselves.

    Raises:
        IndexUnusable: If the index cannot be written.
    """
    with index.transaction():
        _put_found(index, found)
        _put_compiled(index, compiler)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that differ from the index; `requests` are by URL and include modules that no longer request anything."""

    modules: list[ModuleRow]
    requests: dict[str, list[RequestRow]]
    inputs: list[InputRow]
    packages: list[PackageRow]

    @property
    def count(self) -> int:
        """Return the number of all these rows."""
        requests = sum(len(rows) for rows in self.requests.values())
        return len(self.modules) + requests + len(self.inputs) + len(self.packages)


def _changed_rows(index: Index, found: WalkResult, publisher: Publisher) -> _Rows:
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
    for request in index.where(RequestRow, "url", requests_by_url):
        stored.setdefault(request.url, []).append(request)
    changed = {
        url: rows
        for url, rows in requests_by_url.items()
        if sorted(stored.get(url, []), key=lambda one: one.ordinal) != rows
    }
    wanted_sets = {row.input_set for rows in changed.values() for row in rows}
    missing = wanted_sets - index.input_sets(wanted_sets) - {""}
    input_rows = [row for name in sorted(missing) for row in sets.rows(name)]
    stored_packages = {row.root: row for row in index.where(PackageRow, "root", publisher.packages.rows)}
    packages = [row for root, row in publisher.packages.rows.items() if stored_packages.get(root) != row]
    return _Rows(module_rows, changed, input_rows, packages)


def _overtaken(index: Index, found: WalkResult, started_at: float) -> dict[str, str]:
    """Return URL and path of the modules for which another process has stored a newer source since `started_at`."""
    return {
        row.url: row.path
        for row in index.where(ModuleRow, "url", found.modules)
        if row.warmed_at > started_at
        and (fact := found.modules[row.url].fact) is not None
        and row.source_sha256 != fact.sha256
    }


def _put_found(index: Index, found: WalkResult) -> None:
    index.put(found.analyses)
    index.put(found.blobs)
    index.put(found.exports)


def _put_compiled(index: Index, compiler: Compiler) -> None:
    index.put(compiler.verdict_rows)
    index.put(compiler.called.rows)
    index.put(compiler.rows_to_put())


def _put_packs(index: Index, publisher: Publisher) -> None:
    index.remove(PackEntryRow, "pack", publisher.lost_packs)
    index.remove(PackRow, "pack", publisher.lost_packs)
    index.put(publisher.pack_rows)
    index.put(publisher.sound_pack_rows())


def _claim_names(
    context: BuildContext, published: Sequence[Published], preload: Mapping[Path, bytes], compiler: Compiler
) -> list[DomainDirectory]:
    """Store the names that modules claim in the directories of their domains, and return these directories."""
    directories = []
    for domain in dict.fromkeys(one.domain for one in published):
        place = domain_place(domain, context.node)
        directory = DomainDirectory(context.directory, context.index, place, compiler.store)
        of_domain = [one for one in published if one.domain == domain]
        links = [*(link for one in of_domain for link in one.links), *preload_links(place, preload)]
        claims = {(link.url, link.name): link for link in links}
        manifests = [one.manifest for one in of_domain]
        directory.claim(list(claims.values()), context.index.urls_of_domain(domain, context.node.engine_tag, manifests))
        directories.append(directory)
    return directories


def _renew_claims(context: BuildContext, module: GraphModule, compiler: Compiler) -> list[str]:
    """Update a module's claims to the code cache of its current text; return the directories that hold its entries."""
    if module.has_syntax_error:
        # Node takes no code cache of another text, and the save that mends the error updates the claims.
        return []
    index, kept = context.index, compiler.kept(module)
    top_level = compiler.kept(module, top_level_only=True) or {}
    rows = [
        row for row in index.where(CodeCacheLinkRow, "url", [module.url]) if is_of_build(row.directory, context.node)
    ]
    if kept is None:
        index.remove_links([(row.directory, row.name, row.url) for row in rows])
    else:
        current = {one.kind: one.source_sha256 for one in (*kept.values(), *top_level.values())}
        # A module of another trust domain has a claim without a source, and must not get one.
        own = [row for row in rows if row.kind in current and row.source_sha256 != NO_SOURCE]
        index.put([replace(row, source_sha256=current[row.kind]) for row in own])
    return [row.directory for row in rows]
