"""What is known to differ and why, and the bar: everything else must agree.

docs/conformance.md says for each of these who is right by ECMA-262.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.comparison import Row
from conformance.inputs import Module

# Test262's flags of syntax that is no part of ECMA-262 yet, and that not all engines know.
PROPOSALS: dict[str, str] = {}
# By reference and name: why the two differ.
KNOWN: dict[tuple[str, str], str] = {}


def known_reason(row: Row, module: Module) -> str | None:
    """Return why a reference and we differ on a module, or None if nobody knows."""
    for feature in sorted(module.features & PROPOSALS.keys()):
        return PROPOSALS[feature]
    return KNOWN.get((row.reference, module.name))


def below_bar(row: Row) -> Iterator[str]:
    """Yield what keeps a row from the bar.

    All that JavaScriptCore and oxc-parser accept must be read alike; all that V8 accepts must be accepted,
    and read alike.
    """
    for one in (*row.disagreements, *row.only_they_accept):
        if known_reason(row, one.module) is None:
            yield f"{row.reference}, {row.input_set}: {one.module.name}: {one.what[:200]}"
