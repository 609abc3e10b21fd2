"""Counts and sizes as people read them."""

from __future__ import annotations


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
    """Return a count with its thousands apart."""
    return f"{count:,}"


def plural(count: int, noun: str, several: str = "") -> str:
    """Return `1 module`, `2 modules`."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
