"""The places of a text that could not be parsed, and the spans around them in which the cause is searched for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from esmcache.spans import Span


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place that could not be parsed, the type of the node around it, and the start of its statement."""

    span: Span
    parent: str
    statement: int


def windows(
    doubts: Iterable[Doubt], margin: int, parents: Set[str] = frozenset(), *, at_statement: bool = False
) -> Iterator[Span]:
    """Yield the spans within `margin` bytes of the doubts, joined where they overlap; the doubts must be ascending.

    With `parents`, only doubts in nodes of these types count. With `at_statement`, the spans are at the starts of the
    statements, which may be far from the places that could not be parsed.
    """
    start = end = -1
    for doubt in doubts:
        if parents and doubt.parent not in parents:
            continue
        if at_statement:
            first, last = doubt.statement, doubt.statement + margin
        else:
            first, last = max(0, doubt.span.start - margin), doubt.span.end + margin
        if first <= end:
            end = max(end, last)
            continue
        if end >= 0:
            yield Span(start, end)
        start, end = first, last
    if end >= 0:
        yield Span(start, end)
