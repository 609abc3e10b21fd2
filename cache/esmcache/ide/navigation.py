"""Navigation: the definitions that specifiers and names lead to, and the references to a definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from esmcache.ide.importers import Importers
from esmcache.ide.modules import Occurrence, WorkspaceModule, WorkspaceModules
from esmcache.ide.values import START, Definition, Link, NameFacts, Place, Range
from esmcache.linking import ExportResolution, ResolvedBinding, Unlinked, resolve_export
from esmcache.records import ExportEntry, ImportEntry, ImportName
from esmcache.spans import Position, Span

_RENAMED = re.compile(rb"(?P<name>[^\s{},]+)\s+as\s+$")
# The other name of an entry (`a` in `a as b`) is searched for within this many bytes.
_FARTHEST = 500
_PROBLEMS = {
    Unlinked.AMBIGUOUS: "exported by more than one module",
    Unlinked.UNKNOWN: "from a module whose exports are known only when it runs",
}


@dataclass(frozen=True, slots=True)
class Name:
    """An import or export whose name is at `span`."""

    entry: ImportEntry | ExportEntry
    span: Span


class Navigation:
    """Answers questions about single positions in modules."""

    def __init__(self, modules: WorkspaceModules, importers: Importers) -> None:
        self._modules = modules
        self._importers = importers

    def links(self, module: WorkspaceModule) -> list[Link]:
        """Return every specifier with the file that it leads to."""
        return [
            Link(self._modules.range(module, _between_quotes(one.span)), one.specifier, self._target(module, one))
            for one in sorted(module.occurrences(), key=lambda one: one.span.start)
        ]

    def specifier_at(self, module: WorkspaceModule, position: Position) -> Occurrence | None:
        """Return the specifier at a position."""
        at = self._offset(module, position)
        return next((one for one in module.occurrences() if one.span.start <= at <= one.span.end), None)

    def name_at(self, module: WorkspaceModule, position: Position) -> Name | None:
        """Return the name of an import or export at a position, in its declaration or where it is used."""
        at = self._offset(module, position)
        record = module.record
        entries: tuple[ImportEntry | ExportEntry, ...] = (
            *record.import_entries,
            *record.indirect_export_entries,
            *record.local_export_entries,
        )
        for entry in entries:
            if entry.span is not None and entry.span.start <= at <= entry.span.end:
                return Name(entry, entry.span)
            renamed = None if entry.span is None else self._renamed(module, entry.span, at)
            if renamed is not None:
                return Name(entry, renamed)
        named = None if module.code is None else module.code.module_variable_at(at)
        if named is None:
            return None
        own = (entry for some in (record.import_entries, record.local_export_entries) for entry in some)
        used = next((entry for entry in own if entry.local_name == named[0]), None)
        return None if used is None else Name(used, named[1])

    def definition(self, module: WorkspaceModule, position: Position) -> Definition | None:
        """Return the definition for a position: a specifier's file, or the declaration that a name is bound to."""
        occurrence = self.specifier_at(module, position)
        if occurrence is not None:
            target = self._target(module, occurrence)
            range_ = self._modules.range(module, occurrence.span)
            return None if target is None else Definition(range_, Place(target, START))
        facts = self.name_facts(module, position)
        # An editor cannot open a module that is not a file.
        origin = None if facts is None else facts.origin
        return Definition(facts.range, origin) if facts and origin and origin.url.startswith("file:") else None

    def name_facts(self, module: WorkspaceModule, position: Position) -> NameFacts | None:
        """Return the origin of the name at a position, found through all re-exports."""
        found = self.name_at(module, position)
        if found is None:
            return None
        entry, range_ = found.entry, self._modules.range(module, found.span)
        name = (entry.local_name if isinstance(entry, ImportEntry) else entry.export_name) or "*"
        if entry.module_request is None:
            local = ResolvedBinding(module.url, entry.local_name or "", entry)
            return NameFacts(range_, name, self._origin(local), entry.local_name or "", (), "")
        target = self._modules.resolved_url(module.url, entry.module_request)
        if target is None:
            return NameFacts(range_, name, None, "", (), "from a module that is not found")
        if not isinstance(entry.import_name, str):
            return NameFacts(range_, name, Place(target, START), "*", (), "")
        return self._resolved(range_, name, target, resolve_export(self._modules, target, entry.import_name))

    def references(self, module: WorkspaceModule, position: Position, *, with_declaration: bool) -> list[Place]:
        """Return every import and re-export of the binding, or of the whole module, that is named at a position."""
        occurrence = self.specifier_at(module, position)
        if occurrence is not None:
            target = self._target(module, occurrence)
            return [] if target is None else list(self._importing(target))
        found = self.name_at(module, position)
        binding = None if found is None else self._binding(module, found.entry)
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
        """Yield the places where a binding is imported or re-exported, breadth first over its exporting modules."""
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
            origin, bound = self._origin(result), result.binding_name
            if origin is None:
                return NameFacts(range_, name, Place(result.module, START), "*", steps, "")
            return NameFacts(range_, name, origin, bound if isinstance(bound, str) else "*", steps, "")
        problem = "not exported" if result is None else _PROBLEMS[result]
        origin = Place(target, START) if result is Unlinked.UNKNOWN and not steps else None
        return NameFacts(range_, name, origin, "", steps, problem)

    def _origin(self, binding: ResolvedBinding) -> Place | None:
        module = self._modules.module(binding.module)
        if module is None:
            return None
        declared = None
        if isinstance(binding.binding_name, str) and module.is_linkable:
            declared = self._modules.declaration(module, binding.binding_name)
        entry = binding.entry
        return self._modules.place(module, declared or (None if entry is None else entry.span) or Span(0, 0))

    def _target(self, module: WorkspaceModule, occurrence: Occurrence) -> str | None:
        url = self._modules.target(module, occurrence)
        return url if url is not None and url.startswith("file:") else None

    def _renamed(self, module: WorkspaceModule, span: Span, at: int) -> Span | None:
        """Return the span of `a` in `a as b` if it is at the offset `at` and `b` is at `span`, else None."""
        if not at < span.start <= at + _FARTHEST:
            return None
        try:
            before = self._modules.documents.read(module.path)[max(0, at - _FARTHEST) : span.start]
        except OSError:
            return None
        found = _RENAMED.search(before)
        if found is None:
            return None
        first = span.start - len(before)
        written = Span(first + found.start("name"), first + found.end("name"))
        return written if written.start <= at <= written.end else None

    def _offset(self, module: WorkspaceModule, position: Position) -> int:
        return self._modules.lines(module).byte_offset(position, self._modules.unit)


def _between_quotes(span: Span) -> Span:
    return Span(span.start + 1, span.end - 1)
