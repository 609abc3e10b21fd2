"""ResolveExport: the search for a name through re-exports and stars (`export *` declarations)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from esmcache.linking.graph import ExportResolution, ExportStep, LinkingGraph, ResolvedBinding, Unlinked, target_of
from esmcache.records import ExportEntry, ImportName, ModuleRecord, Phase


class _Chain:
    """The steps of a search so far, as a linked list, so that several searches share their common steps."""

    __slots__ = ("before", "step")

    def __init__(self, before: _Chain | None, step: ExportStep) -> None:
        self.before = before
        self.step = step


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The same as ExportResolution, with the steps still as a linked chain."""

    result: ResolvedBinding | Unlinked | None
    chain: _Chain | None
    candidates: tuple[ResolvedBinding, ...] = ()

    def resolution(self) -> ExportResolution:
        steps: list[ExportStep] = []
        chain = self.chain
        while chain is not None:
            steps.append(chain.step)
            chain = chain.before
        return ExportResolution(self.result, tuple(reversed(steps)), self.candidates)


class _StarSearch:
    """The search for a name through a module's `export *` declarations, one after the other."""

    __slots__ = ("_found", "_unknown", "chain", "export_name", "stars", "steps", "url")

    def __init__(self, url: str, export_name: str, stars: Iterable[ExportEntry], chain: _Chain | None) -> None:
        self.url = url
        self.stars = stars
        self.export_name = export_name
        self.steps = iter([ExportStep(url, entry) for entry in stars])
        self.chain = chain
        self._found: _Outcome | None = None
        self._unknown: _Outcome | None = None

    def chain_by(self, step: ExportStep) -> _Chain:
        return _Chain(self.chain, step)

    def take(self, outcome: _Outcome, same: Callable[[ResolvedBinding, ResolvedBinding], bool]) -> _Outcome | None:
        """Note the outcome of one star; return the ambiguity if it is one. `same` compares bindings."""
        result = outcome.result
        if result is Unlinked.AMBIGUOUS:
            return outcome
        if result is Unlinked.UNKNOWN:
            self._unknown = self._unknown or outcome
            found = next(iter(outcome.candidates), None)
        else:
            found = result
        if found is None:
            return None
        if self._found is None:
            self._found = _Outcome(found, outcome.chain)
            return None
        earlier = self._found.result
        assert isinstance(earlier, ResolvedBinding)
        if same(earlier, found):
            return None
        return _Outcome(Unlinked.AMBIGUOUS, self.chain, (earlier, found))

    def conclude(self) -> _Outcome:
        """Return the combined outcome of all stars."""
        found = self._found
        if self._unknown is not None:
            binding = () if found is None else (found.result,)
            candidates = tuple(one for one in binding if isinstance(one, ResolvedBinding))
            return _Outcome(Unlinked.UNKNOWN, self._unknown.chain, candidates)
        return _Outcome(None, self.chain) if found is None else found


@dataclass(frozen=True, slots=True)
class _Stars:
    """All modules that the stars of a module lead to, each by the path that a search takes first.

    `leading` maps each of these modules to the star that led to it; `exporting` maps each name to those that export it.
    """

    leading: dict[str, ExportStep]
    exporting: dict[str, list[str]]


