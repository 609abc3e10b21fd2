"""What a specifier or a name leads to, and who leads to it."""

from __future__ import annotations

from collections.abc import Iterator

from esmcache.engine.workspace.importers import Importers
from esmcache.engine.workspace.modules import Occurrence, WorkspaceModule, WorkspaceModules
from esmcache.engine.workspace.values import START, Link, NameFacts, Place, Range
from esmcache.linking import ExportResolution, ResolvedBinding, Unlinked, resolve_export
from esmcache.records import ExportEntry, ImportEntry, ImportName, Resolution
from esmcache.spans import Position, Span

_PROBLEMS = {
    Unlinked.AMBIGUOUS: "exported by more than one module",
    Unlinked.UNKNOWN: "from a module whose exports are known only when it runs",
}


class Navigation:
    """Answers for one place in a module after the other."""

    def __init__(self, modules: WorkspaceModules, importers: Importers) -> None:
        self._modules = modules
        self._importers = importers

    def links(self, module: WorkspaceModule) -> list[Link]:
        """Return every specifier with what it leads to."""
        return [
            Link(self._modules.range(module, one.span), one.specifier, self._target(module, one))
            for one in sorted(module.occurrences(), key=lambda one: one.span.start)
        ]

    def specifier_at(self, module: WorkspaceModule, position: Position) -> Occurrence | None:
        """Return the specifier at a position."""
        at = self._offset(module, position)
        return next((one for one in module.occurrences() if one.span.start <= at <= one.span.end), None)

    def name_at(self, module: WorkspaceModule, position: Position) -> ImportEntry | ExportEntry | None:
        """Return the import or export whose name is written at a position, or the import that it refers to."""
        at = self._offset(module, position)
        record = module.record
        entries: tuple[ImportEntry | ExportEntry, ...] = (
            *record.import_entries,
            *record.indirect_export_entries,
            *record.local_export_entries,
        )
        for entry in entries:
            if entry.span is not None and entry.span.start <= at <= entry.span.end:
                return entry
        name = self._identifier_at(module, at)
        return next((entry for entry in record.import_entries if entry.local_name == name), None) if name else None

    def definition(self, module: WorkspaceModule, position: Position) -> list[Place]:
        """Return where what stands at a position is defined: a file, or the declaration that a name is bound to."""
        occurrence = self.specifier_at(module, position)
        if occurrence is not None:
            target = self._target(module, occurrence)
            return [] if target is None else [Place(target, START)]
        facts = self.name_facts(module, position)
        return [] if facts is None or facts.origin is None else [facts.origin]

    def name_facts(self, module: WorkspaceModule, position: Position) -> NameFacts | None:
        """Return where the name at a position comes from, through all re-exports."""
        entry = self.name_at(module, position)
        if entry is None:
            return None
        range_ = self._modules.range(module, entry.span or Span(0, 0))
        name = entry.local_name if isinstance(entry, ImportEntry) else entry.export_name or "*"
        if isinstance(entry, ExportEntry) and entry.module_request is None:
            origin = self._modules.place(module, entry.span or Span(0, 0))
            return NameFacts(range_, name or "", origin, entry.local_name or "", (), "")
        target = None if entry.module_request is None else self._modules.resolved_url(module.url, entry.module_request)
        if target is None:
            return NameFacts(range_, name or "", None, "", (), "from a module that is not found")
        if not isinstance(entry.import_name, str):
            return NameFacts(range_, name or "", Place(target, START), "*", (), "")
        return self._resolved(range_, name or "", target, resolve_export(self._modules, target, entry.import_name))

    def references(self, module: WorkspaceModule, position: Position, *, with_declaration: bool) -> list[Place]:
        """Return every import and re-export of what stands at a position: of a binding, or of a whole module."""
        occurrence = self.specifier_at(module, position)
        if occurrence is not None:
            target = self._target(module, occurrence)
            return [] if target is None else list(self._importing(target))
        entry = self.name_at(module, position)
        binding = None if entry is None else self._binding(module, entry)
        if binding is None:
            return []
        places = list(dict.fromkeys(self._referring(binding)))
        declaration = self._origin(binding)
        if with_declaration and declaration is not None:
            places.insert(0, declaration)
        elif not with_declaration:
            places = [place for place in places if place != declaration]
        return places

    def _binding(self, module: WorkspaceModule, entry: ImportEntry | ExportEntry) -> ResolvedBinding | None:
        if isinstance(entry, ExportEntry) and entry.module_request is None:
            return ResolvedBinding(module.url, entry.local_name or "", entry)
        if entry.module_request is None or not isinstance(entry.import_name, str):
            return None
        target = self._modules.resolved_url(module.url, entry.module_request)
        if target is None:
            return None
        result = resolve_export(self._modules, target, entry.import_name).result
        return result if isinstance(result, ResolvedBinding) else None

    def _importing(self, url: str) -> Iterator[Place]:
        for importer, occurrences in self._importers.of(url):
            for one in occurrences:
                yield self._modules.place(importer, one.span)

    def _referring(self, binding: ResolvedBinding) -> Iterator[Place]:
        """Yield where a binding is imported or exported again, breadth first over those that export it."""
        home = self._modules.module(binding.module)
        names = [
            (binding.module, entry.export_name)
            for entry in (() if home is None else home.record.local_export_entries)
            if entry.local_name == binding.binding_name and entry.export_name is not None
        ]
        if binding.binding_name is ImportName.NAMESPACE_OBJECT:
            return
        seen = set(names)
        while names:
            url, name = names.pop(0)
            for importer, occurrences in self._importers.of(url):
                specifiers = {one.specifier for one in occurrences}
                record = importer.record
                entries: tuple[ImportEntry | ExportEntry, ...] = (
                    *record.import_entries,
                    *record.indirect_export_entries,
                )
                for entry in entries:
                    request = entry.module_request
                    if request is None or request.specifier not in specifiers or entry.import_name != name:
                        continue
                    if entry.span is not None:
                        yield self._modules.place(importer, entry.span)
                    if isinstance(entry, ExportEntry) and entry.export_name is not None:
                        again = (importer.url, entry.export_name)
                        names += [] if again in seen else [again]
                        seen.add(again)
                stars = {entry.module_request.specifier for entry in record.star_export_entries if entry.module_request}
                again = (importer.url, name)
                if name != "default" and stars & specifiers and again not in seen:
                    seen.add(again)
                    names.append(again)

    def _resolved(self, range_: Range, name: str, target: str, resolution: ExportResolution) -> NameFacts:
        steps = tuple(
            self._modules.place(module, step.entry.span)
            for step in resolution.steps
            if step.entry.span is not None and (module := self._modules.module(step.url)) is not None
        )
        result = resolution.result
        if isinstance(result, ResolvedBinding):
            bound = result.binding_name
            return NameFacts(range_, name, self._origin(result), bound if isinstance(bound, str) else "*", steps, "")
        problem = "not exported" if result is None else _PROBLEMS[result]
        origin = Place(target, START) if result is Unlinked.UNKNOWN and not steps else None
        return NameFacts(range_, name, origin, "", steps, problem)

    def _origin(self, binding: ResolvedBinding) -> Place | None:
        module = self._modules.module(binding.module)
        if module is None:
            return None
        span = Span(0, 0) if binding.entry is None or binding.entry.span is None else binding.entry.span
        return self._modules.place(module, span)

    def _target(self, module: WorkspaceModule, occurrence: Occurrence) -> str | None:
        answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
        if isinstance(answer, Resolution) and answer.resolved_url.startswith("file:"):
            return answer.resolved_url
        return None

    def _offset(self, module: WorkspaceModule, position: Position) -> int:
        return self._modules.lines(module).byte_offset(position, self._modules.unit)

    def _identifier_at(self, module: WorkspaceModule, at: int) -> str:
        document = self._modules.documents.get(module.path)
        return "" if document is None else document.module_variable_at(at)
