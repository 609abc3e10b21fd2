"""For some texts tree-sitter's time grows with the square of their size; the analysis gives up on them."""

from __future__ import annotations

import random
import time

import pytest

from esmcache.analysis import Document, analyse_commonjs, analyse_module
from esmcache.diagnostics import DiagnosticKind
from esmcache.spans import Span

HOSTILE = {
    "comments": b"/* " * 40_000,
    "random": random.Random(1).randbytes(150_000),
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_analysis_of_a_costly_text_is_stopped(source: bytes) -> None:
    for analyse in (analyse_module, analyse_commonjs):
        start = time.process_time()
        analysis = analyse(source)
        assert time.process_time() - start < 5
        assert DiagnosticKind.TOO_COSTLY in [item.kind for item in analysis.diagnostics]
        assert not analysis.complete


def test_analysis_after_a_costly_edit_is_stopped() -> None:
    document = Document(b"f();" + HOSTILE["comments"] + b"*/")
    assert document.analysis().complete
    start = time.process_time()
    document.replace(4, 5, b"(")
    document.replace(len(document.source) - 2, len(document.source), b"")
    assert not document.analysis().complete
    assert time.process_time() - start < 5


def test_a_text_that_is_too_costly_is_marked_as_a_whole() -> None:
    source = HOSTILE["comments"]
    (found,) = analyse_module(source).diagnostics
    assert found.span == Span(0, len(source))


def test_a_costly_text_does_not_affect_the_next_one() -> None:
    analyse_module(HOSTILE["comments"])
    record = analyse_module(b"import 'a';").record
    assert [request.specifier for request in record.requested_modules] == ["a"]


def test_large_texts_are_read() -> None:
    source = b"import 'a';\nexport const a = (b) => [b, `${b}`];\nnew Worker(new URL('./w', import.meta.url));\n"
    analysis = analyse_module(source.replace(b" a ", b" aa ") + b"f(a, {b: 1});\n" * 50_000)
    assert analysis.complete
    assert [call.specifier for call in analysis.record.calls] == ["./w"]
