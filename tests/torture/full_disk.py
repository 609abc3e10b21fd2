"""Disks that are full at once or in the middle of a write, and caches that are read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from removing import remove_tree
from torture.programs import EDITED
from torture.settings import Settings
from torture.tally import Harm, Tally
from torture.world import Ended, World, node_of

_COMMANDS = (
    ("warm", "modules/app.mjs", "worker/app.mjs", "commonjs/app.cjs"),
    ("gc",),
    ("verify", "--repair"),
    ("clear",),
    ("run", "modules/app.mjs"),
)
_LARGEST = 400_000
_ROOM = 64_000_000


def run(settings: Settings) -> Tally:
    """Fill the disk the configured number of times."""
    tally = Tally("full disk")
    with _file_system(settings.root) as mounted:
        if not mounted:
            tally.remark("full disk: mounting is not permitted, so files have a largest size instead of a disk")
        kinds = ["largest size", "full", "read-only"] if mounted else ["largest size"]
        disk = _Disk(World(settings.root / "full-disk", node_of(24), tally, inside=mounted), tally)
        disk.begin()
        for number in settings.numbers():
            disk.fill(settings.random(number), kinds[number % len(kinds)], number)
        disk.end()
    return tally


@contextmanager
def _file_system(root: Path) -> Iterator[Sequence[str]]:
    """Yield the prefix of a command that gives it a file system of its own as cache; empty if mounting fails."""
    cache_dir = root / "full-disk" / "home" / "cache"
    cache_dir.mkdir(mode=0o700, parents=True)
    mount = f'mount -t tmpfs -o mode=0700,size={_ROOM} tmpfs "$1" && echo mounted && exec cat'
    # The mount lives as long as this process, which waits for the end of its input.
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", mount, "sh", cache_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as holder:
        assert holder.stdout is not None
        is_mounted = holder.stdout.readline() == b"mounted\n"
        yield ["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--wd=."] if is_mounted else []
        holder.kill()


class _Disk:
    def __init__(self, world: World, tally: Tally) -> None:
        self._world = world
        self._tally = tally
        self._hook = Path()
        self._edits = 0
        self._needed = _LARGEST

    def begin(self) -> None:
        world = self._world
        world.make()
        self._hook = world.hook()
        world.note_what_is_whole(self._hook)

    def end(self) -> None:
        self._world.check_leaves_nothing("at the end")
        self._world.check_no_process_is_left("at the end")
        remove_tree(self._world.root)

    def fill(self, random: Random, kind: str, number: int) -> None:
        """Run a command while the disk is full, and check that nothing is lost."""
        world = self._world
        command = random.choice(_COMMANDS)
        case = f"case {number} ({kind}, {' '.join(command)})"
        program = random.choice(EDITED)
        self._edits += 1
        world.edit(program, self._edits)
        if random.random() < 0.3:
            world.esmcache("clear", case=case)
        for one in world.programs:
            world.learn(one)
        inside: list[str] = []
        if kind == "largest size":
            inside = ["prlimit", f"--fsize={random.choice([0, random.randrange(_LARGEST)])}"]
        elif kind == "full":
            # The system refuses a size below what is used. The disk is full in some cases from the beginning.
            self._mount(f"size={max(4096, self._used() + max(0, random.randrange(-8_192, _LARGEST)))}")
        else:
            self._mount("ro")
        ended = world.esmcache(*command, case=case, codes=range(128), inside=inside)
        self._check_is_told(ended, case)
        for one in world.programs:
            world.start(one, self._hook, case)
        if kind != "largest size":
            self._mount(f"rw,size={_ROOM}")
        world.check_no_process_is_left(case)
        self._tally.did(kind)
        world.check_heals(self._hook, case)

    def _check_is_told(self, ended: Ended, case: str) -> None:
        if ended.exit_code:
            self._tally.did("commands that failed for it")
        is_one_line = ended.stderr.count("\n") == 1 and ended.stderr.startswith("esmcache: ")
        if ended.exit_code == 1 and "run" not in case and not is_one_line and ended.stderr:
            self._tally.harm(Harm.CRASH, case, f"not told in one line: {ended.stderr}")

    def _mount(self, options: str) -> None:
        subprocess.run(
            [*self._world.inside, "mount", "-o", f"remount,{options}", str(self._world.cache_dir)], check=True
        )

    def _used(self) -> int:
        command = [*self._world.inside, "du", "--summarize", "--block-size=1", str(self._world.cache_dir)]
        return int(subprocess.run(command, check=True, capture_output=True).stdout.split()[0])
