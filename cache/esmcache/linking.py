"""ECMA-262's GetExportedNames and ResolveExport over a graph of module records, and what linking them would throw.

Knows records alone: whoever asks says how requests were resolved and which modules' exports are known. Nothing
recurses, so that neither long chains of re-exports nor cycles of `export *` have a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from esmcache.diagnostics import DiagnosticKind
from esmcache.records import ExportEntry, ImportEntry, ImportName, ModuleRecord, ModuleRequest, Phase
from esmcache.spans import Span


class LinkingGraph(Protocol):
    """What linking asks of a graph; answers must not change while a question is being answered."""

    def record(self, url: str) -> ModuleRecord | None:
        """Return a module's record, or None if what it exports is not known (CommonJS, builtin, unreadable, …)."""

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        """Return the URL of what the module at `url` requests, or None if it was not resolved."""


class Unlinked(Enum):
    """Why a name has no binding although it may be exported."""

    AMBIGUOUS = "ambiguous"  # two `export *` lead to different bindings
    UNKNOWN = "unknown"  # the search came to a module whose exports are not known


@dataclass(frozen=True, slots=True)
class ResolvedBinding:
    """ECMA-262's ResolvedBinding Record.

    `binding_name` is `a` for `export {a as b}`, and ImportName.NAMESPACE_OBJECT for `export * as b from 'module'`.
    `entry` is the module's local export entry, None for a namespace: the last step has the entry that names it.
    """

    module: str
    binding_name: str | ImportName
    entry: ExportEntry | None


@dataclass(frozen=True, slots=True)
class ExportStep:
    """One hop of a chain of re-exports: the indirect or star export entry that was followed, and whose it is."""

    url: str
    entry: ExportEntry


