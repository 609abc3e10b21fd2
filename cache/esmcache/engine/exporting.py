"""Fills a compile-cache directory for plain Node (`NODE_COMPILE_CACHE=DIR node app.mjs`), without running the program.

Such a directory holds code caches only: Node finds, reads and analyses files as ever. It can go into an image, since
its names depend on the Node build, V8's flags, the user's number and the files' places, all of which are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esmcache.cache_directory import CacheDirectory, write_whole
from esmcache.code_cache import CompilePool
from esmcache.engine.analysing import AnalysisStore
from esmcache.engine.compiling import Compiler
from esmcache.engine.discovery import Discovery, Progress
from esmcache.engine.graph import Problem
from esmcache.engine.warming import find_roots
from esmcache.file_source import FileSource
from esmcache.records import ModuleFormat, NodeBuild
from esmcache.resolution import Resolver
from esmcache.serving.node_compile_cache import directory_name
from esmcache.store.blobs import BlobStore
from esmcache.store.index import Index

_COMPILED = (ModuleFormat.MODULE, ModuleFormat.COMMONJS)


@dataclass(slots=True)
class ExportReport:
    """What was written where; `modules` counts those that Node would look for in the directory."""

    directory: str = ""
    modules: int = 0
    written: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)


class Exporting:
    """Compiles what entry points reach and copies the entries out of the cache."""

    def __init__(
        self,
        directory: CacheDirectory,
        index: Index,
        files: FileSource,
        build: NodeBuild,
        jobs: int,
        v8_flags: tuple[str, ...],
    ) -> None:
        """Prepare for a build whose `v8_tag` is that under `v8_flags`."""
        self._directory = directory
        self._index = index
        self._files = files
        self._build = build
        self._jobs = jobs
        self._v8_flags = v8_flags

    def run(
        self, entries: Sequence[str], conditions: tuple[str, ...], target: Path, uid: int, progress: Progress
    ) -> ExportReport:
        """Fill `target` with the entries of all that the entry points reach; raises OSError and IndexUnusable."""
        report = ExportReport(directory=str(target / directory_name(self._build, uid)))
        resolver = Resolver(self._files, conditions, self._build.version_numbers)
        roots = find_roots(resolver, entries, (), report.problems)
        with CompilePool(self._build, self._jobs, self._v8_flags) as pool:
            compiler = Compiler(self._index, self._build, self._directory, pool)
            analyses = AnalysisStore(BlobStore(self._directory.blobs_path))
            found = Discovery(self._files, resolver, self._index, compiler, analyses, progress).walk(roots)
        with self._index.transaction():
            for rows in (found.analyses, found.blobs, found.exports, compiler.verdict_rows, compiler.rows_to_put()):
                self._index.put(rows)
        for module in found.modules.values():
            if module.module_format not in _COMPILED:
                if module.is_root and not module.has_syntax_error:
                    none = Problem(module.path, "no-code-cache", "Node keeps no code cache of such a file")
                    report.problems.append(none)
                continue
            report.modules += 1
            source = compiler.entry_path(module)
            if source is not None:
                content = source.read_bytes()
                write_whole(Path(report.directory) / source.name, content)
                report.written += 1
                report.bytes += len(content)
        # Whether a runner could serve a module is nothing to plain Node.
        report.problems += [problem for problem in found.problems if problem.code != "request-mismatch"]
        return report
