"""Text from files, escaped so that Markdown shows it and does not interpret it."""

from __future__ import annotations

import re

from esmcache.wording import printable

# The characters of emphasis, code, links, images, HTML, entities, tables, mentions and addresses. Other characters have
# a meaning only at the beginning of a line, and this text never stands there.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~&!$@:]|(?<=\bwww)\.", re.IGNORECASE)


def code_span(text: str) -> str:
    """Return `text`, joined to one line, as inline code."""
    text = one_line(text)
    # Markdown ends inline code at a run of backticks as long as the fence, so no run inside may be that long.
    fence = "`"
    while fence in text:
        fence += "`"
    padding = " " if len(fence) > 1 else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def message(text: str) -> str:
    """Return `text` for a message to the user; some editors turn [words](command:…) in messages into links."""
    return one_line(text).replace("](", "] (")


def one_line(text: str) -> str:
    """Return `text` with all its lines joined to one."""
    return printable(text.replace("\n", " "))


def escaped(text: str) -> str:
    """Return `text` escaped as inline words, without links, markup or images."""
    return _MARKS.sub(r"\\\g<0>", one_line(text))
