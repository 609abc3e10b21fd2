"""`WalkResult`: what a walk has found, and the rows that are to be stored of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from esmcache.build.graph import GraphModule, ModuleWork, Problem
from esmcache.store.rows import AnalysisRow, BlobRow, ExportRow, ModuleRow


@dataclass(slots=True)
class WalkResult:
    """The graph, in the order in which modules were found, and the rows to store."""

    modules: dict[str, GraphModule] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    analyses: list[AnalysisRow] = field(default_factory=list)
    blobs: list[BlobRow] = field(default_factory=list)
    exports: list[ExportRow] = field(default_factory=list)
    known_rows: dict[str, ModuleRow] = field(default_factory=dict)
    read: int = 0
    analysed: int = 0
    blobs_written: int = 0
    analysed_sources: set[bytes] = field(default_factory=set)

    def work(self, compiled: Collection[bytes]) -> list[ModuleWork]:
        """Return what was done for each module; `compiled` has the SHA-256 of each source that was compiled."""
        done = []
        for module in self.modules.values():
            source = b"" if module.fact is None else module.fact.sha256
            analysed = source in self.analysed_sources
            done.append(ModuleWork(module.path, analysed, source in compiled, module.native_because))
        return done
