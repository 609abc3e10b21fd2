"""Byte spans in a source text, and the line index that turns offsets into lines and columns.

Knows nothing of modules or of LSP; every offset elsewhere in the engine is a byte offset into UTF-8.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of bytes `[start, end)` in a source text."""

    start: int
    end: int


class ColumnUnit(Enum):
    """What a column counts: bytes, UTF-16 code units (JavaScript, most editors) or code points."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True)
class Position:
    """Zero-based line and column; the column's unit is whatever was asked for."""

    line: int
    column: int


class LineIndex:
    """Maps byte offsets of one source text to positions and back.

    Lines end at LF, CR or CRLF, as editors count them; LS and PS do not end one.
    """

    def __init__(self, source: bytes) -> None:
        self._source = source
        starts = [0]
        find_cr = b"\r" in source
        at = 0
        while (newline := source.find(b"\n", at)) >= 0:
            starts.append(newline + 1)
            at = newline + 1
        if find_cr:
            at = 0
            while (lone := source.find(b"\r", at)) >= 0:
                if source[lone + 1 : lone + 2] != b"\n":
                    starts.append(lone + 1)
                at = lone + 1
            starts.sort()
        self._starts = starts

    def position(self, byte_offset: int, unit: ColumnUnit = ColumnUnit.UTF16) -> Position:
        """Return the position of `byte_offset`; offsets beyond the text count as its end."""
        byte_offset = max(0, min(byte_offset, len(self._source)))
        line = bisect_right(self._starts, byte_offset) - 1
        prefix = self._source[self._starts[line] : byte_offset]
        return Position(line, _width(prefix, unit))

    def byte_offset(self, position: Position, unit: ColumnUnit = ColumnUnit.UTF16) -> int:
        """Return the byte offset of `position`; a column past the line's end counts as its end."""
        if position.line >= len(self._starts):
            return len(self._source)
        start = self._starts[position.line]
        last = position.line + 1 == len(self._starts)
        end = len(self._source) if last else self._starts[position.line + 1]
        content = self._source[start:end].rstrip(b"\r\n") if not last else self._source[start:end]
        if unit is ColumnUnit.UTF8:
            return start + min(position.column, len(content))
        text = content.decode("utf-8", "replace")
        if unit is ColumnUnit.UTF32:
            return start + len(text[: position.column].encode())
        units = 0
        for index, character in enumerate(text):
            if units >= position.column:
                return start + len(text[:index].encode())
            units += 2 if ord(character) > 0xFFFF else 1
        return start + len(content)


def _width(prefix: bytes, unit: ColumnUnit) -> int:
    if unit is ColumnUnit.UTF8:
        return len(prefix)
    text = prefix.decode("utf-8", "replace")
    if unit is ColumnUnit.UTF32:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
