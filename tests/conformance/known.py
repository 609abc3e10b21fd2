"""The known differences with their reasons, and the bar: everything else must agree.

docs/explanation/conformance.md says for each difference which reader follows ECMA-262.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.comparison import Disagreement, Row
from conformance.inputs import Module

_AFTER_VAR = "accepts an exported declaration of a name that `var` declares, too; ECMA-262 and V8 do not"
_AWAIT = "accepts `await` as the name of a function expression; ECMA-262 and V8 do not"
_ESCAPED_AWAIT = "accepts `await` as a name if it is written with an escape; ECMA-262 and V8 do not"
_JAVASCRIPTCORE = {
    "early/15f39ef18850325a.module.js": _AFTER_VAR,
    "early/18de13cf45fc2107.module.js": _AFTER_VAR,
    "early/8720904980732ca4.module.js": _AFTER_VAR,
    "(function await() {})": _AWAIT,
    "import \\u0061wait from 'm'; export {x}; let x": _ESCAPED_AWAIT,
    "import \\u0061wait, * as x from 'm'": _ESCAPED_AWAIT,
    "import \\u0061wait, {x} from 'm'": _ESCAPED_AWAIT,
    "({\\u0061wait})": _ESCAPED_AWAIT,
}
_SOURCE_PHASE = "takes an exported source-phase import for an export of the name `default`; by the proposal, it is none"
_AMBIGUOUS = "language/module-code/ambiguous-export-bindings/namespace-import-source-and-export"
_OXC = {
    "imports.md: Phases are read": _SOURCE_PHASE,
    "import source s from 'm'; export {s}; import t from 'm'": _SOURCE_PHASE,
    f"{_AMBIGUOUS}-1_FIXTURE.js": _SOURCE_PHASE,
    f"{_AMBIGUOUS}-2_FIXTURE.js": _SOURCE_PHASE,
    "language/module-code/source-phase-import/reexport-source-binding_FIXTURE.js": _SOURCE_PHASE,
}
_KNOWN = {"JavaScriptCore": _JAVASCRIPTCORE, "oxc-parser": _OXC}


def known_reason(row: Row, module: Module) -> str | None:
    """Return why a reference and esmcache differ on a module, or None if the reason is unknown."""
    return _KNOWN.get(row.reference, {}).get(module.name)


def differences(row: Row) -> tuple[Disagreement, ...]:
    """Return the modules that are below the bar, whether the reason is known or not.

    Modules that both accept must be read alike, and those that an engine accepts must be accepted. The second rule
    excludes oxc-parser, which leaves early errors to others and accepts in modules what only scripts allow.
    """
    return row.disagreements if row.reference == "oxc-parser" else (*row.disagreements, *row.only_they_accept)


def below_bar(row: Row) -> Iterator[str]:
    """Yield each reason why a row does not reach the bar."""
    if not row.both_accept:
        yield f"{row.reference}, {row.input_set}: nothing was compared"
    for one in differences(row):
        if known_reason(row, one.module) is None:
            yield f"{row.reference}, {row.input_set}: {one.module.name}: {one.what[:200]}"