@dataclass(frozen=True, slots=True)
class ExportResolution:
    """What a name resolves to (None: nothing) and the re-exports that lead there, or to where the search ended.

    `candidates` are the two bindings of an ambiguity; of an UNKNOWN, the binding that another `export *` leads to.
    """

    result: ResolvedBinding | Unlinked | None
    steps: tuple[ExportStep, ...] = ()
    candidates: tuple[ResolvedBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedNames:
    """A module's own names, then those of its stars; not complete where a star's module is not known."""

    names: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class LinkProblem:
    """One entry of a module that cannot be linked: `name` is not, or not clearly, exported by `target_url`.

    `resolution` is that of `name` in `target_url`.
    """

    kind: DiagnosticKind
    span: Span
    name: str
    target_url: str
    resolution: ExportResolution


def resolve_export(graph: LinkingGraph, url: str, export_name: str) -> ExportResolution:
    """Return what `export_name` of the module at `url` is bound to, and by which re-exports.

    Spec: ResolveExport (sec-resolveexport). Differs: a module that is not known makes the answer UNKNOWN unless
    two others make it ambiguous, and an imported namespace that is exported (`import * as ns from 'a'; export {ns}`)
    is the same as `export * as ns from 'a'` where two stars lead to both, as in Node 26. V8 differs in two corners:
    before Node 26 a namespace that two modules export is ambiguous below their stars, and a circle of names below a
    star is an error at once.
    """
    return _Linker(graph).resolve_export(url, export_name)


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
        targets = [_target(graph, module, entry) for entry in record.star_export_entries]
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
    linker = _Linker(graph)
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


def import_cycles(graph: LinkingGraph, roots: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of modules that the roots reach and that statically import one another, or a module itself.

    These are the strongly connected components. A group comes before those that import it, and its modules in the
    order in which they were found.
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_modules: dict[str, None] = {}
    cycles: list[tuple[str, ...]] = []
    for root in roots:
        if root in order:
            continue
        order[root] = lowest[root] = len(order)
        open_modules[root] = None
        path = [(root, _static_targets(graph, root))]
        while path:
            module, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                if path:
                    importer = path[-1][0]
                    lowest[importer] = min(lowest[importer], lowest[module])
                if lowest[module] == order[module]:
                    group = _closed_from(open_modules, module)
                    if len(group) > 1 or module in _static_targets(graph, module):
                        cycles.append(group)
            elif target not in order:
                order[target] = lowest[target] = len(order)
                open_modules[target] = None
                path.append((target, _static_targets(graph, target)))
            elif target in open_modules:
                lowest[module] = min(lowest[module], order[target])
    return cycles


class _Chain:
    """The steps of a search so far, sharing what several searches have in common."""

    __slots__ = ("before", "step")

    def __init__(self, before: _Chain | None, step: ExportStep) -> None:
        self.before = before
        self.step = step


@dataclass(frozen=True, slots=True)
class _Outcome:
    """As ExportResolution, with a chain that is not spelled out yet."""

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
    """A module's `export *` declarations, being searched for a name one after the other."""

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
        """Note what one star leads to; return the ambiguity if there is one, `same` telling bindings apart."""
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
        """Return what all of the stars together lead to."""
        found = self._found
        if self._unknown is not None:
            binding = () if found is None else (found.result,)
            candidates = tuple(one for one in binding if isinstance(one, ResolvedBinding))
            return _Outcome(Unlinked.UNKNOWN, self._unknown.chain, candidates)
        return _Outcome(None, self.chain) if found is None else found


@dataclass(frozen=True, slots=True)
class _Stars:
    """All that the stars of a module lead to, each by the path that a search comes first by.

    `leading` has the star that led to a module; `exporting` which of them export a name themselves.
    """

    leading: dict[str, ExportStep]
    exporting: dict[str, list[str]]


class _Linker:
    """Resolves names one after the other, and looks at each module's exports, and at its stars, once."""

    def __init__(self, graph: LinkingGraph) -> None:
        self._graph = graph
        self._exports: dict[str, dict[str, ExportEntry]] = {}
        self._stars: dict[str, _Stars | None] = {}

    def resolve_export(self, url: str, export_name: str) -> ExportResolution:
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
            target = _target(self._graph, step.url, step.entry)
            chain = search.chain_by(step)
            if target is None:
                reached = _Outcome(Unlinked.UNKNOWN, chain)
            else:
                reached = self._follow(target, search.export_name, chain, visited)

    def _found_at_once(self, search: _StarSearch) -> _Outcome | None:
        """Return what stars lead to where one module alone has the name, or none; None where that takes a search.

        A search looks at each star of each module for each name: 40,000 of them where 200 modules export all of
        one another.
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
        """Return what a module's stars lead to, in the order of a search; None if any of it is not known."""
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
            target = _target(self._graph, module, entry)
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
        """Return where the name's indirect exports lead: to a binding or to nothing, or to the stars of a module."""
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
            target = _target(self._graph, url, entry)
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
        """Return the module whose namespace is bound, be it by an import that is exported; None for all else."""
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


def _problem_kind(resolution: ExportResolution) -> DiagnosticKind | None:
    if resolution.result is None:
        return DiagnosticKind.MISSING_EXPORT
    return DiagnosticKind.AMBIGUOUS_EXPORT if resolution.result is Unlinked.AMBIGUOUS else None


def _target(graph: LinkingGraph, url: str, entry: ExportEntry) -> str | None:
    return None if entry.module_request is None else graph.resolved_url(url, entry.module_request)


def _static_targets(graph: LinkingGraph, url: str) -> Iterator[str]:
    record = graph.record(url)
    for request in () if record is None else record.requested_modules:
        # A module in its source phase is neither linked nor run.
        if request.phase is not Phase.SOURCE and (target := graph.resolved_url(url, request)) is not None:
            yield target


def _closed_from(open_modules: dict[str, None], first: str) -> tuple[str, ...]:
    """Take `first` and all that were found after it out of the open modules, and return them."""
    group: list[str] = []
    while not group or group[-1] != first:
        group.append(open_modules.popitem()[0])
    return tuple(reversed(group))
