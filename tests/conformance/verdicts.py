"""What one voice says of one module, in a form that can be compared with another's."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

# What a voice says of one aspect ("requests", "exports", …): ordered as a tuple, unordered as a frozenset.
Facet = Hashable


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a module is accepted, why not, and what was read of it, by aspect."""

    error: str | None
    facets: Mapping[str, Facet] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Return whether the module is a valid one."""
        return self.error is None


def differing_facets(one: Verdict, other: Verdict) -> tuple[str, ...]:
    """Return the names of the aspects in which two accepting verdicts differ; both must have the same ones."""
    assert one.facets.keys() == other.facets.keys()
    return tuple(name for name, value in one.facets.items() if other.facets[name] != value)


def frozen_attributes(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return import attributes without their order."""
    return tuple(sorted(attributes.items()))
