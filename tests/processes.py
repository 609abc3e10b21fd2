"""The processes below another one, as Linux tells of them."""

from __future__ import annotations

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
