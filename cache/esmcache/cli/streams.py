"""The standard streams: opened where they were closed, and written to at once, so that a failure is noticed in time.

Imported before every `esmcache run`, so it imports nothing that a start can do without.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from esmcache.wording import printable


def open_closed_streams() -> None:
    """Open those of stdin, stdout and stderr that were closed, onto nothing; a started program finds them closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free, so none of them is left to a file that is opened later.
            nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))


def say(text: str) -> None:
    """Print a line on stdout, what is in it of files made harmless for terminals; raises OSError."""
    say_as_is(printable(text))


def say_as_is(text: str) -> None:
    """Print lines that hold nothing of files, or whose control characters are escaped already; raises OSError."""
    write_out(_encoded(text) + b"\n")


def write_out(content: bytes) -> None:
    """Write bytes to stdout; raises OSError, which names it."""
    try:
        _write(sys.stdout, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def complain(text: str) -> None:
    """Print a line on stderr as `say` does; where it cannot be written, there is nobody to tell."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, _encoded(printable(text)) + b"\n")


def fail(message: str) -> int:
    """Print one line on stderr and return the exit code of failure."""
    complain(" ".join(f"esmcache: {message}".split("\n")))
    return 1


def drain_stdout() -> bool:
    """Return whether all that was printed could be written; what could not is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would complain once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _encoded(text: str) -> bytes:
    """Return the text such that paths keep their bytes, and whatever else is no UTF-8 is escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _write(stream: TextIO, content: bytes) -> None:
    """Write past the stream's buffer: what is in there when a write fails, Python tries once more at its end."""
    stream.flush()
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(stream.fileno(), rest) :]
