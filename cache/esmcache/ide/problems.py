"""The problems of a module as findings with places: in its text, its requests and its linking."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterator

from esmcache.build.graph import UNSUPPORTED_TYPESCRIPT, is_typescript_name
from esmcache.build.type_names import ONLY_A_TYPE, is_type_name
from esmcache.diagnostics import Diagnostic, DiagnosticKind
from esmcache.file_source import path_from_file_url
from esmcache.ide.attribute_problems import has_options, missing_clause, missing_options
from esmcache.ide.modules import Occurrence, WorkspaceModule, WorkspaceModules
from esmcache.ide.other_modules import JsonError
from esmcache.ide.values import START, Finding, Insertion, Place, RelatedPlace
from esmcache.linking import LinkProblem, import_cycles, link_problems
from esmcache.records import CallKind, InputKind, ModuleFormat, Resolution, ResolutionFailure
from esmcache.resolution.import_attributes import attribute_problem
from esmcache.resolution.specifier_hints import SpecifierHint, without_suggestion
from esmcache.spans import ColumnUnit, Position, Span
from esmcache.store.rows import VerdictRow

_NOT_BETWEEN_QUOTES = re.compile(r"[\"'`\\$\n\r]")
_MOST_TRIED = 3
# The beginning of a `data:` URL is enough to recognise it.
_LONGEST_URL = 60


class Problems:
    """Finds the problems of single modules."""

    def __init__(self, modules: WorkspaceModules) -> None:
        self._modules = modules

    def of(self, module: WorkspaceModule, *, with_cycles: bool = False) -> list[Finding]:
        """Return the problems in a module's text, requests and linking.

        Args:
            with_cycles: Whether import cycles are problems.
        """
        findings = [self._own(module, one) for one in module.diagnostics]
        findings += self._unresolved(module)
        findings += self._refused_attributes(module)
        if module.is_linkable:
            findings += [self._unlinked(module, one) for one in link_problems(self._modules, module.url)]
            if with_cycles:
                findings += self._cycles(module)
        return findings

    def refused(self, module: WorkspaceModule, refusal: VerdictRow) -> Finding:
        """Return the engine's error for a text in which analysis found no error; the engine decides."""
        lines = self._modules.lines(module)
        start = 0
        if refusal.line > 0:
            place = Position(refusal.line - 1, max(refusal.column - 1, 0))
            start = lines.byte_offset(place, ColumnUnit.UTF16)
        is_typescript = refusal.outcome == UNSUPPORTED_TYPESCRIPT
        kind = DiagnosticKind.UNSUPPORTED_TYPESCRIPT_SYNTAX if is_typescript else DiagnosticKind.SYNTAX_ERROR
        message = kind.template.format(detail=refusal.detail)
        return Finding(kind.code, kind.severity, message, self._modules.range(module, Span(start, start)))

    def _own(self, module: WorkspaceModule, diagnostic: Diagnostic) -> Finding:
        kind = diagnostic.kind
        related = tuple(RelatedPlace(self._modules.place(module, one.span), one.message) for one in diagnostic.related)
        return Finding(
            kind.code, kind.severity, diagnostic.message, self._modules.range(module, diagnostic.span), related
        )

    def _unresolved(self, module: WorkspaceModule) -> Iterator[Finding]:
        for occurrence in module.occurrences():
            # Requests of running code are often expected to fail: optional packages, probes inside `try`.
            if occurrence.kind is not None:
                continue
            answer = self._modules.answer(module, occurrence.specifier, None)
            if isinstance(answer, ResolutionFailure):
                yield self._unresolved_import(module, occurrence, answer)

    def _refused_attributes(self, module: WorkspaceModule) -> Iterator[Finding]:
        """Yield findings for imports with attributes that Node refuses, and for imports of invalid JSON."""
        if not module.complete:
            # Some attributes may be missing in the record.
            return
        source = self._source(module) if any(one.kind is CallKind.IMPORT for one in module.record.calls) else b""
        for occurrence in module.occurrences():
            if occurrence.kind not in (None, CallKind.IMPORT):
                continue
            answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
            if not isinstance(answer, Resolution):
                continue
            url, module_format = answer.resolved_url, answer.module_format
            is_json = module_format is ModuleFormat.JSON
            # The options of a call may be any expression. Only a call without options is certain to lack attributes.
            if occurrence.kind is not None and (not is_json or has_options(source, occurrence.span.end)):
                continue
            detail = attribute_problem(url, module_format, occurrence.attributes)
            if detail is not None:
                yield self._refused_attribute(module, occurrence, detail)
            elif is_json and (error := self._modules.json_error(url)) is not None:
                yield self._invalid_json(module, occurrence, url, error)

    def _refused_attribute(self, module: WorkspaceModule, occurrence: Occurrence, detail: str) -> Finding:
        kind = DiagnosticKind.ATTRIBUTE_MISMATCH
        is_missing = not occurrence.attributes
        return Finding(
            kind.code,
            kind.severity,
            kind.template.format(detail=detail),
            self._modules.range(module, occurrence.span),
            insertion=self._attribute_of_json(module, occurrence) if is_missing else None,
        )

    def _invalid_json(self, module: WorkspaceModule, occurrence: Occurrence, url: str, error: JsonError) -> Finding:
        kind = DiagnosticKind.INVALID_JSON
        place = Span(error.byte_offset, error.byte_offset)
        related = self._related(url, place, error.message)
        where = ""
        if related is not None:
            start = related.place.range.start
            where = f" (line {start.line + 1}, column {start.column + 1})"
        return Finding(
            kind.code,
            kind.severity,
            kind.template.format(module=_short(url), detail=error.message + where),
            self._modules.range(module, occurrence.span),
            () if related is None else (related,),
        )

    def _attribute_of_json(self, module: WorkspaceModule, occurrence: Occurrence) -> Insertion | None:
        """Return the text to insert after the specifier of an import of JSON, or None if attributes are there."""
        source, (start, end) = self._source(module), (occurrence.span.start, occurrence.span.end)
        missing = missing_clause if occurrence.kind is None else missing_options
        text = "" if occurrence.attributes else missing(source, start, end)
        return Insertion(self._modules.range(module, Span(end, end)).start, text) if text else None

    def _source(self, module: WorkspaceModule) -> bytes:
        try:
            return self._modules.documents.read(module.path)
        except OSError:
            return b""

    def _unresolved_import(self, module: WorkspaceModule, asked: Occurrence, failure: ResolutionFailure) -> Finding:
        hint = self._modules.hint(module, asked.specifier, failure)
        message = without_suggestion(failure.message)
        replacement = self._suggestion(module, asked.specifier, hint)
        # Other tools resolve it, so the program may be meant for them.
        kind = DiagnosticKind.NOT_SERVED if hint.reason else DiagnosticKind.UNRESOLVED_IMPORT
        if hint.reason:
            message += f"\n{hint.reason}"
        if replacement:
            message += f"\ndid you mean {json.dumps(replacement, ensure_ascii=False)}?"
        elif not hint.reason and not asked.specifier.startswith((".", "/")):
            message += "".join(f"\ntried {path}" for path in _tried(failure))
        span = Span(asked.span.start + 1, asked.span.end - 1) if replacement else asked.span
        insertion = None
        if replacement:
            found = self._modules.resolver.resolve_import(replacement, module.url)
            if isinstance(found, Resolution) and found.module_format is ModuleFormat.JSON:
                insertion = self._attribute_of_json(module, asked)
        return Finding(
            kind.code,
            kind.severity,
            f"{failure.code}: {message}",
            self._modules.range(module, span),
            replacement=replacement,
            insertion=insertion,
        )

    def _suggestion(self, module: WorkspaceModule, specifier: str, hint: SpecifierHint) -> str:
        """Return a specifier that resolves: with extension, as a file in a directory, or in other case; else ''."""
        found = hint.specifier
        if not found and specifier.startswith(("./", "../")):
            found = _in_other_case(os.path.dirname(module.path), specifier) or ""
        # The specifier replaces the text between the existing quotes, which may be of any kind.
        return "" if found == specifier or _NOT_BETWEEN_QUOTES.search(found) else found

    def _unlinked(self, module: WorkspaceModule, problem: LinkProblem) -> Finding:
        name = _short(problem.target_url)
        kind = problem.kind
        message = kind.template.format(module=name, name=problem.name)
        related = [(step.url, step.entry.span, "re-exported here") for step in problem.resolution.steps]
        related += [
            (one.module, None if one.entry is None else one.entry.span, "one of the bindings")
            for one in problem.resolution.candidates
        ]
        if not related:
            related = [(problem.target_url, Span(0, 0), f"{name} is here")]
        insertion = None
        if problem.kind is DiagnosticKind.MISSING_EXPORT and self._is_type(problem.target_url, problem.name):
            message += ONLY_A_TYPE
            insertion = self._import_of_type(module, problem)
        return Finding(
            kind.code,
            kind.severity,
            message,
            self._modules.range(module, problem.span),
            tuple(place for one in related if (place := self._related(*one)) is not None),
            insertion=insertion,
        )

    def _is_type(self, url: str, name: str) -> bool:
        def text_of(url: str) -> bytes | None:
            module = self._modules.module(url)
            return self._source(module) if module is not None and is_typescript_name(module.path) else None

        return is_type_name(self._modules, url, name, text_of)

    def _import_of_type(self, module: WorkspaceModule, problem: LinkProblem) -> Insertion | None:
        """Return the word that makes a name in a list an import of a type, or None if that takes more than a word."""
        source, name = self._source(module), re.escape(problem.name.encode())
        # In `{ a as b }`, the problem is at `b`.
        listed = re.search(rb"[{,]\s*(?P<name>%s)$" % name, source[: problem.span.end]) or re.search(
            rb"[{,]\s*(?P<name>%s)\s+as\s+$" % name, source[: problem.span.start]
        )
        if listed is None or not is_typescript_name(module.path):
            return None
        return Insertion(self._modules.range(module, Span(*listed.span("name"))).start, "type ")

    def _related(self, url: str, span: Span | None, message: str) -> RelatedPlace | None:
        module = self._modules.module(url)
        return None if module is None else RelatedPlace(self._modules.place(module, span or Span(0, 0)), message)

    def _cycles(self, module: WorkspaceModule) -> Iterator[Finding]:
        for cycle in import_cycles(self._modules, [module.url]):
            if module.url not in cycle:
                continue
            members = set(cycle)
            for occurrence in module.occurrences():
                answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
                if occurrence.kind is None and getattr(answer, "resolved_url", "") in members:
                    others = [url for url in cycle if url != module.url] or [module.url]
                    yield Finding(
                        DiagnosticKind.IMPORT_CYCLE.code,
                        DiagnosticKind.IMPORT_CYCLE.severity,
                        DiagnosticKind.IMPORT_CYCLE.template.format(count=str(len(cycle))),
                        self._modules.range(module, occurrence.span),
                        tuple(RelatedPlace(Place(url, START), "is in the cycle") for url in others[:10]),
                    )


def _short(url: str) -> str:
    path = path_from_file_url(url)
    if path is not None:
        return posixpath.basename(path)
    return url if len(url) <= _LONGEST_URL else f"{url[:_LONGEST_URL]}…"


def _tried(failure: ResolutionFailure) -> list[str]:
    absent = [one.path for one in failure.inputs if one.kind is InputKind.ABSENT]
    return [path for path in absent if not path.endswith("package.json")][:_MOST_TRIED]


def _in_other_case(directory: str, specifier: str) -> str | None:
    """Return the specifier with the case of the names on disk, or None if no such file exists in any case."""
    parts: list[str] = []
    for part in specifier.split("/"):
        if part not in (".", ".."):
            try:
                names = os.listdir(directory)
            except OSError:
                return None
            same = [name for name in names if name.casefold() == part.casefold()]
            if not same:
                return None
            part = part if part in same else same[0]
        directory = os.path.join(directory, part)
        parts.append(part)
    return "/".join(parts) if os.path.isfile(directory) else None
