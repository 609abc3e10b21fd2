"""Tests of the plugin in real, headless Neovims. Each version runs each Lua file of this directory without an error."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from editors.conftest import Lab

HERE = Path(__file__).parent
_WATCHDOG_S = 180


# Debian's Neovim, and the oldest supported one, of which only a wheel for this processor exists.
_VERSIONS = ["nvim", *(["nvim-0.11"] if platform.machine() == "x86_64" else [])]


@pytest.fixture(params=_VERSIONS)
def check(request: pytest.FixtureRequest, lab: Lab) -> Callable[[str, Path], None]:
    """Return a function that runs a Lua file in Neovim with the given init.lua; app.mjs is open."""

    def run(configuration: str, lua: Path) -> None:
        lab.configure(".config/nvim/init.lua", configuration)
        # Swap and shada files are off, so that tests do not share them.
        result = subprocess.run(
            [lab.editor(request.param), "--headless", "-n", "-i", "NONE", "-S", HERE / "run.lua", "app.mjs"],
            cwd=lab.workspace,
            env={**lab.environment, "CHECK": str(lua)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=_WATCHDOG_S,
            check=False,
        )
        assert result.returncode == 0, result.stdout

    return run


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "checks").glob("*.lua")))
def test_plugin(name: str, check: Callable[[str, Path], None], snippet: Callable[[str, str], str]) -> None:
    check(snippet("Neovim", "vim.lsp.enable"), HERE / "checks" / f"{name}.lua")


def test_without_server(check: Callable[[str, Path], None], snippet: Callable[[str, str], str]) -> None:
    elsewhere = "vim.lsp.config('esmcache', { cmd = { 'esmcache-is-not-here', '--stdio' } })\n"
    check(snippet("Neovim", "vim.lsp.enable") + elsewhere, HERE / "without_server" / "absent.lua")
