"""What the server is doing, and what keeps it from doing so, for clients that show a status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Activity:
    """What is going on, and why something is not as it should be ('' if all is well)."""

    saving: int = 0
    warming: bool = False
    trouble: str = ""
    is_error: bool = False

    @property
    def quiescent(self) -> bool:
        """Return whether nothing is being done."""
        return not self.saving and not self.warming
