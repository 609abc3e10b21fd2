"""The comparison of verdicts: one row for each reference and set of modules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.inputs import InputSet, Module
from conformance.ours import OurReading, read_modules
from conformance.references import references
from conformance.verdicts import Verdict, differing_facets


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A module that two readers read differently: the differing aspects, or the reason of the one that rejects it."""

    module: Module
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, with the modules behind its numbers."""

    reference: str
    input_set: str
    files: int
    both_accept: int
    disagreements: tuple[Disagreement, ...]
    only_they_accept: tuple[Disagreement, ...]
    only_we_accept: tuple[Disagreement, ...]
    grammar_gaps: tuple[Disagreement, ...]
    both_reject: tuple[Disagreement, ...]

    @property
    def agree(self) -> int:
        """Return the number of modules that both accept and read alike."""
        return self.both_accept - len(self.disagreements)


def rows_of(inputs: InputSet, node: Path) -> list[Row]:
    """Return a row for each reference."""
    return compare_all(inputs, read_modules(inputs.modules, node), node)


def compare_all(inputs: InputSet, ours: Sequence[OurReading], node: Path) -> list[Row]:
    """Return a row for each reference, given our readings of the modules."""
    files = [module.file for module in inputs.modules]
    return [_compare(reference.name, inputs, ours, reference.verdicts(files)) for reference in references(node)]


def _compare(reference: str, inputs: InputSet, ours: Sequence[OurReading], verdicts: Sequence[Verdict]) -> Row:
    """Return the row of one reference and one set of modules."""
    both_accept = 0
    disagreements, only_they, only_we, gaps, both_reject = [], [], [], [], []
    for module, reading, theirs in zip(inputs.modules, ours, verdicts, strict=True):
        our = reading.verdict(theirs.facets, reference)
        if our.accepted and theirs.accepted:
            both_accept += 1
            different = differing_facets(theirs, our)
            if different:
                disagreements.append(Disagreement(module, _difference(theirs, our, different)))
        elif theirs.accepted:
            only_they.append(Disagreement(module, str(our.error)))
            if not reading.analysis.complete:
                gaps.append(only_they[-1])
        elif our.accepted:
            only_we.append(Disagreement(module, str(theirs.error)))
        else:
            both_reject.append(Disagreement(module, str(theirs.error)))
    return Row(
        reference,
        inputs.name,
        len(inputs.modules),
        both_accept,
        tuple(disagreements),
        tuple(only_they),
        tuple(only_we),
        tuple(gaps),
        tuple(both_reject),
    )


def _difference(theirs: Verdict, ours: Verdict, facets: Sequence[str]) -> str:
    said = []
    for facet in facets:
        one, other = theirs.facets[facet], ours.facets[facet]
        if isinstance(one, frozenset) and isinstance(other, frozenset):
            said.append(f"{facet}: they {sorted(map(str, one - other))}, we {sorted(map(str, other - one))}")
        else:
            said.append(f"{facet}: they {one}, we {other}")
    return "; ".join(said)
