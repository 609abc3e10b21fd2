"""The counts of a part of the campaign, and the table that shows them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Harm(Enum):
    """The events that must never happen; the values are the headings of the table."""

    WRONG_OUTPUT = "wrong outputs"
    CRASH = "crashes"
    HANG = "hangs"
    LOST_ENTRY = "lost live entries"
    UNCLEAN_VERIFY = "unclean verifies"
    LEAKED_FILE = "leaked files"
    LEAKED_PROCESS = "leaked processes"


_MOST_NOTES = 40


@dataclass
class Tally:
    """Counts of actions and harms; several threads may add to it."""

    part: str
    done: Counter[str] = field(default_factory=Counter)
    harms: Counter[Harm] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def did(self, what: str, times: int = 1) -> None:
        """Count an action."""
        with self._lock:
            self.done[what] += times

    def harm(self, harm: Harm, case: str, seen: str) -> None:
        """Count a harm; the first ones are printed with their cases."""
        with self._lock:
            self.harms[harm] += 1
            if len(self.notes) < _MOST_NOTES:
                self.notes.append(f"{self.part} {case}: {harm.value}: {seen.strip()[-1500:]}")

    def remark(self, text: str) -> None:
        """Add a fact that a reader of the table must know."""
        with self._lock:
            if text not in self.remarks:
                self.remarks.append(text)

    @property
    def is_clean(self) -> bool:
        """Return whether there was no harm and at least one action."""
        return not self.harms and bool(self.done)


def table(tallies: Sequence[Tally]) -> str:
    """Return the Markdown table of several parts."""
    headings = ["part", "done", *[harm.value for harm in Harm]]
    lines = [_row(headings), _row(["---"] * 2 + ["--:"] * len(Harm))]
    for one in tallies:
        done = ", ".join(f"{count:,} {what}" for what, count in sorted(one.done.items(), key=lambda item: -item[1]))
        lines.append(_row([one.part, done, *[str(one.harms[harm]) for harm in Harm]]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
