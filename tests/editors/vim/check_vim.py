"""Vim with ALE and the linter that docs/how-to/editors.md defines."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from editors.conftest import APPS, Lab


@pytest.mark.parametrize("name", APPS)
def test_diagnostic_comes_and_goes(name: str, lab: Lab, snippet: Callable[[str, str], str]) -> None:
    lab.write_app(name)
    ale = f"set nocompatible runtimepath+={lab.directory / 'vim-ale'}\nfiletype plugin on\n"
    # Only the snippet's linter is enabled, so that ALE runs no other tools of the machine.
    lab.configure(
        ".vimrc",
        ale
        + "let g:ale_linters_explicit = 1\n"
        + "let g:ale_linters = {'javascript': ['esmcache'], 'typescript': ['esmcache']}\n"
        + snippet("Vim", "ale#linter#Define"),
    )
    with lab.open([lab.editor("vim"), "-n", name, "+2"]) as vim:
        vim.wait_for("unresolved-import: ")
        vim.type('ccconst where = "here";')
        vim.wait_for(lambda screen: "INSERT" in screen and "here" in screen)
        vim.press("Escape")
        vim.wait_for(lambda screen: "INSERT" not in screen)
        vim.type(":write\r")
        # This is ALE's sign of an error.
        vim.wait_for(lambda screen: not re.search(r"^E ", screen, re.MULTILINE))
