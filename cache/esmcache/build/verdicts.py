"""Verdicts: what is known of a source text since the engine compiled it, and the rows in which the index keeps them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from esmcache.build.graph import REFUSALS, UNSUPPORTED_TYPESCRIPT, GraphModule
from esmcache.diagnostics import DiagnosticKind
from esmcache.records import (
    CompiledSource,
    CompileFailure,
    ImportAttribute,
    ModuleFormat,
    ModuleRequest,
    Phase,
)
from esmcache.store.row_values import as_stored
from esmcache.store.rows import VerdictRow

# Names of methods by which a program has V8 count branches. V8 counts them only in functions that it compiles later.
_COUNTS_CALLS = re.compile(rb"PreciseCoverage")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a source: "ok", one of REFUSALS, "quarantined" or "died".

    `requested_modules` is None if the engine returned no list. A source that ended the engine's process is quarantined:
    it is not compiled again until it changes or is rebuilt. `may_count_calls` says that the source names a method by
    which V8 counts calls.
    """

    outcome: str
    detail: str = ""
    line: int = 0
    column: int = 0
    requested_modules: tuple[ModuleRequest, ...] | None = None
    detected_kind: ModuleFormat | None = None
    may_count_calls: bool = False

    @property
    def is_refused(self) -> bool:
        """Return whether Node throws a SyntaxError when it loads the source."""
        return self.outcome in REFUSALS


def refusal_code(error_code: str) -> str:
    """Return the code of the problem that Node refuses a source with an error of its own code, '' for one of V8's."""
    return (
        UNSUPPORTED_TYPESCRIPT
        if error_code == "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX"
        else DiagnosticKind.SYNTAX_ERROR.code
    )


def verdict_from_answer(answer: CompiledSource | CompileFailure, module: GraphModule, source: bytes) -> Verdict:
    """Return the verdict on a module's source that the engine's answer gives."""
    counts = _COUNTS_CALLS.search(source) is not None
    detected = answer.detected_kind
    if detected is not None and module.is_typescript:
        detected = detected.with_types
    if isinstance(answer, CompiledSource):
        return Verdict("ok", "", 0, 0, answer.requested_modules, detected, counts)
    outcome = "quarantined" if answer.ended_engine else "died"
    if answer.is_syntax_error:
        outcome = refusal_code(answer.error_code)
    return Verdict(outcome, answer.message, answer.line, answer.column, None, detected, counts)


def verdict_from_row(row: VerdictRow) -> Verdict:
    """Return a stored verdict.

    Raises:
        IndexDamaged: If the row cannot be decoded.
    """
    with as_stored("verdicts"):
        stored = json.loads(row.requests)
        requests = tuple(
            ModuleRequest(specifier, tuple(ImportAttribute(*pair) for pair in attributes), Phase(phase))
            for specifier, attributes, phase in stored["requests"]
        )
        detected = stored["detected"]
        return Verdict(
            row.outcome,
            row.detail,
            row.line,
            row.column,
            requests,
            None if detected is None else ModuleFormat(detected),
            bool(stored["counts"]),
        )


def row_from_verdict(verdict: Verdict, engine_tag: str, kind: str, source_sha256: bytes) -> VerdictRow:
    """Return the row that stores a verdict."""
    requests = [
        [request.specifier, [[a.key, a.value] for a in request.attributes], request.phase.value]
        for request in verdict.requested_modules or ()
    ]
    detected = None if verdict.detected_kind is None else verdict.detected_kind.value
    fields = {"requests": requests, "detected": detected, "counts": verdict.may_count_calls}
    stored = json.dumps(fields, separators=(",", ":"))
    return VerdictRow(
        engine_tag, kind, source_sha256, verdict.outcome, verdict.detail, verdict.line, verdict.column, stored
    )
