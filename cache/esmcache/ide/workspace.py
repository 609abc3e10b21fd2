"""`Workspace`: the answers to all questions of a language server about open documents and the modules around them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from esmcache.cache import Cache
from esmcache.diagnostics import Severity
from esmcache.engines.node import builtin_exports
from esmcache.file_source import DiskFileSource, file_url_from_path
from esmcache.ide.cached import CachedFacts
from esmcache.ide.documents import Documents
from esmcache.ide.graphs import Graphs
from esmcache.ide.importers import Importers
from esmcache.ide.modules import Occurrence, WorkspaceModule, WorkspaceModules, real_url
from esmcache.ide.moves import Moves
from esmcache.ide.navigation import Navigation
from esmcache.ide.problems import Problems
from esmcache.ide.reach import Reach
from esmcache.ide.values import (
    Definition,
    Finding,
    Graph,
    ImportWeight,
    Link,
    ModuleState,
    NameFacts,
    PackageModules,
    Place,
    SpecifierFacts,
    TextChange,
)
from esmcache.query.counts import own_modules
from esmcache.query.lookup import Explanation, Lookup
from esmcache.records import CallKind, NodeBuild, Resolution
from esmcache.resolution import DEFAULT_CONDITIONS
from esmcache.settings import ProjectSettings
from esmcache.spans import ColumnUnit, Position
from esmcache.store.rows import EntryPointRow


class Workspace:
    """The modules that an editor works on, with the editor's unsaved texts.

    Paths are absolute; answers name files by the URLs of their real paths. Use it from one thread only.
    """

    def __init__(self, cache: Cache, unit: ColumnUnit, project: ProjectSettings | None = None) -> None:
        """Open the workspace.

        Args:
            unit: The unit of columns in questions and answers.
            project: Settings that are added to the projects' own.

        Raises:
            CacheError: If the cache cannot be opened.
        """
        disk = DiskFileSource()
        self._cache = cache
        self._unit = unit
        self._project = project or ProjectSettings()
        self.conditions = tuple(self._project.conditions)
        self._index = cache.index
        # For each open path, whether a file existed on disk at the last check.
        self._was_there: dict[str, bool] = {}
        self._index_version = self._index.version()
        self._documents = Documents(disk)
        self._modules = WorkspaceModules(
            self._documents,
            cache.index,
            lambda: cache.resolver(self.conditions, self._documents),
            unit,
            self._builtin_names,
            cache,
        )
        self._importers = Importers(self._modules, cache.index)
        self._problems = Problems(self._modules)
        self._navigation = Navigation(self._modules, self._importers)
        self._reach = Reach(cache.index)
        self._cached = CachedFacts(cache.directory, cache.index, disk, cache.node_build(), self._reach)
        self._graphs = Graphs(cache.index, self._cached, self._reach)
        self._moves = Moves(self._modules, self._importers, lambda files: cache.resolver(self.conditions, files))

    @property
    def is_current(self) -> bool:
        """Return whether the index is still the one that this workspace reads."""
        return self._cache.index is self._index

    def guarded(self) -> AbstractContextManager[None]:
        """Return a context manager for calls of this workspace, which turns faults of the cache into CacheError."""
        return self._cache.guarded()

    def take_documents(self, other: Workspace) -> None:
        """Take over the open documents of another workspace, which must not be used afterwards."""
        self._documents.take(other._documents)
        self._was_there.update(other._was_there)

    def open(self, path: str, text: str) -> None:
        """Use the editor's text of a file instead of the text on disk."""
        self._was_there[path] = os.path.isfile(path)
        self._documents.open(os.path.realpath(path), text)
        self._modules.forget(real_url(path))

    def edit(self, path: str, changes: Sequence[TextChange]) -> None:
        """Change the text of an open file."""
        self._documents.edit(os.path.realpath(path), changes, self._unit)

    def close(self, path: str) -> None:
        """Use the text on disk again."""
        self._was_there.pop(path, None)
        self._documents.close(os.path.realpath(path))
        self._modules.forget(real_url(path))

    def text(self, path: str) -> str | None:
        """Return the text of an open file, or None if it is not open."""
        document = self._documents.get(os.path.realpath(path))
        return None if document is None else document.source.decode("utf-8", "surrogatepass")

    def changed(self, paths: Iterable[str]) -> None:
        """Check files again that may have been created, removed or changed."""
        for path in paths:
            self._modules.forget(real_url(path))
            is_there = os.path.isfile(path)
            # Only the content of a package.json can change how other files are found.
            if not (is_there and self._was_there.get(path)) or path.endswith("package.json"):
                self._modules.forget_resolutions()
            if path in self._was_there:
                self._was_there[path] = is_there

    def findings(self, path: str, *, with_cycles: bool = False, with_cache: bool = True) -> list[Finding]:
        """Return the findings about a file's text, requests and linking, and about its cache."""
        module = self._module(path)
        if module is None:
            return []
        found = self._problems.of(module, with_cycles=with_cycles)
        if not any(one.kind.severity is Severity.ERROR for one in module.diagnostics):
            refusal = self._cached.refusal(module)
            found += [] if refusal is None else [self._problems.refused(module, refusal)]
        return [*found, *self._cached.findings(module)] if with_cache else found

    def findings_of(
        self, paths: Sequence[str], *, with_cycles: bool = False, without_cache: Sequence[str] = ()
    ) -> dict[str, list[Finding]]:
        """Return the findings about several files, by path.

        Args:
            without_cache: The files whose findings leave out those about their caches.
        """
        return {
            path: self.findings(path, with_cycles=with_cycles, with_cache=path not in without_cache) for path in paths
        }

    def importers(self, path: str) -> list[str]:
        """Return the URLs of the modules that import a file, directly or by re-exports, open ones first."""
        return self._importers.depending(real_url(path))

    def links(self, path: str) -> list[Link]:
        """Return every specifier in a file with the file that it leads to."""
        module = self._module(path)
        return [] if module is None else self._navigation.links(module)

    def definition(self, path: str, position: Position) -> Definition | None:
        """Return the definition for a position, or None if none is known."""
        module = self._module(path)
        return None if module is None else self._navigation.definition(module, position)

    def references(self, path: str, position: Position, *, with_declaration: bool) -> list[Place]:
        """Return every import and re-export of the binding or module that is named at a position."""
        module = self._module(path)
        if module is None:
            return []
        return self._navigation.references(module, position, with_declaration=with_declaration)

    def facts_at(self, path: str, position: Position) -> SpecifierFacts | NameFacts | None:
        """Return the facts about the specifier or name at a position, or None if there is neither."""
        module = self._module(path)
        if module is None:
            return None
        occurrence = self._navigation.specifier_at(module, position)
        if occurrence is None:
            return self._navigation.name_facts(module, position)
        return self._specifier_facts(module, occurrence)

    def state(self, path: str) -> ModuleState:
        """Return the cached state of a file, and the size of all that it statically imports."""
        return self._cached.state(real_url(path))

    def weights(self, path: str) -> list[ImportWeight]:
        """Return the count and size of the modules that each static import of a file loads, as far as warmed."""
        module = self._module(path)
        found = []
        for occurrence in () if module is None else module.occurrences():
            answer = self._modules.answer(module, occurrence.specifier, occurrence.kind) if module else None
            if occurrence.kind is None and isinstance(answer, Resolution) and module is not None:
                reached = self._reach.through(answer.resolved_url)
                if reached.bytes:
                    found.append(
                        ImportWeight(self._modules.range(module, occurrence.span), reached.modules, reached.bytes)
                    )
        return sorted(found, key=lambda one: (one.range.start.line, one.range.start.column))

    def own_modules(self, folders: Sequence[str]) -> list[str]:
        """Return the paths of the modules in folders, as a warm finds them, without installed packages."""
        return list(dict.fromkeys([*own_modules(folders, self._project), *self._documents]))

    def graph(self, path: str | None, folders: Sequence[str]) -> Graph:
        """Return the module graph of a file, or of all entry points in the folders if `path` is None."""
        root = None if path is None else real_url(path)
        return self._graphs.of(root, self._entries(folders) if root is None else [root])

    def packages(self, folders: Sequence[str]) -> list[PackageModules]:
        """Return the folders' own modules and all modules that their entry points reach, by package."""
        own = [real_url(path) for path in self.own_modules(folders)]
        return self._graphs.packages(dict.fromkeys([*own, *self._reach.closure(self._entries(folders), dynamic=True)]))

    def moved(self, moves: Sequence[tuple[str, str]], folders: Sequence[str]) -> dict[str, list[TextChange]]:
        """Return the text changes, by URL, that are needed when files move from old to new paths.

        Args:
            moves: The old and new paths of files and folders.
            folders: The folders in which all modules are searched, whether cached or not.
        """
        self._modules.forget_resolutions()
        return self._moves.changes(moves, folders)

    def _entries(self, folders: Sequence[str]) -> list[str]:
        inside = tuple(os.path.realpath(folder) + os.sep for folder in folders)
        rows = self._index.all(EntryPointRow)
        return sorted({file_url_from_path(row.path) for row in rows if row.path.startswith(inside)})

    def lookup(self, path: str) -> Lookup:
        """Return the cached state of a file: fresh, stale or cold."""
        return self._cached.lookup(real_url(path))

    def explain(self, path: str) -> Explanation:
        """Return the reason why a file is or is not served.

        Raises:
            CacheError: If the cache cannot be used.
        """
        return self._cache.explain(real_url(path))

    def cache_directory(self) -> str:
        """Return the path of the cache directory."""
        return str(self._cache.directory.path)

    def index_changed(self) -> bool:
        """Return whether another process has written the index since the last call."""
        before, self._index_version = self._index_version, self._index.version()
        return self._index_version != before

    def _builtin_names(self) -> Mapping[str, Sequence[str]]:
        build = self._cache.node_build()
        return builtin_exports(build) if isinstance(build, NodeBuild) else {}

    def _specifier_facts(self, module: WorkspaceModule, occurrence: Occurrence) -> SpecifierFacts:
        specifier = occurrence.specifier
        asks = "require" if occurrence.kind is CallKind.REQUIRE else "import"
        is_path = specifier.startswith((".", "/")) or ":" in specifier
        facts = SpecifierFacts(
            self._modules.range(module, occurrence.span),
            specifier,
            () if is_path else (asks, *DEFAULT_CONDITIONS, *self.conditions),
        )
        answer = self._modules.answer(module, specifier, occurrence.kind)
        if not isinstance(answer, Resolution):
            return replace(facts, error=f"{answer.code}: {answer.message}")
        url = answer.resolved_url
        target = self._modules.module(url)
        module_format = answer.module_format or (None if target is None else target.module_format)
        facts = replace(facts, resolved_url=url, module_format="" if module_format is None else module_format.value)
        if target is None:
            return facts
        found = self._cached.lookup(url)
        record_size, code_cache_size = self._cached.sizes(found)
        reached = self._reach.through(url)
        return replace(
            facts,
            package=self._cached.package_of(url),
            state=found.state,
            key=found.key,
            source_size=target.size,
            record_size=record_size,
            code_cache_size=code_cache_size,
            reached=reached.modules,
            reached_bytes=reached.bytes,
        )

    def _module(self, path: str) -> WorkspaceModule | None:
        return self._modules.module(real_url(path))
