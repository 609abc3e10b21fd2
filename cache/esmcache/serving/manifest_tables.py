"""The check that a manifest's numbers point only into its own tables, as `runtime/serving.cjs` and `hooks.cjs` do it.

A checksum shows that the bytes are unchanged, but not that esmcache wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

from esmcache.serving.layout import FACT_SIZE, NONE, ROWS, Header, Input, Module, Pack, Request, ServedKind

_WORD = 4


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
    for count_at, fields in ROWS.items():
        if header[count_at + 1] != end:
            return None
        end = _aligned(end + header[count_at] * fields * _WORD)
    facts, hashes, strings, size = header[Header.FACTS : Header.STRINGS_SIZE + 1]
    count = (hashes - facts) // FACT_SIZE
    if (
        facts != end
        or count < header[Header.MODULES]
        or (hashes, strings) != (end + count * FACT_SIZE, end + count * 2 * FACT_SIZE)
    ):
        return None
    if _aligned(strings + size) != len(data):
        return None
    try:
        return data[strings : strings + size].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _rows_are_inside(data: bytes, header: Sequence[int], units: int) -> bool:
    facts = (header[Header.HASHES] - header[Header.FACTS]) // FACT_SIZE
    modules = _columns(data, header, Header.MODULES)
    requests = _columns(data, header, Header.REQUESTS)
    sets = _columns(data, header, Header.SETS)
    (members,) = _columns(data, header, Header.MEMBERS)
    inputs = _columns(data, header, Header.INPUTS)
    packs = _columns(data, header, Header.PACKS)
    strings = [modules[0:2], modules[2:4], requests[0:2], inputs[1:3], inputs[3:5], packs[0:2]]
    return (
        header[Header.IDENTITY] + header[Header.IDENTITY + 1] <= units
        and all(_ends_inside(starts, lengths, units) for starts, lengths in strings)
        and max(modules[Module.KIND], default=0) <= max(ServedKind)
        and _is_inside(modules[Module.PACK], header[Header.PACKS], or_none=True)
        and _follow_one_another(modules[Module.FIRST_REQUEST], modules[Module.REQUESTS], header[Header.REQUESTS])
        and _is_inside(requests[Request.TARGET], header[Header.MODULES])
        and _is_inside(requests[Request.SET], header[Header.SETS])
        and _is_inside(requests[Request.DIRECTORY], facts, or_none=True)
        and _ends_inside(sets[0], sets[1], header[Header.MEMBERS])
        and _is_inside(members, header[Header.INPUTS])
        and _is_inside(inputs[Input.FACT], facts, or_none=True)
        and _is_inside(packs[Pack.FACT], facts, or_none=True)
    )


def _columns(data: bytes, header: Sequence[int], table: Header) -> list[Sequence[int]]:
    fields = ROWS[table]
    offset = header[table + 1]
    numbers = memoryview(data)[offset : offset + header[table] * fields * _WORD].cast("I")
    return [numbers[field::fields].tolist() for field in range(fields)]


def _is_inside(numbers: Sequence[int], count: int, *, or_none: bool = False) -> bool:
    return all(number < count or (or_none and number == NONE) for number in set(numbers))


def _ends_inside(starts: Sequence[int], lengths: Sequence[int], count: int) -> bool:
    return max(map(add, starts, lengths), default=0) <= count


def _follow_one_another(starts: Sequence[int], lengths: Sequence[int], count: int) -> bool:
    return list(starts) == list(accumulate(lengths, initial=0))[:-1] and sum(lengths) == count


def _aligned(offset: int) -> int:
    return offset + -offset % 8
