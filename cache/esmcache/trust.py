"""Decides whether anybody but the user can change what lies at a path: the specification, and its Python half.

The cache and the preload hold code that every `node` of a user runs. So a path is used only if nobody but the user and
root can change what is found there, as sshd demands of ~/.ssh (StrictModes). The other half is `findUntrusted` in
serving/runtime/register.cjs, which runs at every start; tests/unit/test_trust_rules.py compares the two.

A path is walked from `/`: each part is looked at with lstat, and links are followed as the system does. So the check
covers the directories that hold a link and those that it leads to. A path is trusted under these rules:

1. Everything on the way, links included, belongs to the user (the effective one) or to root.
2. Nobody else can write any of it: mode & 022 is 0. Modes of links are ignored. A POSIX access list that lets others
   write shows in the bits of the group, which hold its mask. A group with the number of the owner is the owner's
   private group, as Debian, Ubuntu and Fedora make it. It may write, since umask 002 is common there; sshd makes the
   same exception. An access list on such a directory is its owner's own decision.
3. Rule 2 does not apply to a sticky directory on the way, such as /tmp: nobody can replace what belongs to somebody
   else there, and rule 1 checks the owner of the next part. The last part of the path is not excepted.
4. In the installed package (`is_installed`), the group may write what belongs to root: Debian's
   /usr/local/lib/python3 is root:staff 2775, and the command itself was loaded from there. An access list of root's
   is root's own decision.
5. The number 65534 stands for every user who has no number in this user namespace. It counts as a user's own only if
   /proc/self/uid_map maps it.
6. A path that is missing, cannot be looked at, or leads through more than 40 links is not trusted.
7. Below a cache directory no link is followed: a cache that was made elsewhere could have one that leads out of it.

If a directory is known to be trusted, only the parts below it are looked at (`below`). Nothing is remembered: each use
looks again, with a few system calls, one for each part of the path.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import os
import stat

_MOST_LINKS = 40
_NOBODY = 65534
_UID_MAP = "/proc/self/uid_map"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Untrusted:
    """The first place on a path that is not trusted, and why; `owner` is set if it belongs to somebody else."""

    __slots__ = ("fault", "is_missing", "owner", "place")

    def __init__(self, place: str, fault: str, owner: int | None = None, *, is_missing: bool = False) -> None:
        self.place = place
        self.fault = fault
        self.owner = owner
        self.is_missing = is_missing

    def __str__(self) -> str:
        if self.owner is not None and os.geteuid() == 0:
            return f"{self.place} {self.fault}: use sudo -H, HOME=~root or ESMCACHE_DIR"
        return f"{self.place} {self.fault}"


def find_untrusted(
    path: str | os.PathLike[str], *, below: str = "", is_installed: bool = False, uid: int | None = None
) -> Untrusted | None:
    """Return the first place on the way to `path` that the specification above does not trust, or None.

    Args:
        path: An absolute path, or one that is relative to `below`.
        below: A directory that is known to be trusted; without `is_installed` it is in a cache.
        is_installed: Whether rule 4 applies.
        uid: The user, if it is not the one who runs this process.
    """
    user = os.geteuid() if uid is None else uid
    at, parts = below, os.fspath(path).split("/")
    links = _MOST_LINKS if below and not is_installed else 0
    while parts:
        part = parts.pop(0)
        place = f"{at}/{part}"
        try:
            status = os.lstat(place)
        except (OSError, ValueError) as error:
            is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            return Untrusted(place, f"cannot be read: {_reason(error)}", is_missing=is_missing)
        is_link = stat.S_ISLNK(status.st_mode)
        if not _is_own(status.st_uid, user):
            what = "is a link of" if is_link else "belongs to"
            return Untrusted(place, f"{what} another user (uid {status.st_uid})", status.st_uid)
        if is_link:
            if links == _MOST_LINKS:
                return Untrusted(place, "is a link" if below else "leads through too many links")
            links += 1
            try:
                target = os.readlink(place)
            except OSError as error:
                return Untrusted(place, f"cannot be read: {_reason(error)}")
            if target.startswith("/"):
                at = ""
            parts = target.split("/") + parts
            continue
        is_private = status.st_gid == status.st_uid or (is_installed and status.st_uid == 0)
        refused = stat.S_IWOTH if is_private else _OTHERS
        if status.st_mode & refused and not (status.st_mode & stat.S_ISVTX and parts):
            return Untrusted(place, f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})")
        if part:
            at = place
    return None


def find_untrusted_parent(path: str | os.PathLike[str], *, uid: int | None = None) -> Untrusted | None:
    """Return the first untrusted place on the way to `path`, or None, also if the rest does not exist yet."""
    found = find_untrusted(path, uid=uid)
    return None if found is not None and found.is_missing else found


def _is_own(owner: int, user: int) -> bool:
    return owner in (user, 0) and (owner != _NOBODY or _is_mapped(owner))


def _is_mapped(uid: int) -> bool:
    try:
        with open(_UID_MAP, encoding="ascii") as file:
            ranges = [[int(number) for number in line.split()] for line in file]
    except (OSError, ValueError):
        return False
    return any(first <= uid < first + count for first, _, count in ranges)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
