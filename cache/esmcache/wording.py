"""Formats counts, sizes and texts of files for people."""

from __future__ import annotations

import re

# Control characters, line separators, and characters that turn the direction of writing: all can disguise a text.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return `text` on one line, with each control and bidirectional character as `\uXXXX`.

    Names, specifiers and messages that come from files go through it before they are shown anywhere.
    """
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def printable_lines(text: str) -> str:
    """Return `text` as `printable` does, but keep its lines."""
    return "\n".join(map(printable, text.split("\n")))


def size(count: int) -> str:
    """Return a number of bytes as people read it: 999 B, 1.2 kB, 34 MB."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    units = ["GB", "MB", "kB"]
    value /= 1000
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop()
    unit = units[-1]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def number(count: int) -> str:
    """Return a count with separators between thousands."""
    return f"{count:,}"


def plural(count: int, noun: str, several: str = "") -> str:
    """Return `1 module`, `2 modules`."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
