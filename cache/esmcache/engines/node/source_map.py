"""Finds places of an original text by a source map, the JSON that says where each piece of a generated text is from."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator

from esmcache.spans import Position

_DIGITS = {
    letter: value for value, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_CONTINUES = 32


class SourceMap:
    """A source map of one source; columns count UTF-16 code units.

    Spec: ECMA-426, `mappings`.
    """

    def __init__(self, text: bytes) -> None:
        """Read a source map.

        Raises:
            ValueError: If the text is no source map.
        """
        content = json.loads(text)
        mappings = content.get("mappings") if isinstance(content, dict) else None
        if not isinstance(mappings, str):
            raise ValueError("no mappings")
        # For each generated line: the columns where segments begin, and the original place of each.
        self._lines: list[tuple[list[int], list[Position]]] = []
        line = column = 0
        for group in mappings.split(";"):
            columns: list[int] = []
            places: list[Position] = []
            generated = 0
            for segment in filter(None, group.split(",")):
                fields = list(_numbers(segment))
                generated += fields[0]
                if len(fields) >= 4:
                    line, column = line + fields[2], column + fields[3]
                    columns.append(generated)
                    places.append(Position(line, column))
            self._lines.append((columns, places))

    def original(self, place: Position) -> Position | None:
        """Return the original place of a place in the generated text, or None if the map does not say it."""
        if place.line >= len(self._lines):
            return None
        columns, places = self._lines[place.line]
        at = bisect_right(columns, place.column) - 1
        if at < 0:
            return None
        found = places[at]
        return Position(found.line, found.column + place.column - columns[at])


def _numbers(segment: str) -> Iterator[int]:
    """Yield the numbers of a segment, in base 64 with the least significant digit first (VLQ).

    Raises:
        ValueError: If the segment has other characters.
    """
    value = shift = 0
    for letter in segment:
        if letter not in _DIGITS:
            raise ValueError(f"{letter!r} is no digit of a source map")
        digit = _DIGITS[letter]
        value |= (digit & (_CONTINUES - 1)) << shift
        shift += 5
        if not digit & _CONTINUES:
            yield -(value >> 1) if value & 1 else value >> 1
            value = shift = 0
