"""docs/reference/diagnostics.md explains every diagnostic, and its examples cause the diagnostics that they show."""

from __future__ import annotations

import re

import pytest

from case_file import asserted_diagnostics
from conftest import PROJECT
from esmcache.analysis import analyse_module
from esmcache.diagnostics import DiagnosticKind
from esmcache.spans import LineIndex

PAGE = (PROJECT / "docs" / "reference" / "diagnostics.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
_EXAMPLE = re.compile(r"^```js\n(.+?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {code: found[1] for code, section in SECTIONS.items() if (found := _EXAMPLE.search(section))}
# These diagnostics depend on other modules; the end-to-end tests of diagnostics have examples of them.
BESIDE_THE_TEXT = {
    "unresolved-import",
    "attribute-mismatch",
    "invalid-json",
    "missing-export",
    "ambiguous-export",
    "import-cycle",
}


def test_every_code_has_a_section() -> None:
    assert sorted(SECTIONS) == sorted(kind.code for kind in DiagnosticKind)


@pytest.mark.parametrize("code", SECTIONS)
def test_sections_have_an_example_and_a_remedy(code: str) -> None:
    assert re.search(r"^```(js|sh|text)\n.+?^```$", SECTIONS[code], re.MULTILINE | re.DOTALL)
    assert "\n**What to do:** " in SECTIONS[code]


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_have_the_error(code: str) -> None:
    text = EXAMPLES[code]
    asserted = asserted_diagnostics(text)
    assert {one for _, _, one in asserted} == {code}
    lines = LineIndex(text.encode())
    found = [
        (lines.position(one.span.start).line, one.kind.severity.value, one.kind.code)
        for one in analyse_module(text.encode()).diagnostics
    ]
    assert found == ([] if code in BESIDE_THE_TEXT else asserted)
