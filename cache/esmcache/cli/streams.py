"""The standard streams: opened if they were closed, and written without a buffer, so that a failure is noticed in time.

Every `esmcache run` imports this module, so it must import nothing that a start does not need.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from esmcache.wording import printable


def open_closed_streams() -> None:
    """Open stdin, stdout and stderr on the null device if they were closed; a started program finds them closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # os.open returns the lowest free number, so no file that is opened later gets the number of a stream.
            nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))


def say(text: str) -> None:
    """Print a line on stdout, with control characters escaped to protect terminals; raises OSError."""
    say_as_is(printable(text))


def say_as_is(text: str) -> None:
    """Print lines that hold no text from files, or whose control characters are escaped already; raises OSError."""
    write_out(_encoded(text) + b"\n")


def write_out(content: bytes) -> None:
    """Write bytes to stdout; raises OSError that names standard output."""
    try:
        _write(sys.stdout, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def complain(text: str) -> None:
    """Print a line on stderr as `say` does; a failure is ignored, since it cannot be reported anywhere."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, _encoded(printable(text)) + b"\n")


def fail(message: str) -> int:
    """Print one line on stderr and return the exit code of failure."""
    complain(f"esmcache: {message}")
    return 1


def drain_stdout() -> bool:
    """Return whether all output could be written; the rest is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        # Otherwise Python would report the error again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _encoded(text: str) -> bytes:
    """Return the text as UTF-8; paths keep their bytes, and other text that is not valid UTF-8 is escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _write(stream: TextIO, content: bytes) -> None:
    """Write without the stream's buffer: after a failed write, Python would write the buffer again at exit."""
    stream.flush()
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(stream.fileno(), rest) :]
