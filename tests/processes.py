"""Running processes, found in Linux's /proc by their ancestor or by their arguments."""

from __future__ import annotations

import contextlib
from pathlib import Path


def descendants_of(pid: int) -> list[int]:
    """Return the running processes that `pid` has started, directly or indirectly.

    Python's resource tracker, which cleans up semaphores, is left out.
    """
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The program's name is in parentheses and may contain any character.
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [one for one in found[1:] if b"resource_tracker" not in _command_line(one)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def processes_with(*arguments: str) -> list[int]:
    """Return the running processes with all of these arguments, without their forks that are about to start others."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        if set(arguments) <= set(_command_line(int(path.name)).decode(errors="replace").split("\0")):
            with contextlib.suppress(OSError):
                found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    # A process that ended during the search is left out.
    return [pid for pid, parent in found.items() if parent not in found and _command_line(pid)]
