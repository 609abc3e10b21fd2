"""The size and place of a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class Settings:
    """The seed and the case numbers of a part: `count` cases from number `first` on."""

    root: Path
    seed: int
    count: int
    minutes: float
    jobs: int
    first: int = 0
    # The number of damages for which one world is made.
    batch: int = 200

    def random(self, number: int) -> Random:
        """Return the random number generator of a case."""
        return Random(f"{self.seed}/{number}")

    def numbers(self) -> range:
        """Return the numbers of the cases."""
        return range(self.first, self.first + self.count)
