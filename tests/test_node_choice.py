"""`make test` runs each case under one Node, and the cases of a file cover all Nodes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node_choice import chosen

_NODES = ("node22", "node24", "node26")


def item(case: str, node: str, *, is_marked: bool = False, fixture: str = "any_node") -> pytest.Item:
    """Return the part of a test that the choice looks at."""
    made = SimpleNamespace(
        nodeid=f"tests/test_a.py::test_a[{case}]",
        callspec=SimpleNamespace(params={fixture: node, "other": case}),
        get_closest_marker=lambda name: name if is_marked else None,
    )
    return cast(pytest.Item, made)


@pytest.mark.parametrize("fixture", ["any_node", "typescript_node"])
def test_each_case_runs_under_one_node_and_all_nodes_have_cases(fixture: str) -> None:
    items = [item(f"{node}-case{number}", node, fixture=fixture) for number in range(60) for node in _NODES]
    kept, left = chosen(items)
    assert Counter(one.nodeid.rpartition("-")[2] for one in kept) == Counter(f"case{number}]" for number in range(60))
    nodes = Counter(cast(Any, one).callspec.params[fixture] for one in kept)
    assert len(nodes) == 3 and min(nodes.values()) > 10
    assert sorted(one.nodeid for one in kept + left) == sorted(one.nodeid for one in items)
    # The choice does not depend on the other cases.
    assert chosen(items[:30])[0] == [one for one in items[:30] if one in kept]


def test_marked_tests_and_pairs_that_a_test_chooses_are_kept() -> None:
    marked = [item(f"{node}-a", node, is_marked=True) for node in _NODES]
    pairs = [item(f"name/{node}", node) for node in _NODES]
    assert chosen(marked + pairs) == (marked + pairs, [])
    assert len(chosen([item(f"{node}-a", node) for node in _NODES])[0]) == 1
