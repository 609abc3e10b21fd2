"""Chooses the Node for each case of `make test`: a case that names no Node runs under one of its Nodes, not under all.

A hash of the case's name chooses, so that the choice changes neither with other cases nor from run to run, and the
cases of a file cover all Nodes. The mark `every_node` keeps all Nodes, for tests of what differs between them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import pytest

# The fixtures whose parameters are Nodes.
NODE_FIXTURES = frozenset(("any_node", "typescript_node"))
MARK = "every_node"


def chosen(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests to run, in their order, and those that are left to `make test-all`."""
    listed = list(items)
    cases: dict[str, list[str]] = {}
    for item in listed:
        cases.setdefault(_case(item), []).append(item.nodeid)
    kept = {tests[zlib.crc32(name.encode()) % len(tests)] for name, tests in cases.items()}
    return [item for item in listed if item.nodeid in kept], [item for item in listed if item.nodeid not in kept]


def _case(item: pytest.Item) -> str:
    """Return the name of a test without that of its Node."""
    given = getattr(item, "callspec", None)
    nodes = [str(given.params[name]) for name in NODE_FIXTURES & given.params.keys()] if given else []
    test, _, parameters = item.nodeid.partition("[")
    names = parameters.removesuffix("]").split("-")
    # If a test chooses pairs of a case and a Node by itself, the name of the Node is a part of another name.
    if len(nodes) != 1 or nodes[0] not in names or item.get_closest_marker(MARK):
        return item.nodeid
    names.remove(nodes[0])
    return f"{test}[{'-'.join(names)}]"
