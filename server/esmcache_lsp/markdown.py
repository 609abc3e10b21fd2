"""Text that comes from files, as Markdown that shows it and does nothing else."""

from __future__ import annotations

import re

from esmcache.wording import printable

# Marks of emphasis, code, links, images, HTML, entities, tables, mentions and addresses. Others mean something at the
# beginning of a line only, where such text never stands.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~&!$@:]|(?<=\bwww)\.", re.IGNORECASE)


def code_span(text: str) -> str:
    """Return `text`, all of its lines on one, as code within a line."""
    text = one_line(text)
    # A text with backticks stands between more of them.
    fence = "`"
    while fence in text:
        fence += "`"
    padding = " " if len(fence) > 1 else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def message(text: str) -> str:
    """Return `text` for a message to a person, in which some editors make a link of [words](command:…)."""
    return one_line(text).replace("](", "] (")


def one_line(text: str) -> str:
    """Return all lines of `text` on one."""
    return printable(text.replace("\n", " "))


def escaped(text: str) -> str:
    """Return `text` as words within a line, with no link, markup or picture made of it."""
    return _MARKS.sub(r"\\\g<0>", one_line(text))
