"""The processes below another one, as Linux tells of them."""

from __future__ import annotations

import contextlib
from pathlib import Path


def descendants_of(pid: int) -> list[int]:
    """Return the running processes that `pid` has started, and those that they have, and so on.

    Python's own that looks after semaphores is left out.
    """
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program is in parentheses, and may hold anything.
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
    """Return the running processes whose command line has all of these, without what they forked to start others."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        if set(arguments) <= set(_command_line(int(path.name)).decode(errors="replace").split("\0")):
            with contextlib.suppress(OSError):
                found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    # What ended while others were looked at did not run at the same time.
    return [pid for pid, parent in found.items() if parent not in found and _command_line(pid)]
