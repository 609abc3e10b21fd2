"""The known differences with their reasons, and the bar: everything else must agree.

docs/explanation/conformance.md says for each difference which reader follows ECMA-262.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.comparison import Row
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


def known_reason(row: Row, module: Module) -> str | None:
    """Return why a reference and esmcache differ on a module, or None if the reason is unknown."""
    return _JAVASCRIPTCORE.get(module.name) if row.reference == "JavaScriptCore" else None


def below_bar(row: Row) -> Iterator[str]:
    """Yield each reason why a row does not reach the bar.

    Modules that both accept must be read alike, and those that an engine accepts must be accepted. The second rule
    excludes oxc-parser, which leaves early errors to others and accepts in modules what only scripts allow.
    """
    if not row.both_accept:
        yield f"{row.reference}, {row.input_set}: nothing was compared"
    only_they = () if row.reference == "oxc-parser" else row.only_they_accept
    for one in (*row.disagreements, *only_they):
        if known_reason(row, one.module) is None:
            yield f"{row.reference}, {row.input_set}: {one.module.name}: {one.what[:200]}"
