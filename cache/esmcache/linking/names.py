"""The names that a module exports, the binding of an exported name, and the errors of linking a module."""

from __future__ import annotations

from esmcache.diagnostics import DiagnosticKind
from esmcache.linking.graph import (
    ExportedNames,
    ExportResolution,
    LinkingGraph,
    LinkProblem,
    Unlinked,
    target_of,
)
from esmcache.linking.search import Linker
from esmcache.records import ExportEntry, ImportEntry, Phase
from esmcache.spans import Span


def resolve_export(graph: LinkingGraph, url: str, export_name: str) -> ExportResolution:
    """Return the binding of `export_name` in the module at `url`, and the re-exports that lead to it.

    Spec: ResolveExport (sec-resolveexport). Differs: an unknown module makes the answer UNKNOWN, unless two other
    modules make it ambiguous. If two stars lead to an exported import (`import * as ns from 'a'; export {ns}`) and to
    `export * as ns from 'a'`, both are the same binding, as in Node 26.
    V8 differs in two cases. Before Node 26, a namespace is ambiguous if stars lead to two modules that export it. A
    cycle of names that a star leads to is an immediate error.
    """
    return Linker(graph).resolve_export(url, export_name)


def exported_names(graph: LinkingGraph, url: str) -> ExportedNames:
    """Return the names that the module at `url` exports; some may be ambiguous or have no binding.

    Spec: GetExportedNames (sec-getexportednames).
    """
    names: dict[str, None] = {}
    complete = True
    visited: set[str] = set()
    pending = [url]
    while pending:
        module = pending.pop()
        if module in visited:
            continue
        visited.add(module)
        record = graph.record(module)
        if record is None:
            complete = False
            continue
        for entry in (*record.local_export_entries, *record.indirect_export_entries):
            # `export *` does not export `default`.
            if entry.export_name is not None and (module == url or entry.export_name != "default"):
                names[entry.export_name] = None
        targets = [target_of(graph, module, entry) for entry in record.star_export_entries]
        complete = complete and None not in targets
        pending += [target for target in reversed(targets) if target is not None]
    return ExportedNames(tuple(names), complete)


def link_problems(graph: LinkingGraph, url: str) -> list[LinkProblem]:
    """Return the entries that keep the module at `url` from being linked: indirect exports first, then imports.

    Spec: InitializeEnvironment (sec-source-text-module-record-initialize-environment), steps 1 and 7. Differs: all
    problems are returned, not only the first. Unknown exports and unresolved requests are not problems.
    """
    record = graph.record(url)
    if record is None:
        return []
    linker = Linker(graph)
    problems: list[LinkProblem] = []
    entries: list[ImportEntry | ExportEntry] = [*record.indirect_export_entries, *record.import_entries]
    for entry in entries:
        request, name = entry.module_request, entry.import_name
        # A namespace always exists, and an import in any phase but evaluation binds no export.
        if request is None or request.phase is not Phase.EVALUATION or not isinstance(name, str):
            continue
        target = graph.resolved_url(url, request)
        if target is None:
            continue
        resolution = linker.resolve_export(target, name)
        kind = _problem_kind(resolution)
        if kind is not None:
            problems.append(LinkProblem(kind, entry.span or request.span or Span(0, 0), name, target, resolution))
    return problems


def _problem_kind(resolution: ExportResolution) -> DiagnosticKind | None:
    if resolution.result is None:
        return DiagnosticKind.MISSING_EXPORT
    return DiagnosticKind.AMBIGUOUS_EXPORT if resolution.result is Unlinked.AMBIGUOUS else None
