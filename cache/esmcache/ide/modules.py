"""The current modules of a workspace, each with its record and the answers to its requests.

The texts of open files come from the editor. For other files, the index is used as long as they have not changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from esmcache.analysis import Document
from esmcache.build.analysis_rows import diagnostics_from_row, record_from_row
from esmcache.build.freshness import UnreadableFile, known_fact, read_file
from esmcache.build.graph import is_typescript_name
from esmcache.diagnostics import Diagnostic
from esmcache.file_source import Fingerprint, file_url_from_path, fingerprint, path_from_file_url
from esmcache.ide.documents import Documents
from esmcache.ide.other_modules import (
    JSON_RECORD,
    LARGEST_JSON,
    JsonError,
    data_record,
    data_url_body,
    json_error,
    record_of_names,
)
from esmcache.ide.reading import Reading, TypeScript, read_text
from esmcache.ide.type_specifiers import type_specifiers
from esmcache.ide.values import Place, Range
from esmcache.records import (
    CallKind,
    ImportAttribute,
    ModuleFormat,
    ModuleRecord,
    ModuleRequest,
    Phase,
    Resolution,
    ResolutionFailure,
)
from esmcache.resolution import Resolver
from esmcache.resolution.specifier_hints import SpecifierHint, SpecifierHints
from esmcache.spans import ColumnUnit, LineIndex, Span
from esmcache.store.cache_key import ANALYSIS_VERSION
from esmcache.store.index import Index
from esmcache.store.rows import AnalysisRow, ModuleRow

# If no change is reported, the file system is checked again after this time; after a report it is checked at once.
_SNAPSHOT_S = 30.0
_LINKED = (ModuleFormat.MODULE, ModuleFormat.MODULE_TYPESCRIPT)


@dataclass(slots=True)
class Occurrence:
    """One specifier in a text; `kind` is None for an import or export declaration.

    `attributes` are those that analysis can read; a call may have others.
    """

    specifier: str
    span: Span
    kind: CallKind | None = None
    attributes: tuple[ImportAttribute, ...] = ()
    phase: Phase = Phase.EVALUATION


@dataclass(slots=True)
class WorkspaceModule:
    """A file in its current state; `record` is empty unless the file is an ES module or CommonJS.

    `given_format` is the format by name and package, None if the syntax decides. `code` is as in `Reading`, and None
    for a file that the index knows.
    """

    url: str
    path: str
    module_format: ModuleFormat | None
    record: ModuleRecord
    diagnostics: tuple[Diagnostic, ...]
    complete: bool
    size: int
    seen: Fingerprint | None
    is_open: bool
    _lines: LineIndex | None = None
    _text: bytes | None = None
    answers: dict[tuple[str, CallKind | None], Resolution | ResolutionFailure] = field(default_factory=dict)
    declarations: dict[str, Span | None] = field(default_factory=dict)
    # For JSON, once requested: a text and its error.
    _json: tuple[bytes | None, JsonError | None] | None = None
    given_format: ModuleFormat | None = None
    code: Document | None = None

    @property
    def text(self) -> bytes | None:
        """Return the text in the editor, or None for a file that is not open."""
        return self._text if self.is_open else None

    @property
    def is_linkable(self) -> bool:
        """Return whether its record has all of its exports."""
        return self.module_format in _LINKED and self.complete

    def take(self, reading: Reading) -> None:
        """Use what was read of the current text."""
        self.module_format, self.record, self.diagnostics = reading.module_format, reading.record, reading.diagnostics
        self.complete, self.code = reading.complete, reading.code

    def occurrences(self) -> Iterator[Occurrence]:
        """Yield every specifier in the text, in no particular order."""
        for request in self.record.declared_requests:
            if request.span is not None:
                yield Occurrence(request.specifier, request.span, None, request.attributes, request.phase)
        for call in self.record.calls:
            if call.specifier is not None and call.span is not None:
                yield Occurrence(call.specifier, call.span, call.kind, call.attributes)


class WorkspaceModules:
    """Finds modules by URL and resolves their requests. A LinkingGraph."""

    def __init__(
        self,
        documents: Documents,
        index: Index,
        make_resolver: Callable[[], Resolver],
        unit: ColumnUnit,
        builtin_names: Callable[[], Mapping[str, Sequence[str]]],
        typescript: TypeScript,
    ) -> None:
        self.documents = documents
        self.unit = unit
        self._index = index
        self._make_resolver = make_resolver
        self._builtin_names = builtin_names
        self._typescript = typescript
        # Records of modules that have no file; these never change.
        self._records: dict[str, ModuleRecord | None] = {}
        self._modules: dict[str, WorkspaceModule] = {}
        self._resolver: Resolver | None = None
        self._hints: SpecifierHints | None = None
        self._resolver_made_at = 0.0

    @property
    def resolver(self) -> Resolver:
        """Return a resolver whose view of the file system is recent."""
        now = time.monotonic()
        if self._resolver is None or now - self._resolver_made_at > _SNAPSHOT_S:
            self.forget_resolutions()
            self._resolver, self._resolver_made_at = self._make_resolver(), now
        return self._resolver

    def forget_resolutions(self) -> None:
        """Forget all resolutions, since names, links or package.json files may have changed."""
        self._resolver = self._hints = None
        for module in self._modules.values():
            module.answers.clear()

    def forget(self, url: str) -> None:
        """Forget a module, so that it is read again."""
        self._modules.pop(url, None)

    def module(self, url: str) -> WorkspaceModule | None:
        """Return the module in its current state, or None if there is no such file."""
        path = path_from_file_url(url)
        if path is None:
            return None
        known = self._modules.get(url)
        document = self.documents.get(path)
        if document is not None:
            # An editor's text is analysed only after it has changed.
            if known is None or not known.is_open:
                module_format, _ = self.resolver.format_of(path)
                known = self._modules[url] = WorkspaceModule(
                    url, path, module_format, ModuleRecord(), (), False, 0, None, True, given_format=module_format
                )
            if known._text is not document.source:
                # The code of JavaScript is the document itself, which has changed already.
                before = None if known.code is document else known.code
                known.take(read_text(path, document, known.given_format, self._typescript, before))
                known._text, known._lines, known.size = document.source, document.lines, len(document.source)
                known.declarations.clear()
            return known
        status = self.documents.lstat(path)
        seen = None if status is None else fingerprint(status)
        if seen is None:
            self._modules.pop(url, None)
            return None
        if known is not None and known.seen == seen and not known.is_open:
            return known
        found = self._from_index(url, path) or self._from_file(url, path)
        if found is not None:
            self._modules[url] = found
        return found

    def answer(self, module: WorkspaceModule, specifier: str, kind: CallKind | None) -> Resolution | ResolutionFailure:
        """Return Node's answer to a specifier in a module."""
        asked = None if kind is CallKind.IMPORT else kind
        resolver = self.resolver
        answer = module.answers.get((specifier, asked))
        if answer is None:
            if asked is CallKind.REQUIRE:
                answer = resolver.resolve_require(specifier, module.path)
            elif asked is CallKind.WORKER:
                answer = resolver.resolve_worker(specifier, module.url)
            else:
                answer = resolver.resolve_import(specifier, module.url)
            module.answers[specifier, asked] = answer
        return answer

    def hint(self, module: WorkspaceModule, specifier: str, failure: ResolutionFailure) -> SpecifierHint:
        """Return what to write instead of a specifier that Node cannot resolve, and why other tools resolve it."""
        if self._hints is None:
            self._hints = SpecifierHints(self.documents)
        return self._hints.hint(specifier, module.path, failure)

    def target(self, module: WorkspaceModule, occurrence: Occurrence) -> str | None:
        """Return the URL that a specifier leads to: by Node's rules, or else by the paths of tsconfig.json."""
        answer = self.answer(module, occurrence.specifier, occurrence.kind)
        if isinstance(answer, ResolutionFailure):
            hint = self.hint(module, occurrence.specifier, answer)
            if hint.reason and hint.specifier:
                answer = self.answer(module, hint.specifier, occurrence.kind)
        return answer.resolved_url if isinstance(answer, Resolution) else None

    def record(self, url: str) -> ModuleRecord | None:
        """Return the record of a module whose exports are known, or None.

        They are known for ES modules that could be parsed completely, JSON, Node's own modules and `data:` URLs.
        """
        if not url.startswith("file:"):
            if url not in self._records:
                self._records[url] = self._record_without_file(url)
            return self._records[url]
        module = self.module(url)
        if module is None:
            return None
        if module.module_format is ModuleFormat.JSON:
            return JSON_RECORD
        return module.record if module.is_linkable else None

    def json_error(self, url: str) -> JsonError | None:
        """Return the error in the JSON module at a URL, or None."""
        module = self.module(url)
        if module is None:
            body = data_url_body(url) if url.startswith("data:") else None
            return None if body is None else json_error(body)
        if module._json is None or module._json[0] is not module._text:
            try:
                text = self.documents.read(module.path) if module.size <= LARGEST_JSON else None
            except OSError:
                text = None
            module._json = module._text, None if text is None else json_error(text)
        return module._json[1]

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        """Return the URL that a request resolves to, or None if it cannot be resolved."""
        module = self.module(url)
        if module is not None:
            answer = self.answer(module, request.specifier, None)
        elif url.startswith("data:"):
            answer = self.resolver.resolve_import(request.specifier, url)
        else:
            return None
        return answer.resolved_url if isinstance(answer, Resolution) else None

    def lines(self, module: WorkspaceModule) -> LineIndex:
        """Return the lines of a module's text; a file that no longer exists counts as empty."""
        if module._lines is None:
            try:
                module._lines = LineIndex(self.documents.read(module.path))
            except OSError:
                module._lines = LineIndex(b"")
        return module._lines

    def declaration(self, module: WorkspaceModule, name: str) -> Span | None:
        """Return the span where a module declares a variable, or None if it does not or cannot be read."""
        if name not in module.declarations:
            code = self._code(module)
            if code is None:
                return None
            module.declarations[name] = code.declaration_of(name)
        return module.declarations[name]

    def type_occurrences(self, module: WorkspaceModule) -> Iterator[Occurrence]:
        """Yield every specifier in the text that Node strips from TypeScript; for other files there is none.

        For a text that Node cannot strip, these are all specifiers that its record does not have.
        """
        if is_typescript_name(module.path):
            try:
                source = self.documents.read(module.path)
            except OSError:
                return
            code = self._code(module)
            known = set() if code is not None else {one.span for one in module.occurrences()}
            for specifier, span in type_specifiers(source, None if code is None else code.source):
                if span not in known:
                    yield Occurrence(specifier, span)

    def _code(self, module: WorkspaceModule) -> Document | None:
        """Return the document of the text that the engine compiles, or None if it cannot be read or stripped."""
        if module.code is not None:
            return module.code
        try:
            document = Document(self.documents.read(module.path))
        except OSError:
            return None
        return read_text(module.path, document, module.module_format, self._typescript).code

    def range(self, module: WorkspaceModule, span: Span) -> Range:
        """Return a span of a module's text as lines and columns."""
        lines = self.lines(module)
        return Range(lines.position(span.start, self.unit), lines.position(span.end, self.unit))

    def place(self, module: WorkspaceModule, span: Span) -> Place:
        """Return a span of a module's text as a place."""
        return Place(module.url, self.range(module, span))

    def _record_without_file(self, url: str) -> ModuleRecord | None:
        if url.startswith("node:"):
            names = self._builtin_names()
            exports = names.get(url, names.get(url.removeprefix("node:")))
            return None if exports is None else record_of_names(exports)
        body = data_url_body(url) if url.startswith("data:") else None
        answer = self.resolver.resolve_import(url, "file:///")
        if body is None or not isinstance(answer, Resolution):
            return None
        if answer.module_format is ModuleFormat.JSON:
            return JSON_RECORD
        return data_record(body) if answer.module_format is ModuleFormat.MODULE else None

    def _from_index(self, url: str, path: str) -> WorkspaceModule | None:
        row = next(iter(self._index.where(ModuleRow, "url", [url])), None)
        fact = known_fact(self.documents, path, row)
        if row is None or fact is None:
            return None
        analyses = self._index.where(AnalysisRow, "source_sha256", [fact.sha256])
        found = next((one for one in analyses if one.kind == row.kind and one.version == ANALYSIS_VERSION), None)
        if found is None:
            return None
        return WorkspaceModule(
            url,
            path,
            ModuleFormat(row.kind),
            record_from_row(found),
            diagnostics_from_row(found),
            bool(found.complete),
            row.size,
            fact.fingerprint,
            False,
        )

    def _from_file(self, url: str, path: str) -> WorkspaceModule | None:
        answer = read_file(self.documents, path)
        if isinstance(answer, UnreadableFile):
            return None
        source, fact = answer.source, answer.fact
        given, _ = self.resolver.format_of(path)
        document = Document(source)
        seen = fact.fingerprint if fact.proven else None
        found = WorkspaceModule(url, path, given, ModuleRecord(), (), False, len(source), seen, False, document.lines)
        found.take(read_text(path, document, given, self._typescript))
        # The trees of many closed files would take much memory.
        found.code = None
        return found


def real_url(path: str) -> str:
    """Return the URL by which Node knows a file: that of its real path."""
    return file_url_from_path(os.path.realpath(path))
