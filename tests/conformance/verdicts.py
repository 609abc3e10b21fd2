"""A reader's verdict on a module, in a form that can be compared with other readers' verdicts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

# One aspect of a reading ("requests", "exports", …); ordered aspects are tuples, unordered ones frozensets.
Facet = Hashable


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reason why a module is rejected (None if it is accepted), and the reading of each aspect."""

    error: str | None
    facets: Mapping[str, Facet] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Return whether the reader accepts the module."""
        return self.error is None


def differing_facets(one: Verdict, other: Verdict) -> tuple[str, ...]:
    """Return the names of the aspects in which two accepting verdicts differ; both must have the same ones."""
    assert one.facets.keys() == other.facets.keys()
    return tuple(name for name, value in one.facets.items() if other.facets[name] != value)


def frozen_attributes(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return import attributes without their order."""
    return tuple(sorted(attributes.items()))
