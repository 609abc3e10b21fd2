"""The cache directory: where it is, whether it may be trusted, and how files in it are written.

Whoever can write here can run code in the user's programs, so a directory that is not the user's own, or that
others can write, is refused by every part. Knows nothing of what the files hold.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_temporary_numbers = itertools.count()
_AS_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Most file systems take no more bytes in one name.
_LONGEST_NAME = 255
_FILES = ("index.db", "index.db-wal", "index.db-shm", "nodes.json", ".collected")
# What is in files below directories, and how deep they lie.
_FILE_DEPTHS = {"manifests": 1, "packs": 1, "v8": 2, "blobs": 2, "events": 1, "starts": 1}


@dataclass(frozen=True, slots=True)
class CacheDirectoryRefused:
    """Why a cache directory cannot be used; `reason` is one line for a person."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """A cache directory that exists, is the user's own and is writable by nobody else."""

    path: Path

    @property
    def index_path(self) -> Path:
        """Return the path of the SQLite index."""
        return self.path / "index.db"

    @property
    def blobs_path(self) -> Path:
        """Return the directory of content-addressed BMES files."""
        return self.path / "blobs"

    @property
    def packs_path(self) -> Path:
        """Return the directory of source packs."""
        return self.path / "packs"

    @property
    def manifests_path(self) -> Path:
        """Return the directory of manifests, one file per entry point, Node build and conditions."""
        return self.path / "manifests"

    @property
    def v8_path(self) -> Path:
        """Return the compile-cache directory that Node is pointed at."""
        return self.path / "v8"

    @property
    def events_path(self) -> Path:
        """Return the directory where runners leave their reports."""
        return self.path / "events"

    @property
    def starts_path(self) -> Path:
        """Return the directory where runners note that a program is loading, and that it was loaded."""
        return self.path / "starts"

    @property
    def nodes_path(self) -> Path:
        """Return the file that remembers how each Node executable described itself."""
        return self.path / "nodes.json"

    @property
    def content_paths(self) -> list[Path]:
        """Return the directories of all that is cached; the index is beside them."""
        return [self.path / name for name in _FILE_DEPTHS]

    def remove(self, *names: str) -> bool:
        """Remove the file or directory that `names` lead to from here, and return whether the names were fit for that.

        Names may come from the index, a manifest, a pack or a report. Nothing is removed, and False returned, unless
        each is one plain component and each but the last is a real directory: nothing outside the cache is ever
        removed. Nothing at the place is fine, too. Raises OSError where something there cannot be removed.
        """
        if not names or any(plain_name(name) is None for name in names):
            return False
        try:
            directory = os.open(self.path, _AS_DIRECTORY)
        except FileNotFoundError:
            return True
        try:
            for name in names[:-1]:
                below = os.open(name, _AS_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                os.close(directory)
                directory = below
            _remove_at(directory, names[-1])
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            # Also what Linux says of a link that is not to be followed.
            return False
        finally:
            os.close(directory)
        return True

    def misplaced(self) -> Iterator[tuple[str, str]]:
        """Yield each place, below the directory, that holds no directory or no file of the user's own, and why."""
        for name in _FILES:
            path = self.path / name
            if os.path.lexists(path) and not path.is_file():
                yield name, "is no regular file"
        for name, depth in _FILE_DEPTHS.items():
            path = self.path / name
            if os.path.lexists(path) and not path.is_dir():
                yield name, "is no directory"
            else:
                yield from _misplaced_below(path, name, depth)


def _misplaced_below(path: Path, place: str, depth: int) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if depth == 1:
            if not entry.is_file(follow_symlinks=False):
                yield f"{place}/{entry.name}", "is no regular file"
            elif entry.name != ".lock" and (fault := _why_alien_entry(entry)):
                yield f"{place}/{entry.name}", fault
        elif entry.is_dir(follow_symlinks=False):
            yield from _misplaced_below(path / entry.name, f"{place}/{entry.name}", depth - 1)
        else:
            yield f"{place}/{entry.name}", "is no directory"


def _why_alien_entry(entry: os.DirEntry[str]) -> str:
    try:
        return why_alien(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        # Somebody else's temporary file.
        return ""


def default_cache_path(environment: Mapping[str, str]) -> Path:
    """Return ESMCACHE_DIR, else the platform's user cache directory."""
    named = environment.get("ESMCACHE_DIR")
    if not named:
        # Imported late: a start of `esmcache run` should not wait for it where it is not needed.
        import platformdirs

        return Path(platformdirs.user_cache_dir("esmcache"))
    return Path(named).absolute()


def open_cache_directory(path: Path) -> CacheDirectory | CacheDirectoryRefused:
    """Return the directory at `path`, made with mode 0700 if nothing is there, or why it is refused."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        return CacheDirectoryRefused(path, f"{path} is not a directory")
    except OSError as error:
        return CacheDirectoryRefused(path, f"{path} cannot be made: {error.strerror}")
    refused = check_ownership(path)
    if refused is not None:
        return refused
    if not os.access(path, os.W_OK | os.X_OK):
        return CacheDirectoryRefused(path, f"{path} cannot be written")
    other = _something_else(path)
    if other:
        return CacheDirectoryRefused(path, f"{path} is no cache: it holds {other}")
    return CacheDirectory(path)


def _something_else(path: Path) -> str:
    """Return a name that shows that the directory is no cache, '' where it is one or may become one."""
    if (path / "index.db").exists():
        return ""
    names = sorted(set(os.listdir(path)).difference(_FILES, _FILE_DEPTHS))
    # What is hidden may be a lock or another temporary file.
    return next((name for name in names if not name.startswith((".", "nodes.json"))), "")


def check_ownership(path: Path) -> CacheDirectoryRefused | None:
    """Return why the directory at `path` cannot be trusted, or None where it can."""
    try:
        status = os.lstat(path)
    except OSError as error:
        return CacheDirectoryRefused(path, f"{path} cannot be read: {error.strerror}")
    if stat.S_ISLNK(status.st_mode):
        return check_ownership(Path(os.path.realpath(path))) or _owned_link(path, status)
    if not stat.S_ISDIR(status.st_mode):
        return CacheDirectoryRefused(path, f"{path} is not a directory")
    if status.st_uid != os.getuid():
        return CacheDirectoryRefused(path, f"{path} belongs to another user (uid {status.st_uid})")
    if status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        return CacheDirectoryRefused(path, f"{path} can be written by others (mode {mode:04o})")
    return None


def _owned_link(path: Path, status: os.stat_result) -> CacheDirectoryRefused | None:
    if status.st_uid == os.getuid():
        return None
    return CacheDirectoryRefused(path, f"{path} is a link of another user (uid {status.st_uid})")


def write_whole(path: Path, *chunks: bytes) -> None:
    """Write `chunks` as the file `path` so that a reader sees all of it or none; raises OSError."""
    name = path.parent / f".tmp-{os.getpid()}-{next(_temporary_numbers)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        try:
            descriptor = os.open(name, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(name, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            # A full disk does not say which file it is about, and a failed rename names ours.
            error.filename, error.filename2 = str(path), None
        raise


def why_alien(status: os.stat_result) -> str:
    """Return why a file in a cache is not to be trusted, '' where it is: what others can write may hold anything."""
    if status.st_uid != os.getuid():
        return f"belongs to another user (uid {status.st_uid})"
    return "can be written by others" if status.st_mode & 0o022 else ""


def read_regular(path: Path) -> bytes | None:
    """Return the content of a regular file that nobody else can write, None for anything else.

    Reading a FIFO might never end.
    """
    try:
        # Opening one might not, either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            return file.readall() if stat.S_ISREG(status.st_mode) and not why_alien(status) else None
    except OSError:
        return None


def plain_name(text: object) -> str | None:
    """Return a name that was read from a file if it is one plain component of a path, else None.

    A name that passes can be joined to a directory, and the result lies in that directory.
    """
    if not isinstance(text, str) or text in ("", ".", "..") or "/" in text or "\0" in text:
        return None
    try:
        return text if len(os.fsencode(text)) <= _LONGEST_NAME else None
    except UnicodeEncodeError:
        return None


def remove_any(path: Path) -> None:
    """Remove whatever is at `path`, a directory with all that can be removed of it; raises OSError.

    For paths of our own making only. A path that has a name from the index or from any other file in it is for
    `CacheDirectory.remove`.
    """
    try:
        parent = os.open(path.parent, _AS_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        _remove_at(parent, path.name)
    finally:
        os.close(parent)


def _remove_at(parent: int, name: str) -> None:
    """Remove the entry `name` of an open directory, whatever it is; raises OSError for all but a directory."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError:
        status = os.lstat(name, dir_fd=parent)
        if stat.S_ISDIR(status.st_mode):
            _remove_directory(parent, name)
            return
        # What is in a directory of mode 0500 can be removed by its owner after all.
        mode = stat.S_IMODE(os.fstat(parent).st_mode)
        os.fchmod(parent, mode | stat.S_IRWXU)
        try:
            os.unlink(name, dir_fd=parent)
        finally:
            os.fchmod(parent, mode)


def _remove_directory(parent: int, name: str) -> None:
    """Remove a directory with all that can be removed of it; links in it are removed, never followed."""
    with contextlib.suppress(OSError):
        directory = os.open(name, _AS_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            with contextlib.suppress(OSError):
                os.fchmod(directory, stat.S_IRWXU)
            with os.scandir(directory) as entries:
                names = [entry.name for entry in entries]
            for one in names:
                with contextlib.suppress(OSError):
                    _remove_at(directory, one)
        finally:
            os.close(directory)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=parent)


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold an advisory lock on the file `path` (made if absent) against other processes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
