"""The server's current work and current trouble, for clients that show a status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Activity:
    """The work in progress, and the reason why the cache cannot be used ('' if it can)."""

    saving: int = 0
    warming: bool = False
    trouble: str = ""
    is_error: bool = False

    @property
    def quiescent(self) -> bool:
        """Return whether no save and no warm is in progress."""
        return not self.saving and not self.warming
