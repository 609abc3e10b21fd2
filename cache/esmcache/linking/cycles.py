"""Import cycles: modules that import one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from esmcache.linking.graph import LinkingGraph
from esmcache.records import Phase


def import_cycles(graph: LinkingGraph, roots: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of modules that statically import one another, or themselves, and that the roots reach.

    These are strongly connected components. A group precedes the groups that import it; its modules are in the order
    in which they were found.
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_modules: dict[str, None] = {}
    cycles: list[tuple[str, ...]] = []
    for root in roots:
        if root in order:
            continue
        order[root] = lowest[root] = len(order)
        open_modules[root] = None
        path = [(root, _static_targets(graph, root))]
        while path:
            module, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                if path:
                    importer = path[-1][0]
                    lowest[importer] = min(lowest[importer], lowest[module])
                if lowest[module] == order[module]:
                    group = _closed_from(open_modules, module)
                    if len(group) > 1 or module in _static_targets(graph, module):
                        cycles.append(group)
            elif target not in order:
                order[target] = lowest[target] = len(order)
                open_modules[target] = None
                path.append((target, _static_targets(graph, target)))
            elif target in open_modules:
                lowest[module] = min(lowest[module], order[target])
    return cycles


def _static_targets(graph: LinkingGraph, url: str) -> Iterator[str]:
    record = graph.record(url)
    for request in () if record is None else record.requested_modules:
        # An import in the source phase neither links nor runs the module.
        if request.phase is not Phase.SOURCE and (target := graph.resolved_url(url, request)) is not None:
            yield target


def _closed_from(open_modules: dict[str, None], first: str) -> tuple[str, ...]:
    """Remove `first` and all modules found after it from the open modules, and return them."""
    group: list[str] = []
    while not group or group[-1] != first:
        group.append(open_modules.popitem()[0])
    return tuple(reversed(group))
