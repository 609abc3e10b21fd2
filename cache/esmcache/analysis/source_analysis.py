"""Bytes to Analysis: wires the parser, the static semantics and the early errors together."""

from __future__ import annotations

from dataclasses import dataclass

from esmcache.analysis.calls import module_calls
from esmcache.analysis.early_errors import ModuleFacts, early_errors, module_facts, syntax_errors, too_costly
from esmcache.analysis.parser import SyntaxTree, parse
from esmcache.analysis.static_semantics import ModuleReading, read_module
from esmcache.diagnostics import Diagnostic
from esmcache.records import ModuleRecord

# Three times as many as the largest package of icons has.
MOST_REQUESTS = 30_000
_MOST_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class Analysis:
    """A module's record and diagnostics.

    `complete` is False if the text could not be parsed completely. Then the record may lack entries and must not be
    written as BMES. The engine decides whether the text is valid.
    """

    record: ModuleRecord
    diagnostics: tuple[Diagnostic, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class SourceReading:
    """An analysis and its intermediate results; `facts` is None if the text could not be parsed completely."""

    tree: SyntaxTree
    reading: ModuleReading
    facts: ModuleFacts | None
    analysis: Analysis


def analyse_module(source: bytes) -> Analysis:
    """Return the analysis of an ES module, which may be any bytes; spans are byte offsets into `source`.

    Spec: ParseModule (sec-parsemodule). Differs: it never fails; errors become diagnostics.
    """
    return read_source(source).analysis


def read_source(source: bytes) -> SourceReading:
    """Return the analysis of an ES module and its intermediate results."""
    tree = parse(source)
    reading = read_module(tree)
    if reading.unclear is not None:
        respelled = parse(source, doubtful=reading.unclear)
        if respelled.first_error is None:
            tree, reading = respelled, read_module(respelled)
    return _analysed(tree, reading)


def read_tree(tree: SyntaxTree) -> SourceReading:
    """Return the result of `read_source` for a text that was parsed without respelling."""
    return _analysed(tree, read_module(tree))


def _analysed(tree: SyntaxTree, reading: ModuleReading) -> SourceReading:
    limit = _limit_met(reading.record)
    if limit:
        return SourceReading(tree, reading, None, Analysis(ModuleRecord(), (too_costly(tree, limit),), complete=False))
    unread = syntax_errors(tree, reading.unclear, is_module=True)
    facts = None if unread else module_facts(tree, reading)
    diagnostics = unread + early_errors(reading.record, reading.clause_exports, facts)
    return SourceReading(tree, reading, facts, Analysis(reading.record, diagnostics, complete=not unread))


def analyse_commonjs(source: bytes) -> Analysis:
    """Return the analysis of a CommonJS module; its record has only calls, as CommonJS has no import declarations."""
    tree = parse(source, is_module=False)
    unread = syntax_errors(tree, None, is_module=False)
    record = ModuleRecord(calls=module_calls(tree, commonjs=True))
    limit = _limit_met(record)
    if limit:
        return Analysis(ModuleRecord(), (too_costly(tree, limit),), complete=False)
    return Analysis(record, unread, complete=not unread)


def _limit_met(record: ModuleRecord) -> str:
    """Return the limit that a record exceeds, or ''; a limit is needed since each entry is looked up by itself."""
    if len(record.requested_modules) + len(record.calls) > MOST_REQUESTS:
        return f"more than {MOST_REQUESTS} requests"
    exports = len(record.local_export_entries) + len(record.indirect_export_entries) + len(record.star_export_entries)
    return f"more than {_MOST_NAMES} names" if exports + len(record.import_entries) > _MOST_NAMES else ""
