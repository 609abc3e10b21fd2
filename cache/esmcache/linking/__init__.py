"""ECMA-262's GetExportedNames and ResolveExport over a graph of module records, and what linking them would throw.

Knows records alone: whoever asks says how requests were resolved and which modules' exports are known. Nothing
recurses, so that neither long chains of re-exports nor cycles of `export *` have a limit.
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
