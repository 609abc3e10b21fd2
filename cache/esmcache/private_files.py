"""Makes directories and files that only the user can write, with explicit modes, whatever the umask is.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from esmcache.trust import find_untrusted, find_untrusted_parent


def make_trusted_directory(path: Path) -> str:
    """Make the directory at `path` if nothing is there; return why it cannot be trusted, or '' if it can."""
    # Nothing is made in a place that another user controls.
    untrusted = find_untrusted_parent(path)
    if untrusted is not None:
        return str(untrusted)
    try:
        make_directory(path)
    except FileExistsError:
        return f"{path} is not a directory"
    except OSError as error:
        return f"{path} cannot be made: {error.strerror}"
    untrusted = find_untrusted(path)
    return "" if untrusted is None else str(untrusted)


def make_directory(path: Path, mode: int = 0o700) -> None:
    """Make the directory at `path` with `mode` and each missing parent with mode 0700, whatever the umask is.

    An existing directory is left unchanged.

    Raises:
        FileExistsError: If there is something else than a directory at `path`.
        FileNotFoundError: If `path` is relative and the working directory no longer exists.
        OSError: If the directory or a parent cannot be made.
    """
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if path.is_dir():
            return
        if os.path.lexists(path):
            raise
        # Another process has just removed it.
        make_directory(path, mode)
        return
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_directory(path.parent)
        make_directory(path, mode)
        return
    # `mkdir` leaves out the bits of the umask.
    os.chmod(path, mode)


def write_whole(path: Path, *chunks: bytes, mode: int = 0o600) -> None:
    """Write `chunks` as the file `path` so that a reader sees all of it or none.

    Raises:
        OSError: If the file cannot be written; an existing file is then unchanged.
    """
    name = path.parent / f".tmp-{os.getpid()}-{os.urandom(8).hex()}"
    try:
        try:
            descriptor = make_file(name, mode)
        except FileNotFoundError:
            make_directory(path.parent)
            descriptor = make_file(name, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            # The error of a full disk names no file, and that of a failed rename names the temporary file.
            error.filename, error.filename2 = str(path), None
        raise


def make_file(path: Path, mode: int = 0o600) -> int:
    """Return a descriptor that writes into a new file with `mode`, whatever the umask is.

    Raises:
        FileExistsError: If a file or link is there: in a directory that others can write, it may be theirs.
        OSError: If the file cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    if mode != 0o600:
        os.fchmod(descriptor, mode)
    return descriptor
