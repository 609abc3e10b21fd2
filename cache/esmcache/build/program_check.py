"""Finds what keeps a program from running under plain Node, or its modules from being served, without running anything.

The program is walked as for a warm. The analyses and code caches that this makes are kept, so that the next warm is
faster, but nothing is published: starts are served as before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from esmcache.build.commit import commit_compiled
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import REFUSALS, Asked, GraphModule, GraphRequest, Problem
from esmcache.build.program_walk import ProgramWalk
from esmcache.build.type_names import ONLY_A_TYPE
from esmcache.build.walk import Progress
from esmcache.build.walk_result import WalkResult
from esmcache.diagnostics import DiagnosticKind
from esmcache.linking import LinkProblem, link_problems
from esmcache.records import Resolution, ResolutionFailure
from esmcache.resolution.import_attributes import attribute_problem
from esmcache.resolution.specifier_hints import SpecifierHint, with_hint

_INSTALLED = "/node_modules/"
_NO_STRIPPING_THERE = "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING"
_NO_STRIPPING = "Node strips no types below node_modules"
_NOT_SERVED = DiagnosticKind.NOT_SERVED.code
# The codes of problems of a walk because of which Node cannot load a file.
_FATAL = (*REFUSALS, "unreadable")


@dataclass(slots=True)
class ProgramReport:
    """The problems of a program, file by file, and the number of its modules.

    `is_error` says whether plain Node fails on a problem, or it only keeps a module from being served.
    """

    modules: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, problems: Sequence[Problem]) -> None:
        """Put problems that were found before the walk in front of the others."""
        self.problems[:0] = problems


class ProgramCheck:
    """Checks one program; each check needs a new object."""

    def __init__(self, context: BuildContext, conditions: tuple[str, ...], progress: Progress) -> None:
        self._context = context
        self._compiler = Compiler(context)
        self._walk = ProgramWalk(context, conditions, self._compiler, progress)
        self._found = WalkResult()
        # The first problem because of which Node cannot load a file, by its path.
        self._refused: dict[str, Problem] = {}
        # The URLs of the modules that are loaded without fail when the program starts.
        self._surely: set[str] = set()

    def run(self, entries: Sequence[str]) -> ProgramReport:
        """Return the report on what entry points reach.

        Args:
            entries: The absolute paths of the entry points.

        Raises:
            OSError: If a file of the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        not_found: list[Problem] = []
        roots = self._walk.find_roots(entries, (), not_found)
        self._found = self._walk.walk(roots)
        commit_compiled(self._context.index, self._found, self._compiler)
        for one in self._found.problems:
            if one.code in _FATAL:
                self._refused.setdefault(one.path, one)
        self._surely = self._loaded_by_static_imports()
        report = ProgramReport(len(self._found.modules))
        for module in self._found.modules.values():
            report.problems += sorted(self._obstacles(module), key=lambda one: (one.line, one.column))
        # One file may be several modules: `./a.ts` and `./a.ts?x`.
        report.problems = list(dict.fromkeys(report.problems))
        report.add(not_found)
        return report

    def _loaded_by_static_imports(self) -> set[str]:
        pending = [module for module in self._found.modules.values() if module.is_root]
        loaded = {module.url for module in pending}
        while pending:
            module = pending.pop()
            for request, answer in zip(module.requests, module.answers, strict=True):
                if Asked.WHILE_RUNNING in request.asked or not isinstance(answer, Resolution):
                    continue
                target = self._found.modules.get(answer.resolved_url)
                if target is not None and target.url not in loaded:
                    loaded.add(target.url)
                    pending.append(target)
        return loaded

    def _obstacles(self, module: GraphModule) -> Iterator[Problem]:
        is_own = _is_own(module)
        # Packages have files and requests that no program uses.
        if not is_own and module.url not in self._surely:
            return
        if module.is_typescript and not self._context.node.strips_types:
            told = f"{self._context.node.version} does not run TypeScript: use Node 22.18 or later"
            yield Problem(module.path, "ERR_UNKNOWN_FILE_EXTENSION", told)
            return
        if module.is_typescript and module.is_root and not is_own:
            yield Problem(module.path, _NO_STRIPPING_THERE, _NO_STRIPPING)
        for request, answer in zip(module.requests, module.answers, strict=True):
            if (fault := self._fault_of(module, request, answer)) is not None:
                code, told, suggestion = fault
                for line, column in self._walk.places(module, request):
                    yield Problem(module.path, code, told, line, column, suggestion=suggestion)
        if (refused := self._refused.get(module.path)) is not None:
            # A warm goes on without the module, but Node cannot.
            yield replace(refused, is_error=True)
            return
        yield from (self._unlinked(module, one) for one in link_problems(self._walk, module.url))
        if is_own and (reason := self._walk.why_not_served(module)):
            yield Problem(module.path, _NOT_SERVED, f"not served: {reason}", is_error=False)

    def _fault_of(
        self, module: GraphModule, request: GraphRequest, answer: Resolution | ResolutionFailure
    ) -> tuple[str, str, str] | None:
        """Return code, message and suggestion if Node fails on a request, else None."""
        if isinstance(answer, ResolutionFailure):
            return self._unresolved(module, request, answer)
        target = self._found.modules.get(answer.resolved_url)
        if target is not None and target.is_typescript and not _is_own(target):
            return _NO_STRIPPING_THERE, f"{request.specifier!r} is {target.path}: {_NO_STRIPPING}", ""
        if Asked.WHILE_RUNNING in request.asked or module.path in self._refused:
            # The options of a call may be any expression, and the attributes in a refused text are not surely known.
            return None
        detail = attribute_problem(answer.resolved_url, answer.module_format, request.attributes)
        if detail is None:
            return None
        code, _, told = detail.partition(": ")
        return code, told, ""

    def _unresolved(
        self, module: GraphModule, request: GraphRequest, failure: ResolutionFailure
    ) -> tuple[str, str, str] | None:
        hint = self._walk.hint(module, request)
        # Calls in running code are often meant to fail (optional packages), but not if a hint fits.
        if Asked.WHILE_RUNNING in request.asked and hint == SpecifierHint():
            return None
        told = _without_importer(with_hint(failure.message, SpecifierHint()), module)
        return failure.code, with_hint(told, hint), hint.specifier

    def _unlinked(self, module: GraphModule, problem: LinkProblem) -> Problem:
        told = problem.kind.template.format(module=_short(problem.target_url), name=problem.name)
        if problem.kind is DiagnosticKind.MISSING_EXPORT and self._walk.is_type(problem.target_url, problem.name):
            told += f"{ONLY_A_TYPE}; write `type` before its name"
        return Problem(module.path, problem.kind.code, told, *self._walk.place(module, problem.span))


def _is_own(module: GraphModule) -> bool:
    return _INSTALLED not in module.path


def _without_importer(told: str, module: GraphModule) -> str:
    """Return a message without the module that Node names as the importer."""
    for name in (module.path, module.url):
        told = told.removesuffix(f" imported from {name}")
    return told


def _short(url: str) -> str:
    return url[url.rfind("/") + 1 :]
