"""The module graph in the index, for display: of one module, or of all entry points of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from esmcache.engines.node.compile_cache_layout import stored_kinds
from esmcache.ide.cached import CachedFacts
from esmcache.ide.reach import Reach
from esmcache.ide.values import Graph, PackageModules
from esmcache.linking import import_cycles
from esmcache.records import ModuleRecord, ModuleRequest
from esmcache.store.index import Index
from esmcache.store.rows import CodeCacheRow, ModuleRow, PackageRow

_MOST_NODES = 5_000


class Graphs:
    """Makes graphs from the index alone."""

    def __init__(self, index: Index, cached: CachedFacts, reach: Reach) -> None:
        self._index = index
        self._cached = cached
        self._reach = reach

    def of(self, root: str | None, starts: Sequence[str]) -> Graph:
        """Return the graph of all modules that `starts` reach; beyond 5,000 modules the rest is left out."""
        urls = self._reach.closure(list(starts), dynamic=True)
        shown = urls[:_MOST_NODES]
        numbers = {url: number for number, url in enumerate(shown)}
        in_cycles = frozenset(
            url for cycle in import_cycles(_StaticEdges(self._reach), shown) for url in cycle if url in numbers
        )
        edges = [
            (number, numbers[target], while_running)
            for url, number in numbers.items()
            for target, while_running in dict.fromkeys(self._reach.targets(url))
            if target in numbers
        ]
        return Graph(root, self._cached.nodes(shown, in_cycles), edges, len(urls) > len(shown))

    def packages(self, urls: Iterable[str]) -> list[PackageModules]:
        """Return modules by package, with the sizes of their code caches; the workspace's own first, then by size."""
        wanted = list(urls)
        rows = {row.url: row for row in self._index.where(ModuleRow, "url", wanted)}
        known = {row.root: row for row in self._index.where(PackageRow, "root", {r.package for r in rows.values()})}
        hashes = {row.source_sha256 for row in rows.values()}
        code_caches = {
            (row.source_sha256, row.kind): row.size
            for row in self._index.where(CodeCacheRow, "source_sha256", hashes)
            if row.engine_tag == self._cached.engine_tag
        }
        sizes = {
            url: max(code_caches.get((row.source_sha256, kind), 0) for kind in stored_kinds(row.kind, url))
            for url, row in rows.items()
        }
        packages: dict[str, PackageModules] = {}
        for node in self._cached.nodes(wanted):
            if not node.url.startswith("file:"):
                continue
            root = rows[node.url].package if node.url in rows else ""
            package = packages.get(root)
            if package is None:
                row = known.get(root)
                name, version = ("", "") if row is None else (row.name, row.version)
                package = PackageModules(name or root, version, root, "/node_modules/" not in f"{root}/")
                packages[root] = package
            package.modules.append((node, sizes.get(node.url, 0)))
        return sorted(packages.values(), key=lambda one: (not one.is_workspace, -sum(n.bytes for n, _ in one.modules)))


class _StaticEdges:
    """The index's static imports as a LinkingGraph; the specifier of each request is the URL that it resolves to."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def record(self, url: str) -> ModuleRecord:
        static = [target for target, while_running in self._reach.targets(url) if not while_running]
        return ModuleRecord(requested_modules=tuple(ModuleRequest(target) for target in static))

    def resolved_url(self, url: str, request: ModuleRequest) -> str:
        return request.specifier
