"""The state of a workspace's modules in the cache, for display. It only reads the cache and never repairs it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from esmcache.build.graph import REFUSALS, STRIPS_NO_PACKAGES, SYNTAX_ERROR, is_typescript_name
from esmcache.build.targets import SOURCE_SUFFIXES
from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular
from esmcache.diagnostics import DiagnosticKind
from esmcache.engines.node import NodeMissing
from esmcache.engines.node.compile_cache_layout import stored_kinds
from esmcache.file_source import FileSource, path_from_file_url
from esmcache.ide.modules import WorkspaceModule
from esmcache.ide.reach import Reach
from esmcache.ide.values import START, Finding, GraphNode, ModuleState, NodeKind
from esmcache.maintain.pack_rows import packed_source
from esmcache.query.lookup import CacheState, Lookup, Lookups, quick_state
from esmcache.records import ModuleFormat, NodeBuild
from esmcache.serving.pack import read_source
from esmcache.store.index import Index
from esmcache.store.rows import CodeCacheRow, ModuleRow, PackageRow, PackEntryRow, VerdictRow

_COMPILED = (ModuleFormat.MODULE, ModuleFormat.COMMONJS)
_KINDS = {"module": NodeKind.MODULE, "commonjs": NodeKind.COMMONJS, "json": NodeKind.JSON}


class CachedFacts:
    """Reads the store for one Node build.

    Args:
        disk: The saved files.
    """

    def __init__(
        self, directory: CacheDirectory, index: Index, disk: FileSource, build: NodeBuild | NodeMissing, reach: Reach
    ) -> None:
        self._directory = directory
        self._index = index
        self._disk = disk
        self._build = build
        self._reach = reach
        self._lookups = Lookups(directory, index, disk)

    @property
    def engine_tag(self) -> str:
        """Return the tag of the engine that code caches are made for, or '' if there is no supported Node."""
        return self._build.engine_tag if isinstance(self._build, NodeBuild) and self._build.supported else ""

    @property
    def engine_version(self) -> str:
        """Return the version of the Node that code caches are made for, or '' if there is no supported Node."""
        return self._build.version if isinstance(self._build, NodeBuild) and self._build.supported else ""

    def lookup(self, url: str) -> Lookup:
        """Return the state, the key and the files of a module in the cache."""
        return self._lookups.lookup(url, self._build)

    def findings(self, module: WorkspaceModule) -> list[Finding]:
        """Return the findings about a module's cache; none if it is fresh and undamaged."""
        if not self.engine_tag:
            return [_finding(DiagnosticKind.ENGINE_MISSING, self._build.reason)]
        if module.module_format is not ModuleFormat.JSON and not _is_compiled(module.module_format):
            # A text that Node cannot strip has an error, and its format is not known.
            return [] if module.diagnostics else [_finding(DiagnosticKind.NOT_SERVED, _why_not_compiled(module))]
        if is_typescript_name(module.path) and "/node_modules/" in module.path:
            return [_finding(DiagnosticKind.NOT_SERVED, STRIPS_NO_PACKAGES)]
        if self._disk.lstat(module.path) is None:
            return []
        found = self.lookup(module.url)
        row = self._row(module.url)
        if found.state is CacheState.COLD or row is None:
            return [_finding(DiagnosticKind.CACHE_COLD, "")]
        if found.state is CacheState.STALE:
            return [_finding(DiagnosticKind.CACHE_STALE, "")]
        return self._findings_of_fresh(row, found)

    def refusal(self, module: WorkspaceModule) -> VerdictRow | None:
        """Return the engine's refusal of a module's current text, or None if it was not compiled or not refused."""
        row = self._row(module.url)
        text = module.text
        if row is None or row.problem != SYNTAX_ERROR:
            return None
        if self.lookup(module.url).state is not CacheState.NATIVE:
            return None
        if text is not None and sha256(text).digest() != row.source_sha256:
            return None
        verdicts = self._index.where(VerdictRow, "source_sha256", [row.source_sha256])
        refusals = (one for one in verdicts if one.outcome in REFUSALS and one.engine_tag == self.engine_tag)
        return next(refusals, None)

    def state(self, url: str) -> ModuleState:
        """Return the cached state of a module, and the size of all that it statically imports."""
        found = self.lookup(url)
        reached = self._reach.through(url)
        return ModuleState(url, found.state, reached.modules, reached.bytes, self.engine_version)

    def sizes(self, found: Lookup) -> tuple[int, int]:
        """Return the sizes in bytes of a module's record and of its code cache."""
        return _size(found.blob_path), _size(found.code_cache_path)

    def package_of(self, url: str) -> str:
        """Return name@version of the package that a warmed module belongs to, or '' if that is not known."""
        row = self._row(url)
        if row is None:
            return ""
        package = next(iter(self._index.where(PackageRow, "root", [row.package])), None)
        if package is None or not package.name:
            return ""
        return f"{package.name}@{package.version}" if package.version else package.name

    def nodes(self, urls: Iterable[str], in_cycles: frozenset[str] = frozenset()) -> list[GraphNode]:
        """Return modules with their states; a file counts as changed if its fingerprint has changed."""
        wanted = list(urls)
        rows = {row.url: row for row in self._index.where(ModuleRow, "url", wanted)}
        packages = {row.root: row for row in self._index.where(PackageRow, "root", {r.package for r in rows.values()})}
        return [self._node(url, rows.get(url), packages, url in in_cycles) for url in wanted]

    def _node(self, url: str, row: ModuleRow | None, packages: dict[str, PackageRow], in_cycle: bool) -> GraphNode:
        if row is None:
            is_file = url.startswith("file:")
            kind = NodeKind.BUILTIN if url.startswith("node:") else NodeKind.OTHER
            path = path_from_file_url(url)
            name = os.path.basename(path) if path else url
            return GraphNode(url, name, "", kind, CacheState.COLD if is_file else CacheState.NATIVE, 0, in_cycle, "")
        package = packages.get(row.package)
        name = os.path.relpath(row.path, row.package) if row.package else os.path.basename(row.path)
        state = quick_state(self._disk, row)
        kind = _KINDS.get(row.kind.removesuffix("-typescript"), NodeKind.OTHER)
        label = "" if package is None else package.name
        return GraphNode(url, name, label, kind, state, row.size, in_cycle, row.problem)

    def _findings_of_fresh(self, row: ModuleRow, found: Lookup) -> list[Finding]:
        if row.problem:
            return [] if row.problem == SYNTAX_ERROR else [_finding(DiagnosticKind.NOT_SERVED, row.problem)]
        for verdict in self._index.where(VerdictRow, "source_sha256", [row.source_sha256]):
            if verdict.outcome == "quarantined" and verdict.engine_tag == self.engine_tag:
                return [_finding(DiagnosticKind.CACHE_QUARANTINED, verdict.detail)]
        if row.kind != ModuleFormat.COMMONJS.value and (damage := self._damage_of_source(row)):
            return [_finding(DiagnosticKind.CACHE_DAMAGED, damage)]
        return self._findings_of_code_cache(row, found)

    def _damage_of_source(self, row: ModuleRow) -> str:
        entries = list(self._index.where(PackEntryRow, "source_sha256", [row.source_sha256]))
        for one in entries:
            if read_source(self._directory.packs_path, packed_source(one)) is not None:
                return ""
        return "its source in the pack differs from its checksum" if entries else ""

    def _findings_of_code_cache(self, row: ModuleRow, found: Lookup) -> list[Finding]:
        if found.code_cache_path is None:
            has_one = isinstance(self._build, NodeBuild) and self._build.compile_cache_layout
            compiled = _is_compiled(ModuleFormat(row.kind))
            # The module was warmed for another Node, as happens after an update of Node.
            return [_finding(DiagnosticKind.CACHE_COLD, "")] if has_one and compiled else []
        if not os.path.lexists(found.code_cache_path):
            return [_finding(DiagnosticKind.CACHE_COLD, "")]
        kinds = stored_kinds(row.kind, row.url)
        stored = [
            one.content_sha256
            for one in self._index.where(CodeCacheRow, "source_sha256", [row.source_sha256])
            if one.engine_tag == self.engine_tag and one.kind in kinds
        ]
        content = read_regular(found.code_cache_path)
        if content is None:
            return [_finding(DiagnosticKind.CACHE_DAMAGED, "its code cache cannot be read")]
        if sha256(content).digest() not in stored:
            return [_finding(DiagnosticKind.CACHE_DAMAGED, "its code cache differs from its SHA-256")]
        return []

    def _row(self, url: str) -> ModuleRow | None:
        return next(iter(self._index.where(ModuleRow, "url", [url])), None)


def _is_compiled(module_format: ModuleFormat | None) -> bool:
    return module_format is not None and module_format.without_types in _COMPILED


def _why_not_compiled(module: WorkspaceModule) -> str:
    if module.module_format is not None:
        return module.module_format.value
    extension = os.path.splitext(module.path)[1]
    if extension and not extension.endswith(SOURCE_SUFFIXES):
        return f'ERR_UNKNOWN_FILE_EXTENSION: Unknown file extension "{extension}"'
    return "what it is cannot be told"


def _finding(kind: DiagnosticKind, detail: str) -> Finding:
    return Finding(kind.code, kind.severity, kind.template.format(detail=detail), START)


def _size(path: Path | None) -> int:
    try:
        return 0 if path is None else path.stat().st_size
    except OSError:
        return 0
