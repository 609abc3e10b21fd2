"""A text that is respelled for the grammar, and the syntax that it no longer shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from esmcache.spans import Span

_NO_LINE_END = re.compile(rb"[^\n]")


@dataclass(slots=True)
class RespelledText:
    """A text as long as the source, the spans changed last, and the syntax that the text no longer shows.

    The keys of `attribute_clauses` are the offsets where their specifiers end; `awaits` are offsets. `defaults` has
    the spans of `default`; their keys are the offsets of the names that replace it.
    """

    text: bytearray
    changed: list[Span] = field(default_factory=list)
    attribute_clauses: dict[int, bytes] = field(default_factory=dict)
    awaits: set[int] = field(default_factory=set)
    defaults: dict[int, Span] = field(default_factory=dict)

    def replace(self, start: int, end: int, new: bytes) -> None:
        """Replace a part of the text with `new`, which must be as long."""
        if self.text[start:end] != new:
            self.text[start:end] = new
            self.changed.append(Span(start, end))

    def blank(self, start: int, end: int) -> None:
        """Replace a part of the text with white space; its line ends still end a comment, but no statement."""
        self.replace(start, end, _NO_LINE_END.sub(b" ", self.text[start:end]).replace(b"\n", b"\r"))

    def end_statement(self, start: int, end: int) -> None:
        """Replace a part of the text with a semicolon and white space."""
        self.replace(start, end, b";" + b" " * (end - start - 1))
