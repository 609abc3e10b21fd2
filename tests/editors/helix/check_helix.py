"""Helix with the configuration that docs/how-to/editors.md gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from editors.conftest import APPS, Lab


@pytest.mark.parametrize("name", APPS)
def test_diagnostic_comes_and_goes(name: str, lab: Lab, snippet: Callable[[str, str], str]) -> None:
    lab.write_app(name)
    lab.configure(".config/helix/languages.toml", snippet("Helix", "language-server"))
    with lab.open([lab.editor("hx"), f"{name}:2"]) as helix:
        helix.wait_for("●")
        helix.type(" d")
        # The picker of diagnostics lists their codes. A key right after Escape would count as a chord with Alt.
        helix.wait_for("unresolved-import")
        helix.press("Escape")
        helix.wait_for(lambda screen: "unresolved-import" not in screen)
        helix.type("xc")
        helix.wait_for("INS")
        # Helix reports fast typing in any order, since its notifications overtake each other.
        mended = 'const where = "here";'
        for column, character in enumerate(mended, start=2):
            helix.type(character)
            helix.wait_for(f" 2:{column}\n")
        helix.press("Enter")
        helix.wait_for(lambda screen: "INS" in screen and "here" in screen)
        helix.press("Escape")
        helix.wait_for("NOR")
        helix.type(":write")
        helix.press("Enter")
        helix.wait_for(lambda screen: "written" in screen and "●" not in screen)
