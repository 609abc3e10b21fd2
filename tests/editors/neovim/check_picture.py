"""The pictures of Neovim in the plugin's README, drawn from a real terminal."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from conftest import PROJECT
from editors.conftest import Lab
from editors.terminal import COLUMNS

PICTURES = PROJECT / ".cache" / "editors" / "pictures"

_ALWAYS_THERE = "vim.opt.laststatus = 2\nvim.opt.signcolumn = 'yes'\n"

_DARK = TerminalTheme(
    background=(20, 22, 27),
    foreground=(224, 226, 234),
    normal=[
        *((7, 8, 13), (255, 192, 185), (179, 246, 192), (252, 224, 148)),
        *((166, 219, 255), (255, 202, 255), (140, 248, 247), (238, 241, 248)),
    ],
)

# Rich's own format fetches a font.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font: {char_height}px/{line_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}
.{unique_id}-title {{ font: bold 18px sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


APP = """\
import { greet, shout } from "./greet.mjs";
import { argv } from "node:process";

const names = argv.slice(2);
for (const name of names) {
  console.log(name === name.toUpperCase() ? shout(name) : greet(name));
}
"""
TYPED_APP = """\
import { area, type Shape } from "./shapes.ts";

enum Unit { Metre = "m²" }

const door: Shape = { width: 1, height: 2 };
console.log(area(door), Unit.Metre);
"""
SHAPES = """\
export interface Shape {
  width: number;
  height: number;
}

export const area = ({ width, height }: Shape): number => width * height;
"""


def draw(screen: str) -> str:
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    console.print(Text.from_ansi(screen), end="")
    return console.export_svg(title="Neovim", theme=_DARK, code_format=_FORMAT, unique_id="neovim")


@pytest.mark.parametrize(
    ("picture", "files", "shown"),
    [
        ("neovim", {"app.mjs": APP}, ("esmcache: warm", "has no export named 'shout'", "✓ 2/2 warm")),
        (
            "neovim-typescript",
            {"app.ts": TYPED_APP, "shapes.ts": SHAPES, "app.mjs": "import './app.ts';\n"},
            ("esmcache: native", "TypeScript enum is not supported in strip-only mode", "✓ 3/3 warm"),
        ),
    ],
    ids=["JavaScript", "TypeScript"],
)
def test_picture(
    lab: Lab, snippet: Callable[[str, str], str], picture: str, files: dict[str, str], shown: tuple[str, ...]
) -> None:
    for name, text in files.items():
        (lab.workspace / name).write_text(text, encoding="utf-8")
    configuration = [snippet("Neovim", "vim.lsp.enable"), snippet("Neovim", "virtual_text"), _ALWAYS_THERE]
    lab.configure(".config/nvim/init.lua", "".join(configuration))
    with lab.open([lab.editor("nvim"), "-n", "-i", "NONE", next(iter(files))]) as neovim:
        for text in shown:
            neovim.wait_for(text)
        # A cold module has a hint beside the error, so only one mark is left when it is warm.
        neovim.wait_for(lambda screen: screen.count("■") == 1)
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{picture}.svg").write_text(draw(neovim.screen(styled=True)), encoding="utf-8")
