"""Knows which functions of each source earlier runs called, so that the compiler can precompile them.

A run reports the functions of the sources that it loaded. After an edit, the functions in unchanged lines are carried
over to the new text. So an edit does not lose them, and the next run need not report them again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from esmcache.cache_directory import CacheDirectory
from esmcache.maintain.pack_rows import packed_source
from esmcache.serving.pack import read_source, served_text
from esmcache.store.index import Index
from esmcache.store.rows import CalledFunctionsRow, PackEntryRow

# If the edited part has more lines than this, no unchanged lines are looked for between its first and its last line.
_MOST_LINES_COMPARED = 500


class CalledFunctions:
    """The called functions that the index knows, and those that one warm carries over; `rows` must be stored."""

    def __init__(self, index: Index, directory: CacheDirectory) -> None:
        self._index = index
        self._directory = directory
        self._known: dict[bytes, CalledFunctionsRow] = {}
        self.rows: list[CalledFunctionsRow] = []

    def prefetch(self, hashes: Iterable[bytes]) -> None:
        """Read the called functions of these sources from the index."""
        for row in self._index.where(CalledFunctionsRow, "source_sha256", list(hashes)):
            self._known[row.source_sha256] = row

    def carry_over(self, edited: Mapping[bytes, tuple[bytes, bytes]]) -> None:
        """Carry the called functions of replaced sources over to the sources that replace them.

        Args:
            edited: The SHA-256 of the old source and the content of the new one, by the SHA-256 of the new one.
        """
        replaced = {before for before, _ in edited.values()}
        rows = {row.source_sha256: row for row in self._index.where(CalledFunctionsRow, "source_sha256", replaced)}
        for sha256, (before, content) in edited.items():
            row = rows.get(before)
            if row is None or self.is_known(sha256):
                continue
            text = self._packed(before) if row.starts else None
            offsets = () if text is None else moved_offsets(row.offsets, text, served_text(content))
            self._known[sha256] = CalledFunctionsRow.of(sha256, offsets)
            self.rows.append(self._known[sha256])

    def _packed(self, sha256: bytes) -> bytes | None:
        for row in self._index.where(PackEntryRow, "source_sha256", [sha256]):
            if (source := read_source(self._directory.packs_path, packed_source(row))) is not None:
                return source
        return None

    def is_known(self, sha256: bytes) -> bool:
        """Return whether a run has reported which functions of a source it called, even if it called none."""
        return sha256 in self._known

    def offsets(self, sha256: bytes) -> tuple[int, ...]:
        """Return the offsets, in UTF-16 code units, of the functions to precompile with a source."""
        row = self._known.get(sha256)
        return () if row is None else row.offsets

    def checksum(self, sha256: bytes) -> int:
        """Return a checksum of the functions to precompile with a source, 0 if there are none."""
        row = self._known.get(sha256)
        return 0 if row is None else row.checksum


def moved_offsets(offsets: Iterable[int], before: bytes, after: bytes) -> tuple[int, ...]:
    """Return the offsets, in the edited text, of what began at `offsets` in unchanged lines.

    Args:
        offsets: In UTF-16 code units, like the result.
        before: The text before the edit, in UTF-8.
        after: The edited text, in UTF-8.
    """
    old, new = _lines(before), _lines(after)
    first = _count_same(old, new)
    rest = min(len(old), len(new)) - first
    last = _count_same(old[len(old) - rest :][::-1], new[len(new) - rest :][::-1])
    middle = old[first : len(old) - last], new[first : len(new) - last]
    blocks = [(0, 0, first), (len(old) - last, len(new) - last, last)]
    if max(map(len, middle)) <= _MOST_LINES_COMPARED:
        matcher = SequenceMatcher(None, *middle, autojunk=False)
        blocks += [(first + at, first + to, size) for at, to, size in matcher.get_matching_blocks()]
    line_shift = {at + i: to - at for at, to, size in blocks for i in range(size)}
    starts, new_starts = _starts(old), _starts(new)
    moved = []
    for offset in offsets:
        line = bisect_right(starts, offset) - 1
        if line in line_shift:
            moved.append(new_starts[line + line_shift[line]] + offset - starts[line])
    return tuple(moved)


def _lines(text: bytes) -> list[str]:
    return text.decode(errors="replace").split("\n")


def _starts(lines: Iterable[str]) -> list[int]:
    return list(accumulate((len(line.encode("utf-16-le")) // 2 + 1 for line in lines), initial=0))


def _count_same(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of equal lines at the beginning of two texts."""
    most = min(len(one), len(other))
    return next((i for i in range(most) if one[i] != other[i]), most)
