"""Fills a compile-cache directory for plain Node (`NODE_COMPILE_CACHE=DIR node app.mjs`), without running the program.

Such a directory holds code caches only: Node still finds, reads and analyses files itself. The directory can be part of
an image: its names depend on the Node build, V8's flags, the user's number and the paths of the files, which are all
given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esmcache.build.commit import commit_compiled
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import GraphModule, ModuleWork, Problem
from esmcache.build.walk import Progress, Walk
from esmcache.cache_files import read_regular
from esmcache.engines.node.compile_cache_layout import directory_name
from esmcache.errors import CacheError
from esmcache.private_files import write_whole
from esmcache.records import ModuleFormat

_COMPILED = (ModuleFormat.MODULE, ModuleFormat.COMMONJS)


@dataclass(slots=True)
class ExportReport:
    """The result of an export; `modules` counts those that Node would look for in the directory.

    `written` counts code caches, and `texts` the texts of TypeScript without types. `bytes` is the size of both.
    """

    directory: str = ""
    modules: int = 0
    written: int = 0
    texts: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    modules_done: list[ModuleWork] = field(default_factory=list)


class Export:
    """Compiles the modules that entry points reach, and copies their entries out of the cache."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context

    def run(
        self, entries: Sequence[str], conditions: tuple[str, ...], target: Path, uid: int, progress: Progress
    ) -> ExportReport:
        """Fill a directory with the code caches of all that the entry points reach.

        Args:
            entries: The absolute paths of the entry points.
            target: The directory that Node will find in NODE_COMPILE_CACHE.
            uid: The number of the user who will start the entry points.

        Raises:
            CacheError: If `target` cannot be a directory.
            OSError: If a file in `target` or in the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        for path in (target, *target.parents):
            if path.exists() and not path.is_dir():
                raise CacheError(f"{path} is a file, so it cannot be filled: name a directory, or remove the file")
        report = ExportReport(directory=str(target / directory_name(self._context.node, uid)))
        compiler = Compiler(self._context)
        walk = Walk(self._context, conditions, compiler, progress)
        found = walk.walk(walk.find_roots(entries, (), report.problems))
        commit_compiled(self._context.index, found, compiler)
        report.modules_done = found.work(compiler.compiled_sources)
        names: dict[str, list[GraphModule]] = {}
        names_of_texts: set[str] = set()
        for module in found.modules.values():
            found_format = module.module_format
            if found_format is not None and found_format.without_types in _COMPILED:
                report.modules += 1
                entries_of_module = compiler.entries(module, found_format)
                names_of_texts.update(entry.name for entry in entries_of_module[1:])
                for entry in entries_of_module:
                    names.setdefault(entry.name, []).append(module)
            elif module.is_root and not module.has_syntax_error:
                none = Problem(module.path, "no-code-cache", "Node keeps no code cache of such a file")
                report.problems.append(none)
        for name, modules in names.items():
            kept = compiler.kept(modules[0])
            content = None if kept is None else read_regular(Path(compiler.store.path_of(kept[name])))
            if len(modules) > 1:
                # Node would take the code cache of one module for that of the other.
                shared = f"Node gives its code cache the same name as that of {modules[1].path}, so neither has one"
                report.problems.append(Problem(modules[0].path, "no-code-cache", shared))
            elif content is not None:
                write_whole(Path(report.directory) / name, content)
                if name in names_of_texts:
                    report.texts += 1
                else:
                    report.written += 1
                report.bytes += len(content)
        # A request mismatch only means that a runner cannot serve the module. Plain Node is not affected.
        report.problems += [problem for problem in found.problems if problem.code != "request-mismatch"]
        return report
