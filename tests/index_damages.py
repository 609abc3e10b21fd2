"""Damage to an index's files, chosen by a number; the same number causes the same damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

_PAGE = 4096
# The begin and end of header fields (https://www.sqlite.org/fileformat2.html#the_database_header).
_HEADER = {
    "magic": (0, 16),
    "page size": (16, 18),
    "format versions": (18, 20),
    "reserved": (20, 24),
    "change counter": (24, 28),
    "size in pages": (28, 32),
    "free list": (32, 40),
    "schema cookie": (40, 44),
    "schema format": (44, 48),
    "text encoding": (56, 60),
    "user version": (60, 64),
    "application id": (68, 72),
}


def _flip_a_bit(content: bytearray, choose: random.Random) -> None:
    content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)


def _flip_bits(content: bytearray, choose: random.Random) -> None:
    for _ in range(200):
        _flip_a_bit(content, choose)


def _zero_a_page(content: bytearray, choose: random.Random) -> None:
    at = choose.randrange(len(content) // _PAGE) * _PAGE
    content[at : at + _PAGE] = bytes(_PAGE)


def _zero_the_end(content: bytearray, choose: random.Random) -> None:
    at = choose.randrange(len(content))
    content[at:] = bytes(len(content) - at)


def _truncate(content: bytearray, choose: random.Random) -> None:
    del content[choose.randrange(len(content)) :]


def _grow(content: bytearray, choose: random.Random) -> None:
    content += choose.randbytes(choose.randrange(1, 3 * _PAGE))


def _swap_pages(content: bytearray, choose: random.Random) -> None:
    one, other = (at * _PAGE for at in choose.sample(range(len(content) // _PAGE), 2))
    first, second = content[one : one + _PAGE], content[other : other + _PAGE]
    content[one : one + _PAGE], content[other : other + _PAGE] = second, first


def _noise(content: bytearray, choose: random.Random) -> None:
    at = choose.randrange(len(content))
    some = choose.randbytes(min(len(content) - at, choose.randrange(1, 2000)))
    content[at : at + len(some)] = some


def _header(content: bytearray, choose: random.Random) -> None:
    start, end = choose.choice(list(_HEADER.values()))
    content[start:end] = choose.choice([bytes(end - start), b"\xff" * (end - start), choose.randbytes(end - start)])


_KINDS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip_a_bit,
    _flip_bits,
    _zero_a_page,
    _zero_the_end,
    _truncate,
    _grow,
    _swap_pages,
    _noise,
    _header,
)


def damage(path: Path, number: int) -> None:
    """Damage one of the index's files in place."""
    choose = random.Random(number)
    content = bytearray(path.read_bytes())
    _KINDS[number % len(_KINDS)](content, choose)
    path.write_bytes(content)
