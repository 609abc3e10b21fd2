"""The check that a manifest's numbers point only into its own tables, as `runtime/manifest.cjs` and `hooks.cjs` do it.

A checksum shows that the bytes are unchanged, but not that esmcache wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

_NONE = 0xFFFFFFFF
_WORD = 4
_LAST_MODULE_KIND = 3
# For each table, the index of its count in the header (its offset follows), and the count of numbers in a row.
_MODULES, _REQUESTS, _SETS, _MEMBERS, _INPUTS, _PACKS = (4, 12), (6, 6), (8, 2), (10, 1), (12, 6), (14, 3)
_FACT_SIZE = 32


def text_of_whole_manifest(data: bytes, header: Sequence[int]) -> str | None:
    """Return the decoded string section, or None if a number points outside of its table."""
    text = _text(data, header)
    if text is None:
        return None
    length = len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
    return text if _rows_are_inside(data, header, length) else None


def _text(data: bytes, header: Sequence[int]) -> str | None:
    """Return the string section, or None unless each table begins at the end of the one before."""
    end = len(header) * _WORD
    for count_at, fields in (_MODULES, _REQUESTS, _SETS, _MEMBERS, _INPUTS, _PACKS):
        if header[count_at + 1] != end:
            return None
        end = _aligned(end + header[count_at] * fields * _WORD)
    facts, hashes, strings, size = header[16:20]
    count = (hashes - facts) // _FACT_SIZE
    if facts != end or count < header[4] or (hashes, strings) != (end + count * 32, end + count * 64):
        return None
    if _aligned(strings + size) != len(data):
        return None
    try:
        return data[strings : strings + size].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _rows_are_inside(data: bytes, header: Sequence[int], units: int) -> bool:
    facts = (header[17] - header[16]) // _FACT_SIZE
    modules = _columns(data, header, _MODULES)
    requests = _columns(data, header, _REQUESTS)
    sets = _columns(data, header, _SETS)
    (members,) = _columns(data, header, _MEMBERS)
    inputs = _columns(data, header, _INPUTS)
    packs = _columns(data, header, _PACKS)
    strings = [modules[0:2], modules[2:4], requests[0:2], inputs[1:3], inputs[3:5], packs[0:2]]
    return (
        header[21] + header[22] <= units
        and all(_ends_inside(starts, lengths, units) for starts, lengths in strings)
        and max(modules[4], default=0) <= _LAST_MODULE_KIND
        and _is_inside(modules[6], header[14], or_none=True)
        and _follow_one_another(modules[10], modules[11], header[6])
        and _is_inside(requests[3], header[4])
        and _is_inside(requests[4], header[8])
        and _is_inside(requests[5], facts, or_none=True)
        and _ends_inside(sets[0], sets[1], header[10])
        and _is_inside(members, header[12])
        and _is_inside(inputs[5], facts, or_none=True)
        and _is_inside(packs[2], facts, or_none=True)
    )


def _columns(data: bytes, header: Sequence[int], table: tuple[int, int]) -> list[Sequence[int]]:
    count_at, fields = table
    offset = header[count_at + 1]
    numbers = memoryview(data)[offset : offset + header[count_at] * fields * _WORD].cast("I")
    return [numbers[field::fields].tolist() for field in range(fields)]


def _is_inside(numbers: Sequence[int], count: int, *, or_none: bool = False) -> bool:
    return all(number < count or (or_none and number == _NONE) for number in set(numbers))


def _ends_inside(starts: Sequence[int], lengths: Sequence[int], count: int) -> bool:
    return max(map(add, starts, lengths), default=0) <= count


def _follow_one_another(starts: Sequence[int], lengths: Sequence[int], count: int) -> bool:
    return list(starts) == list(accumulate(lengths, initial=0))[:-1] and sum(lengths) == count


def _aligned(offset: int) -> int:
    return offset + -offset % 8