class Linker:
    """Resolves any number of names, and reads each module's exports and stars only once."""

    def __init__(self, graph: LinkingGraph) -> None:
        self._graph = graph
        self._exports: dict[str, dict[str, ExportEntry]] = {}
        self._stars: dict[str, _Stars | None] = {}

    def resolve_export(self, url: str, export_name: str) -> ExportResolution:
        """Return the same as `esmcache.linking.resolve_export`."""
        visited: set[tuple[str, str]] = set()
        searches: list[_StarSearch] = []
        reached = self._follow(url, export_name, None, visited)
        if isinstance(reached, _StarSearch):
            reached = self._found_at_once(reached) or reached
        while True:
            if isinstance(reached, _StarSearch):
                searches.append(reached)
            elif not searches:
                return reached.resolution()
            elif (ambiguity := searches[-1].take(reached, self._is_same)) is not None:
                return ambiguity.resolution()
            search = searches[-1]
            step = next(search.steps, None)
            if step is None:
                reached = searches.pop().conclude()
                continue
            target = target_of(self._graph, step.url, step.entry)
            chain = search.chain_by(step)
            if target is None:
                reached = _Outcome(Unlinked.UNKNOWN, chain)
            else:
                reached = self._follow(target, search.export_name, chain, visited)

    def _found_at_once(self, search: _StarSearch) -> _Outcome | None:
        """Return the outcome if at most one module behind the stars has the name, or None if that needs a search.

        A search visits each star of each module for each name: 40,000 stars if 200 modules `export *` from each other.
        """
        stars = self._all_stars(search)
        if stars is None:
            return None
        exporting = stars.exporting.get(search.export_name, [])
        if not exporting:
            return _Outcome(None, search.chain)
        module = exporting[0]
        entry = self._exports[module][search.export_name]
        if len(exporting) > 1 or entry.module_request is not None:
            return None
        steps, at = [stars.leading[module]], stars.leading[module].url
        while at != search.url:
            steps.append(stars.leading[at])
            at = steps[-1].url
        chain = search.chain
        for step in reversed(steps):
            chain = _Chain(chain, step)
        return _Outcome(ResolvedBinding(module, entry.local_name or search.export_name, entry), chain)

    def _all_stars(self, search: _StarSearch) -> _Stars | None:
        """Return the modules that a module's stars lead to, in search order, or None if one of them is not known."""
        if search.url not in self._stars:
            self._stars[search.url] = self._find_stars(search.url, search.stars)
        return self._stars[search.url]

    def _find_stars(self, url: str, entries: Iterable[ExportEntry]) -> _Stars | None:
        stars = _Stars({}, {})
        path = [(url, iter(entries))]
        while path:
            module, following = path[-1]
            entry = next(following, None)
            if entry is None:
                path.pop()
                continue
            target = target_of(self._graph, module, entry)
            if target is None:
                return None
            if target == url or target in stars.leading:
                continue
            record = self._graph.record(target)
            if record is None:
                return None
            stars.leading[target] = ExportStep(module, entry)
            for name in self._exports_of(target, record):
                stars.exporting.setdefault(name, []).append(target)
            path.append((target, iter(record.star_export_entries)))
        return stars

    def _follow(
        self, url: str, export_name: str, chain: _Chain | None, visited: set[tuple[str, str]]
    ) -> _Outcome | _StarSearch:
        """Follow the name's indirect exports and return their end: a binding, nothing, or the stars of a module."""
        while (url, export_name) not in visited:
            visited.add((url, export_name))
            record = self._graph.record(url)
            if record is None:
                return _Outcome(Unlinked.UNKNOWN, chain)
            entry = self._exports_of(url, record).get(export_name)
            if entry is None:
                if export_name == "default" or not record.star_export_entries:
                    return _Outcome(None, chain)
                return _StarSearch(url, export_name, record.star_export_entries, chain)
            if entry.module_request is None:
                return _Outcome(ResolvedBinding(url, entry.local_name or export_name, entry), chain)
            chain = _Chain(chain, ExportStep(url, entry))
            target = target_of(self._graph, url, entry)
            if target is None:
                return _Outcome(Unlinked.UNKNOWN, chain)
            if not isinstance(entry.import_name, str):
                return _Outcome(ResolvedBinding(target, ImportName.NAMESPACE_OBJECT, None), chain)
            url, export_name = target, entry.import_name
        # A circular chain of re-exports exports nothing.
        return _Outcome(None, chain)

    def _is_same(self, one: ResolvedBinding, other: ResolvedBinding) -> bool:
        if (one.module, one.binding_name) == (other.module, other.binding_name):
            return True
        namespace = self._namespace(one)
        return namespace is not None and namespace == self._namespace(other)

    def _namespace(self, binding: ResolvedBinding) -> str | None:
        """Return the module whose namespace is bound, also by an exported import, or None for other bindings."""
        if not isinstance(binding.binding_name, str):
            return binding.module
        record = self._graph.record(binding.module)
        for entry in () if record is None else record.import_entries:
            request = entry.module_request
            is_namespace = entry.import_name is ImportName.NAMESPACE_OBJECT and request.phase is Phase.EVALUATION
            if is_namespace and entry.local_name == binding.binding_name:
                return self._graph.resolved_url(binding.module, request)
        return None

    def _exports_of(self, url: str, record: ModuleRecord) -> dict[str, ExportEntry]:
        exports = self._exports.get(url)
        if exports is None:
            exports = self._exports[url] = {}
            for entry in (*record.local_export_entries, *record.indirect_export_entries):
                if entry.export_name is not None:
                    exports.setdefault(entry.export_name, entry)
        return exports
