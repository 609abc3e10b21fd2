"""How much of the campaign is to be done, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class Settings:
    """The seed and the numbers of a part; `count` cases from number `first` on."""

    root: Path
    seed: int
    count: int
    minutes: float
    jobs: int
    first: int = 0
    # Each world is made once for so many damages.
    batch: int = 200

    def random(self, number: int) -> Random:
        """Return the random numbers of a case."""
        return Random(f"{self.seed}/{number}")

    def numbers(self) -> range:
        """Return the numbers of the cases."""
        return range(self.first, self.first + self.count)
