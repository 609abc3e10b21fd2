"""What a module exports, what a name of it is bound to, and what keeps a module from being linked."""

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
    """Return what `export_name` of the module at `url` is bound to, and by which re-exports.

    Spec: ResolveExport (sec-resolveexport). Differs: a module that is not known makes the answer UNKNOWN unless
    two others make it ambiguous, and an imported namespace that is exported (`import * as ns from 'a'; export {ns}`)
    is the same as `export * as ns from 'a'` where two stars lead to both, as in Node 26. V8 differs in two corners:
    before Node 26 a namespace that two modules export is ambiguous below their stars, and a circle of names below a
    star is an error at once.
    """
    return Linker(graph).resolve_export(url, export_name)


def exported_names(graph: LinkingGraph, url: str) -> ExportedNames:
    """Return the names that the module at `url` exports; some may be ambiguous or lead nowhere.

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
            # No star exports its module's default.
            if entry.export_name is not None and (module == url or entry.export_name != "default"):
                names[entry.export_name] = None
        targets = [target_of(graph, module, entry) for entry in record.star_export_entries]
        complete = complete and None not in targets
        pending += [target for target in reversed(targets) if target is not None]
    return ExportedNames(tuple(names), complete)


def link_problems(graph: LinkingGraph, url: str) -> list[LinkProblem]:
    """Return what keeps the module at `url` from being linked: its indirect exports first, then its imports.

    Spec: InitializeEnvironment (sec-source-text-module-record-initialize-environment), steps 1 and 7. Differs: all
    problems are returned, not the first. What cannot be known is none, nor is a request that was not resolved.
    """
    record = graph.record(url)
    if record is None:
        return []
    linker = Linker(graph)
    problems: list[LinkProblem] = []
    entries: list[ImportEntry | ExportEntry] = [*record.indirect_export_entries, *record.import_entries]
    for entry in entries:
        request, name = entry.module_request, entry.import_name
        # A namespace can always be had, and a phase other than evaluation binds no export.
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
