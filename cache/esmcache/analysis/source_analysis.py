"""Bytes to Analysis: wires the parser, the static semantics and the early errors together."""

from __future__ import annotations

from dataclasses import dataclass

from esmcache.analysis.calls import module_calls
from esmcache.analysis.early_errors import early_errors, syntax_errors
from esmcache.analysis.parser import parse
from esmcache.analysis.static_semantics import read_module
from esmcache.diagnostics import Diagnostic
from esmcache.records import ModuleRecord


@dataclass(frozen=True, slots=True)
class Analysis:
    """A module's record and diagnostics.

    `complete` is False where the text could not be read as a whole: then the record may lack entries and
    must not be written as BMES. Whether the text is valid is for the engine to say.
    """

    record: ModuleRecord
    diagnostics: tuple[Diagnostic, ...]
    complete: bool


def analyse_module(source: bytes) -> Analysis:
    """Return the analysis of an ES module, whatever bytes it holds; spans are offsets into `source`.

    Spec: ParseModule (sec-parsemodule). Differs: never fails; what is wrong is a diagnostic.
    """
    tree = parse(source)
    reading = read_module(tree)
    if reading.unclear is not None:
        respelled = parse(source, respelled=True)
        if respelled.first_error is None:
            tree, reading = respelled, read_module(respelled)
    unread = syntax_errors(tree, reading.unclear, is_module=True)
    diagnostics = unread + early_errors(tree, reading, complete=not unread)
    return Analysis(reading.record, diagnostics, complete=not unread)


def analyse_commonjs(source: bytes) -> Analysis:
    """Return the analysis of a CommonJS module: only the calls, as it has no declarations of imports."""
    tree = parse(source)
    unread = syntax_errors(tree, None, is_module=False)
    return Analysis(ModuleRecord(calls=module_calls(tree, commonjs=True)), unread, complete=not unread)
