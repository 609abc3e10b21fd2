"""ECMA-262's GetExportedNames and ResolveExport over a graph of module records, and the errors of linking them.

It must know only records: the caller says how requests were resolved and which modules' exports are known. No function
recurses, so there is no limit on long chains of re-exports or cycles of `export *`.
"""

from esmcache.linking.cycles import import_cycles
from esmcache.linking.graph import (
    ExportedNames,
    ExportResolution,
    ExportStep,
    LinkingGraph,
    LinkProblem,
    ResolvedBinding,
    Unlinked,
)
from esmcache.linking.names import exported_names, link_problems, resolve_export

__all__ = [
    "ExportResolution",
    "ExportStep",
    "ExportedNames",
    "LinkProblem",
    "LinkingGraph",
    "ResolvedBinding",
    "Unlinked",
    "exported_names",
    "import_cycles",
    "link_problems",
    "resolve_export",
]
