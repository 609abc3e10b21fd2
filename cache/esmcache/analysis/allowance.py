"""The time and memory that parsing a text may take; it must not know how a text is parsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from time import perf_counter, thread_time

# No text up to this size takes long. Larger texts may take time that grows with the square of their size, so parsing
# them stops after this much CPU time, which is twenty times what an ordinary text takes.
_ALWAYS_PARSED = 32 << 10
_SECONDS = 0.5
_SECONDS_PER_BYTE = 1.5e-6
_MOST_SECONDS = 4.0
# A tree takes 30 times the memory of its text, and five times that if it has many errors.
_MOST_BYTES = 400 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class TooCostlyError(Exception):
    """Parsing met a limit; the message names the limit."""


class Allowance:
    """The time and memory that all parses of one text may take together.

    `is_bounded` is False for a text that is always parsed. `limit_met` names the limit that was met, '' if none was.

    Args:
        size: The size of the text in bytes.
    """

    def __init__(self, size: int) -> None:
        # Reading the CPU time costs a system call. CPU time never exceeds wall-clock time, which is checked first.
        self.is_bounded = size > _ALWAYS_PARSED
        self.limit_met = ""
        self._seconds = min(_SECONDS + size * _SECONDS_PER_BYTE, _MOST_SECONDS)
        self._start = perf_counter()
        self._processor_start = thread_time() if self.is_bounded else 0.0
        self._memory_start = _resident_bytes() if self.is_bounded else 0

    def watch(self) -> Callable[[int, bool], bool]:
        """Return a function that the parser calls during one parse, and that returns whether the parse must stop."""
        calls = count()

        def is_over(offset: int, has_error: bool) -> bool:
            number = next(calls)
            if self.is_bounded and not number & 4095 and _resident_bytes() - self._memory_start > _MOST_BYTES:
                self.limit_met = f"more than {_MOST_BYTES >> 20} MB of memory"
                return True
            if number & 15 or perf_counter() - self._start < self._seconds:
                return False
            if thread_time() - self._processor_start > self._seconds:
                self.limit_met = f"more than {self._seconds:.1f} s"
                return True
            return False

        return is_over


def _resident_bytes() -> int:
    """Return the resident memory of this process in bytes, or 0 if the system does not report it."""
    try:
        descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, 100).split()[1]) * _PAGE_BYTES
    finally:
        os.close(descriptor)
