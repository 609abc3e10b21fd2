"""Which functions starts of programs called, by the source that holds them: what the compiler compiles ahead.

A start tells it of the sources that it loaded. Where a file is edited, what is known of its old text is carried over to
the new one, so that an edit neither loses the functions around it nor makes the next start tell them again.
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

# Where more was edited at once, what is not above or below it is not looked for.
_MOST_LINES_COMPARED = 500


class CalledFunctions:
    """What the index knows, and what one warm carries over; `rows` are to be put into the index."""

    def __init__(self, index: Index, directory: CacheDirectory) -> None:
        self._index = index
        self._directory = directory
        self._known: dict[bytes, CalledFunctionsRow] = {}
        self.rows: list[CalledFunctionsRow] = []

    def prefetch(self, hashes: Iterable[bytes]) -> None:
        """Read what the index knows of these sources."""
        for row in self._index.where(CalledFunctionsRow, "source_sha256", list(hashes)):
            self._known[row.source_sha256] = row

    def carry_over(self, edited: Mapping[bytes, tuple[bytes, bytes]]) -> None:
        """Know of new sources what is known of those that they replace.

        `edited` has, by the SHA-256 of what a file is now, the SHA-256 of what it was and its content now.
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
        """Return whether a start has told which functions of a source it called, if any."""
        return sha256 in self._known

    def offsets(self, sha256: bytes) -> tuple[int, ...]:
        """Return where the functions start that are to be compiled with a source, in UTF-16 code units."""
        row = self._known.get(sha256)
        return () if row is None else row.offsets

    def checksum(self, sha256: bytes) -> int:
        """Return a number that says which functions these are, 0 for none."""
        row = self._known.get(sha256)
        return 0 if row is None else row.checksum


def moved_offsets(offsets: Iterable[int], before: bytes, after: bytes) -> tuple[int, ...]:
    """Return where an edited text has what began at these offsets (UTF-16 code units) in lines that are still there."""
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
    """Return how many lines two texts begin with alike."""
    most = min(len(one), len(other))
    return next((i for i in range(most) if one[i] != other[i]), most)
