"""Tests of the plugin in real, headless Neovims. Each version runs each Lua file of this directory without an error."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from editors.conftest import Lab

HERE = Path(__file__).parent
_WATCHDOG_S = 180


@pytest.fixture(params=["nvim", "nvim-0.10", "nvim-0.7"])
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
    check(snippet("Neovim", "setup()"), HERE / "checks" / f"{name}.lua")


def test_enabled_as_any_server(check: Callable[[str, Path], None], snippet: Callable[[str, str], str]) -> None:
    enable = "if vim.lsp.enable then vim.lsp.enable('esmcache') else require('esmcache').setup() end"
    configuration = snippet("Neovim", "setup()").replace("require('esmcache').setup()", enable)
    check(configuration, HERE / "checks" / "attach.lua")


def test_without_server(check: Callable[[str, Path], None], snippet: Callable[[str, str], str]) -> None:
    elsewhere = "setup({ cmd = { 'esmcache-is-not-here', '--stdio' } })"
    check(snippet("Neovim", "setup()").replace("setup()", elsewhere), HERE / "without_server" / "absent.lua")
