"""Tables for people: drawn by rich on a terminal; plain and never cut off elsewhere."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from esmcache.cli.streams import say_as_is
from esmcache.wording import printable

_PLAIN_WIDTH = 100_000


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> None:
    """Print a table; the last `numbers` columns are right-aligned."""
    is_terminal = sys.stdout.isatty()
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, show_header=any(headings))
    for position, heading in enumerate(headings):
        is_number = position >= len(headings) - numbers
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell).encode("utf-8", "backslashreplace").decode() for cell in row))
    text = io.StringIO()
    console = Console(
        file=text,
        width=None if is_terminal else _PLAIN_WIDTH,
        force_terminal=is_terminal,
        markup=False,
        highlight=False,
        emoji=False,
    )
    console.print(table)
    for line in text.getvalue().rstrip("\n").split("\n"):
        # The lines contain escape sequences for the terminal's colours and styles, which must stay.
        say_as_is(line.rstrip())
