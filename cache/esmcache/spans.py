"""Byte spans in a source text, and the line index that turns offsets into lines and columns.

Knows nothing of modules or of LSP; every offset elsewhere in esmcache is a byte offset into UTF-8.
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
    """The unit of a column: bytes, UTF-16 code units (JavaScript, most editors) or code points."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True)
class Position:
    """Zero-based line and column; the caller chooses the column's unit."""

    line: int
    column: int


class LineIndex:
    """Maps byte offsets of one source text to positions and back.

    Lines end at LF, CR or CRLF, as editors count them; LS and PS do not end one.
    """

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0, *_starts_within(source, 0, len(source))]

    def edited(self, start: int, old_end: int, source: bytes) -> LineIndex:
        """Return the index of `source`, which differs from this text only between `start` and `old_end`."""
        old = self._starts
        # A CR before the edit may now be half of a CRLF, or no longer be half of one.
        first = max(0, bisect_right(old, start) - 2)
        last = bisect_right(old, old_end)
        moved = len(source) - len(self._source)
        end = old[last] + moved if last < len(old) else len(source)
        edited = LineIndex(b"")
        edited._source = source
        edited._starts = old[: first + 1]
        edited._starts += _starts_within(source, old[first], end)
        edited._starts += old[last + 1 :] if moved == 0 else [offset + moved for offset in old[last + 1 :]]
        return edited

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
        if unit is ColumnUnit.UTF8 or content[: position.column].isascii():
            return start + min(position.column, len(content))
        # A character takes four bytes at most.
        text = content[: 4 * position.column + 4].decode("utf-8", "replace")
        if unit is ColumnUnit.UTF32:
            return start + len(text[: position.column].encode())
        units = 0
        for index, character in enumerate(text):
            if units >= position.column:
                return start + len(text[:index].encode())
            units += 2 if ord(character) > 0xFFFF else 1
        return start + min(len(text.encode()), len(content))


def _starts_within(source: bytes, start: int, end: int) -> list[int]:
    """Return the offsets after `start` and up to `end` at which lines begin."""
    starts = []
    at = start
    while (newline := source.find(b"\n", at, end)) >= 0:
        at = newline + 1
        starts.append(at)
    at = start
    found = len(starts)
    while (lone := source.find(b"\r", at, end)) >= 0:
        at = lone + 1
        if source[at : at + 1] != b"\n":
            starts.append(at)
    if len(starts) > found:
        starts.sort()
    return starts


def _width(prefix: bytes, unit: ColumnUnit) -> int:
    if unit is ColumnUnit.UTF8:
        return len(prefix)
    text = prefix.decode("utf-8", "replace")
    if unit is ColumnUnit.UTF32:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
