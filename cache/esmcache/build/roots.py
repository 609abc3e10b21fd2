"""Finds the files with which a walk begins: what Node would load for entry points and single modules."""

from __future__ import annotations

from collections.abc import Sequence

from esmcache.build.graph import Problem
from esmcache.records import Resolution, ResolutionFailure
from esmcache.resolution import Resolver


def find_roots(
    resolver: Resolver, entries: Sequence[str], modules: Sequence[str], problems: list[Problem]
) -> list[tuple[Resolution, bool]]:
    """Return what Node would load for entry points and single modules.

    Args:
        resolver: The rules of a Node.
        entries: Paths of entry points.
        modules: Paths of single modules. Those that Node would not find are left out.
        problems: Gets a problem for each entry point that Node would not find.

    Returns:
        Pairs of a resolution and whether it is an entry point.
    """
    roots: list[tuple[Resolution, bool]] = []
    for path in entries:
        answer = resolver.resolve_entry(path)
        if isinstance(answer, ResolutionFailure):
            problems.append(Problem(path, answer.code, answer.message))
        else:
            roots.append((answer, True))
    for path in modules:
        answer = resolver.resolve_entry(path)
        if isinstance(answer, Resolution):
            roots.append((answer, False))
    return roots
