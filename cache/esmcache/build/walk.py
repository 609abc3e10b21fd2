"""Finds the module graph below some roots: reads, analyses and resolves file after file, in waves.

Node workers compile a wave while it is analysed. If only the engine can decide what a file is (no "type", or syntax
that tree-sitter does not know), the walk waits for its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from esmcache.analysis import MOST_REQUESTS
from esmcache.build.analysis_pool import AnalysisTask, analyse_all
from esmcache.build.analysis_rows import (
    AnalysisStore,
    diagnostics_from_row,
    request_differences,
    requests_from_row,
    requests_of_engine,
)
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.freshness import UnreadableFile, known_fact, read_file
from esmcache.build.graph import STRIPS_NO_PACKAGES, SYNTAX_ERROR, Asked, GraphModule, GraphRequest, Problem, is_utf8
from esmcache.build.loaders import imported_modules
from esmcache.build.roots import find_roots
from esmcache.build.verdicts import Verdict
from esmcache.build.walk_result import WalkResult
from esmcache.diagnostics import DiagnosticKind
from esmcache.file_source import file_url_from_path, path_from_file_url
from esmcache.records import ModuleFormat, Resolution, ResolutionFailure
from esmcache.resolution.specifier_hints import SpecifierHint, SpecifierHints, with_hint
from esmcache.serving.layout import ServedKind
from esmcache.serving.pack import BYTE_ORDER_MARK
from esmcache.serving.served_kinds import COMPILED_KINDS, KIND_OF_FORMAT
from esmcache.spans import LineIndex, Span
from esmcache.store.blobs import BlobStore
from esmcache.store.cache_key import ANALYSIS_VERSION
from esmcache.store.rows import AnalysisRow, BlobRow, ModuleRow

# Called with what is counted, the number that is done, and the number that is known so far.
Progress = Callable[[str, int, int], None]


class Walk:
    """One walk over the graph; each walk needs a new object."""

    def __init__(
        self,
        context: BuildContext,
        conditions: tuple[str, ...],
        compiler: Compiler,
        progress: Progress = lambda stage, done, total: None,
    ) -> None:
        self._files = context.files
        self._resolver = context.resolver(conditions)
        self._index = context.index
        self._node = context.node
        self._compiler = compiler
        self._analyses = AnalysisStore(BlobStore(context.directory.blobs_path))
        self._progress = progress
        self._rows: dict[tuple[bytes, str], AnalysisRow] = {}
        self._found = WalkResult()
        self._next_wave: list[GraphModule] = []
        self._lines: tuple[str, LineIndex] | None = None
        self._specifier_hints = SpecifierHints(context.files)

    def find_roots(
        self, entries: Sequence[str], modules: Sequence[str], problems: list[Problem]
    ) -> list[tuple[Resolution, bool]]:
        """Return what Node would load for entry points and single modules, as `roots.find_roots` does."""
        return find_roots(self._resolver, entries, modules, problems)

    def root_at(self, url: str) -> list[tuple[Resolution, bool]]:
        """Return the module at a URL as a single module, or an empty list if there is no such file."""
        path = path_from_file_url(url)
        if path is None or self._files.lstat(path) is None:
            return []
        return [(self._at(url, path), False)]

    def walk(self, roots: Iterable[tuple[Resolution, bool]]) -> WalkResult:
        """Return all that the roots reach.

        Args:
            roots: Pairs of a resolution and whether it is an entry point.
        """
        for resolution, is_entry in roots:
            module = self._reach(resolution, is_imported=False)
            if module is not None and is_entry:
                module.is_root = True
                module.root_inputs = resolution.inputs
        done = 0
        while self._next_wave:
            wave, self._next_wave = self._next_wave, []
            self._visit(wave)
            done += len(wave)
            self._progress("modules", done, done + len(self._next_wave))
        self._compile_as_loaded()
        return self._found

    def _compile_as_loaded(self) -> None:
        """Compile TypeScript as Node loads it, by `import` or `require`, now that all requests are known."""
        modules = self._found.modules
        typed = [
            module
            for module in modules.values()
            if module.is_typescript and (module.kind in COMPILED_KINDS or module.format_is_detected)
        ]
        imported = imported_modules(modules, keeps_stripped=self._node.keeps_stripped_text) if typed else set()
        for module in typed:
            module.is_imported = module.url in imported
            if self._compiler.has_to_compile(module) and (source := self._source(module)) is not None:
                self._compiler.start(module, source)
        for module in typed:
            self._compiler.verdict(module)

    def look_at(self, path: str) -> WalkResult:
        """Return one module with its requests and answers; the modules that it requests are known only by URL."""
        module = self._reach(self._at(file_url_from_path(path), path), is_imported=False)
        if module is not None:
            module.is_imported = self._compiler.was_imported(module)
            self._visit([module])
        return self._found

    def _at(self, url: str, path: str) -> Resolution:
        module_format, inputs = self._resolver.format_of(path)
        return Resolution(url, module_format, inputs)

    def _reach(self, resolution: Resolution, *, is_imported: bool) -> GraphModule | None:
        url = resolution.resolved_url
        module = self._found.modules.get(url)
        if module is None:
            path = path_from_file_url(url)
            if path is None or not is_utf8(url) or not is_utf8(path):
                return None
            module = GraphModule(url, path, resolution.module_format)
            # Most are found in the way in which Node loads them, so few are compiled again.
            module.is_imported = is_imported or module.is_es_module
            self._found.modules[url] = module
            self._next_wave.append(module)
        return module

    def _visit(self, wave: list[GraphModule]) -> None:
        rows = {row.url: row for row in self._index.where(ModuleRow, "url", [module.url for module in wave])}
        self._found.known_rows.update(rows)
        readable = [module for module in wave if self._read(module, rows.get(module.url))]
        self._prefetch(readable, rows)
        for module in readable:
            if module.kind is ServedKind.JSON:
                continue
            if self._compiler.has_to_compile(module, either_way=True) or self._must_strip(module):
                source = self._source(module)
                if source is not None:
                    self._compiler.start(module, source)
        self._analyse(readable)
        for module in readable:
            if module.module_format is None:
                self._detect(module)
        self._analyse(readable)
        for module in readable:
            self._understand(module)
        for module in readable:
            self._judge(module)
        for module in wave:
            self._resolve(module)

    def _read(self, module: GraphModule, row: ModuleRow | None) -> bool:
        """Find out what a module's file is; return whether it can be analysed or served."""
        fact = known_fact(self._files, module.path, row)
        if fact is None:
            answer = read_file(self._files, module.path)
            if isinstance(answer, UnreadableFile):
                module.leave_native(answer.reason)
                self._problem(module, "unreadable", answer.reason)
                return False
            module.source, fact = answer.source, answer.fact
            self._found.read += 1
        module.fact = fact
        if module.is_typescript and (reason := self._why_native_typescript(module)):
            module.leave_native(reason)
            return False
        if module.module_format is None:
            return True
        served = KIND_OF_FORMAT.get(module.module_format)
        if served is None:
            module.leave_native(f"format {module.module_format.value}: Node loads it itself")
            return False
        module.kind = served
        return True

    def _why_native_typescript(self, module: GraphModule) -> str:
        """Return why Node must load TypeScript itself, or '' if it may be served."""
        if "/node_modules/" in module.path:
            return STRIPS_NO_PACKAGES
        if not self._node.typescript_layout:
            return f"{self._node.version} keeps TypeScript in a way that esmcache does not know"
        return ""

    def _must_strip(self, module: GraphModule) -> bool:
        """Return whether the text without types is needed for the analysis."""
        if not module.is_typescript or module.module_format is None or self._compiler.refuses(module):
            return False
        return _analysis_key(module) not in self._rows

    def _source(self, module: GraphModule) -> bytes | None:
        """Return the file's content if it is still the one that `module.fact` describes."""
        if module.source is None:
            answer = read_file(self._files, module.path)
            if isinstance(answer, UnreadableFile) or module.fact is None or answer.fact.sha256 != module.fact.sha256:
                return None
            module.source = answer.source
            self._found.read += 1
        return module.source

    def _prefetch(self, modules: Sequence[GraphModule], known: Mapping[str, ModuleRow]) -> None:
        hashes = {module.fact.sha256 for module in modules if module.fact is not None}
        analyses = [
            row for row in self._index.where(AnalysisRow, "source_sha256", hashes) if row.version == ANALYSIS_VERSION
        ]
        blobs = self._index.where(BlobRow, "key", {row.blob_key for row in analyses if row.blob_key})
        # A blob may have been removed by `clear`, or damaged.
        sound, changed = self._analyses.proven(blobs)
        self._found.blobs += changed
        for row in analyses:
            if not row.blob_key or row.blob_key in sound:
                self._rows[row.source_sha256, row.kind] = row
        self._compiler.prefetch(hashes)
        edited = {
            module.fact.sha256: (known[module.url].source_sha256, module.source)
            for module in modules
            if module.url in known and module.fact is not None and module.source is not None
        }
        self._compiler.called.carry_over(edited)

    def _analyse(self, modules: Iterable[GraphModule]) -> None:
        """Analyse the sources that have no analysis in the index, each source once."""
        unknown: dict[tuple[bytes, str], tuple[ModuleFormat, bytes]] = {}
        # The workers strip types while this process analyses, so TypeScript comes last.
        modules = sorted(modules, key=lambda module: module.is_typescript)
        for module in modules:
            key = _analysis_key(module)
            if key is None or module.module_format is None or key in self._rows or key in unknown:
                continue
            source = self._source(module)
            if source is not None and module.is_typescript:
                source = self._compiler.stripped(module, source)
            if source is not None:
                unknown[key] = module.module_format, source
        tasks = [AnalysisTask(source, kind.without_types is ModuleFormat.MODULE) for kind, source in unknown.values()]
        for (key, (kind, _)), analysis in zip(unknown.items(), analyse_all(tasks, self._compiler.jobs), strict=True):
            row, blob, exports = self._analyses.store(analysis, kind, key[0])
            self._rows[key] = row
            self._found.analyses.append(row)
            self._found.exports += exports
            if blob is not None:
                self._found.blobs.append(blob)
            self._found.analysed += 1
            self._found.analysed_sources.add(key[0])
        self._found.blobs_written = self._analyses.blobs_written

    def _understand(self, module: GraphModule) -> None:
        key = _analysis_key(module)
        if key is None:
            return
        row = self._rows.get(key)
        if row is None:
            # The verdict says why there is no text without types.
            if not module.is_typescript or self._compiler.verdict(module).outcome == "ok":
                module.leave_native("not valid UTF-8" if self._source(module) else "changed while it was read")
            return
        module.requests = requests_from_row(row)
        module.diagnostics = diagnostics_from_row(row)
        for one in module.diagnostics:
            if one.kind is DiagnosticKind.TOO_COSTLY:
                self._problem(module, one.kind.code, one.message, is_error=False)

    def _detect(self, module: GraphModule) -> None:
        verdict = self._compiler.verdict(module)
        if verdict.is_refused:
            self._syntax_error(module, verdict)
        elif verdict.detected_kind is None:
            module.leave_native("what it is could not be found out")
        else:
            module.module_format = verdict.detected_kind
            module.format_is_detected = True
            module.kind = KIND_OF_FORMAT[verdict.detected_kind]

    def _judge(self, module: GraphModule) -> None:
        """Compare the analysis with the engine's verdict, which is final."""
        if module.kind not in COMPILED_KINDS or module.fact is None or module.module_format is None:
            return
        verdict = self._compiler.verdict(module)
        if verdict.is_refused:
            self._syntax_error(module, verdict)
            return
        if verdict.outcome == "quarantined":
            kind = DiagnosticKind.CACHE_QUARANTINED
            self._problem(module, kind.code, f"no code cache is kept of it: {verdict.detail}", is_error=False)
        if verdict.outcome != "ok":
            if module.is_typescript:
                module.leave_native(f"its types could not be stripped ({verdict.detail})")
            return
        if module.module_format.without_types is ModuleFormat.COMMONJS or verdict.requested_modules is None:
            return
        self._compare_requests(module, self._rows[module.fact.sha256, module.module_format.value], verdict)

    def _compare_requests(self, module: GraphModule, row: AnalysisRow, verdict: Verdict) -> None:
        assert verdict.requested_modules is not None
        if not row.complete:
            # tree-sitter could not read all of the source, but the engine could: use its list, and the calls that were
            # found.
            if len(verdict.requested_modules) > MOST_REQUESTS:
                module.requests = ()
                module.leave_native(f"it costs too much (more than {MOST_REQUESTS} requests)")
                return
            calls = tuple(request for request in module.requests if Asked.WHILE_RUNNING in request.asked)
            module.requests = requests_of_engine(verdict.requested_modules) + calls
            return
        differences = request_differences(module.requests, verdict.requested_modules)
        if differences:
            module.leave_native(f"analysis and engine disagree on its requests ({differences})")
            self._problem(module, "request-mismatch", module.native_because)
        elif module.format_is_detected:
            # Node warns of such a module when it loads it itself. A served program must show the same warning.
            module.leave_native('a module by its syntax alone (package.json has no "type")')

    def _syntax_error(self, module: GraphModule, verdict: Verdict) -> None:
        module.leave_native(SYNTAX_ERROR)
        # Others, such as tsx or a compiler, run TypeScript that Node cannot run.
        is_error = verdict.outcome == "syntax-error"
        self._problem(module, verdict.outcome, verdict.detail, verdict.line, verdict.column, is_error=is_error)

    def _resolve(self, module: GraphModule) -> None:
        module.answers = [self._answer(module, request) for request in module.requests]
        for request, answer in zip(module.requests, module.answers, strict=True):
            if isinstance(answer, ResolutionFailure):
                self._unresolved(module, request, answer)
                continue
            target = self._reach(answer, is_imported=Asked.IMPORT in request.asked)
            if target is not None and Asked.WORKER in request.asked:
                target.is_root = True
                target.root_inputs = answer.inputs

    def _answer(self, module: GraphModule, request: GraphRequest) -> Resolution | ResolutionFailure:
        if Asked.REQUIRE in request.asked:
            return self._resolver.resolve_require(request.specifier, module.path)
        if Asked.WORKER in request.asked:
            return self._resolver.resolve_worker(request.specifier, module.url)
        return self._resolver.resolve_import(request.specifier, module.url)

    def _unresolved(self, module: GraphModule, request: GraphRequest, failure: ResolutionFailure) -> None:
        # Calls in running code are often meant to fail (optional packages), so only static requests are reported.
        if Asked.WHILE_RUNNING in request.asked:
            return
        line, column = self.place(module, request.span)
        # Nobody can follow a hint for a package.
        is_own = "/node_modules/" not in module.path
        hint = self._specifier_hints.hint(request.specifier, module.path, failure) if is_own else SpecifierHint()
        told = with_hint(failure.message, hint)
        self._found.problems.append(
            Problem(module.path, failure.code, told, line, column, is_error=False, suggestion=hint.specifier)
        )

    def place(self, module: GraphModule, span: Span | None) -> tuple[int, int]:
        """Return the line and column, one-based, where a span of a module begins, or zeros if that is not known."""
        lines = None if span is None else self._lines_of(module)
        if span is None or lines is None:
            return 0, 0
        position = lines.position(span.start)
        # Node and editors do not count a byte order mark.
        mark = int(position.line == 0 and (self._source(module) or b"").startswith(BYTE_ORDER_MARK))
        return position.line + 1, position.column + 1 - mark

    def _lines_of(self, module: GraphModule) -> LineIndex | None:
        """Return the lines of a module's text; the last module's are kept, since one module may have many problems."""
        if self._lines is None or self._lines[0] != module.url:
            source = self._source(module)
            if source is None:
                return None
            self._lines = module.url, LineIndex(source)
        return self._lines[1]

    def _problem(
        self, module: GraphModule, code: str, message: str, line: int = 0, column: int = 0, *, is_error: bool = True
    ) -> None:
        self._found.problems.append(Problem(module.path, code, message, line, column, is_error))


def _analysis_key(module: GraphModule) -> tuple[bytes, str] | None:
    """Return the key of a module's analysis, or None if there is nothing to analyse."""
    if module.kind is ServedKind.JSON or module.module_format is None or module.fact is None:
        return None
    return module.fact.sha256, module.module_format.value
