"""A walk that finds all of a program, also the modules behind a file or a specifier on which Node fails."""

from __future__ import annotations

from dataclasses import replace

from esmcache.build.analysis_rows import record_from_row
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import Asked, GraphModule, GraphRequest
from esmcache.build.refused_typescript import requests_of_refused
from esmcache.build.type_names import is_type_name
from esmcache.build.walk import Progress, Walk
from esmcache.records import ModuleFormat, ModuleRecord, ModuleRequest, Resolution, ResolutionFailure
from esmcache.resolution.specifier_hints import SpecifierHint
from esmcache.serving.pack import why_not_packed
from esmcache.serving.served_kinds import KIND_OF_FORMAT, PACKED_KINDS


class ProgramWalk(Walk):
    """One walk; afterwards it is a LinkingGraph of what it found."""

    def __init__(
        self, context: BuildContext, conditions: tuple[str, ...], compiler: Compiler, progress: Progress
    ) -> None:
        super().__init__(context, conditions, compiler, progress)
        self._pool = context.pool
        self._records: dict[str, ModuleRecord | None] = {}
        self._targets: dict[str, dict[str, str]] = {}
        # The hints for the requests of a module that Node cannot resolve, by the module's URL.
        self._hints: dict[str, dict[GraphRequest, SpecifierHint]] = {}

    def record(self, url: str) -> ModuleRecord | None:
        """Return the record of an ES module that could be read completely, or None."""
        if url not in self._records:
            self._records[url] = self._record_of(url)
        return self._records[url]

    def _record_of(self, url: str) -> ModuleRecord | None:
        module = self._found.modules.get(url)
        if module is None or module.fact is None or module.module_format is None:
            return None
        if module.module_format.without_types is not ModuleFormat.MODULE:
            return None
        row = self._rows.get((module.fact.sha256, module.module_format.value))
        return record_from_row(row) if row is not None and row.complete else None

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        """Return the URL that a static request resolves to, as it is or as its hint says, or None."""
        return self._targets.get(url, {}).get(request.specifier)

    def is_type(self, url: str, name: str) -> bool:
        """Return whether a name that a module does not export is that of a type."""
        return is_type_name(self, url, name, self._text_of_typescript)

    def _text_of_typescript(self, url: str) -> bytes | None:
        module = self._found.modules.get(url)
        return None if module is None or not module.is_typescript else self._source(module)

    def hint(self, module: GraphModule, request: GraphRequest) -> SpecifierHint:
        """Return the hint for a request that Node cannot resolve."""
        return self._hints.get(module.url, {}).get(request, SpecifierHint())

    def why_not_served(self, module: GraphModule) -> str:
        """Return why a module that Node can load would not be served, or ''; WebAssembly and addons never are."""
        if module.kind not in PACKED_KINDS:
            is_typical = module.module_format is None or module.module_format in KIND_OF_FORMAT
            return module.native_because if is_typical else ""
        source = self._source(module)
        return "" if source is None else why_not_packed(module.kind, source)

    def places(self, module: GraphModule, request: GraphRequest) -> list[tuple[int, int]]:
        """Return the line and column of each declaration or call with a request, as `place` does."""
        record = None if Asked.WHILE_RUNNING in request.asked else self.record(module.url)
        asked = request.specifier, request.attributes
        declared = () if record is None else record.declared_requests
        spans = [one.span for one in declared if (one.specifier, one.attributes) == asked]
        return [self.place(module, span) for span in spans or [request.span]]

    def _why_native_typescript(self, module: GraphModule) -> str:
        # Whether it can be served is another question than whether Node can run it.
        reason = super()._why_native_typescript(module)
        return "" if self._node.strips_types and "/node_modules/" not in module.path else reason

    def _understand(self, module: GraphModule) -> None:
        super()._understand(module)
        if not module.is_typescript or module.requests or not self._compiler.verdict(module).is_refused:
            return
        source = self._source(module)
        if source is not None:
            module.requests = requests_of_refused(self._pool, module.url, source)

    def _resolve(self, module: GraphModule) -> None:
        super()._resolve(module)
        targets = self._targets.setdefault(module.url, {})
        for request, answer in zip(module.requests, module.answers, strict=True):
            found = answer
            # Nobody can follow a hint for a package.
            if isinstance(answer, ResolutionFailure) and "/node_modules/" not in module.path:
                found = self._follow_hint(module, request, answer)
            if isinstance(found, Resolution) and Asked.WHILE_RUNNING not in request.asked:
                targets[request.specifier] = found.resolved_url

    def _follow_hint(
        self, module: GraphModule, request: GraphRequest, failure: ResolutionFailure
    ) -> Resolution | ResolutionFailure:
        hint = self._specifier_hints.hint(request.specifier, module.path, failure)
        self._hints.setdefault(module.url, {})[request] = hint
        if not hint.specifier:
            return failure
        found = self._answer(module, replace(request, specifier=hint.specifier))
        if isinstance(found, Resolution):
            self._reach(found, is_imported=Asked.IMPORT in request.asked)
        return found
