"""Looks for bytes that make the analysis raise, take too long, or miss the effect of an edit. `make fuzz` runs it.

Atheris is not a dependency of the project: the Makefile installs it in addition to the environment.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

# Atheris has no types, and it is not installed when types are checked.
atheris = import_module("atheris")

with atheris.instrument_imports(include=["esmcache.analysis"]):
    from esmcache.analysis import Analysis, Document, analyse_commonjs, analyse_module

# This ends an input and separates the edits after it: two bytes of place, one of length, and the new text.
_EDITS = b"\0EDITS\0"
_LONGEST_S = 5.0


def check_input(data: bytes) -> None:
    """Analyse `data` in all ways; raises AssertionError if a promise of the analysis is broken."""
    source, _, edits = data.partition(_EDITS)
    start = time.process_time()
    check_spans(analyse_module(source), len(source))
    check_spans(analyse_commonjs(source), len(source))
    document = Document(source)
    document.analysis()
    for edit in edits.split(_EDITS)[:8]:
        place = int.from_bytes(edit[:2], "big") % (len(document.source) + 1)
        document.replace(place, min(len(document.source), place + sum(edit[2:3])), edit[3:])
        assert document.analysis() == analyse_module(document.source)
    assert time.process_time() - start < _LONGEST_S


def check_spans(analysis: Analysis, size: int) -> None:
    """Assert that every span is inside the text, and that an incomplete analysis has diagnostics."""
    assert analysis.complete or analysis.diagnostics
    record = analysis.record
    spans = [item.span for item in record.requested_modules]
    spans += [item.span for item in record.import_entries]
    spans += [item.span for item in (*record.local_export_entries, *record.indirect_export_entries)]
    spans += [item.span for item in record.calls]
    for found in analysis.diagnostics:
        spans += [found.span, *(item.span for item in found.related)]
    for span in spans:
        assert span is not None
        assert 0 <= span.start <= span.end <= size


if __name__ == "__main__":
    atheris.Setup(sys.argv, check_input)
    atheris.Fuzz()
