"""Damages every kind of file in the cache. Each start must give the same result, and one warm must repair all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

from removing import remove_tree
from torture.damage import damaged, put
from torture.programs import SmallProgram
from torture.settings import Settings
from torture.tally import Tally
from torture.world import World, node_of

# One damage in this many stays and is repaired by a warm; the others are undone, since that is faster.
_WARMED_ONE_IN = 10
# The lines of Node that the worlds use in turn.
_LINES = (24, 22, 26, 24, 24, 24, 24, 24, 24, 24)
_KINDS = {
    "index": "index.db",
    "wal": "index.db-wal",
    "packs": "packs/*.pack",
    "manifests": "manifests/*.manifest",
    "blobs": "blobs/*/*",
    "code": "code/*/*",
    "v8": "v8/**/*",
    "seals": "seals/*",
    "starts": "starts/*",
    "events": "events/*",
    "nodes": "nodes.json",
}
# No start reads these files, so only a warm repairs their damage.
_ONLY_COMMANDS_LOOK = {"index", "wal", "nodes", "events", "blobs"}


def run(settings: Settings) -> Tally:
    """Do the configured number of damages, in several worlds at once."""
    tally = Tally("damages")
    numbers = settings.numbers()
    starts = range(numbers.start - numbers.start % settings.batch, numbers.stop, settings.batch)
    batches = [range(max(numbers.start, at), min(numbers.stop, at + settings.batch)) for at in starts]
    with ThreadPoolExecutor(settings.jobs) as threads:
        for done in [threads.submit(_Damages(settings, tally, batch).run) for batch in batches]:
            done.result()
    return tally


class _Damages:
    """One world, in which damages are done one after the other."""

    def __init__(self, settings: Settings, tally: Tally, numbers: range) -> None:
        self._settings = settings
        self._numbers = numbers
        self._tally = tally
        batch = numbers[0] // settings.batch
        line = _LINES[batch % len(_LINES)]
        self._node = f"node {line}"
        self._world = World(settings.root / f"damages-{batch}", node_of(line), tally)
        self._hook = Path()

    def run(self) -> None:
        self._world.make()
        self._hook = self._world.hook()
        self._world.note_what_is_whole(self._hook)
        for number in self._numbers:
            self._damage(number)
        case = f"after cases {self._numbers[0]} to {self._numbers[-1]}"
        self._world.check_heals(self._hook, case)
        self._world.check_leaves_nothing(case)
        self._world.check_no_process_is_left(case)
        remove_tree(self._world.root)

    def _damage(self, number: int) -> None:
        random = self._settings.random(number)
        kind, path, others = self._choose(random)
        place = path.relative_to(self._world.cache_dir)
        content, mode = path.read_bytes(), path.stat().st_mode
        programs = self._programs_of(kind, str(place), content, random)
        done, changed = damaged(path, kind, others, random)
        put(path, changed, random)
        case = f"case {number} ({self._node}, {place} {done})"
        self._tally.did("damages")
        whole = [self._all_whole([program], case) for program in programs]
        if random.randrange(_WARMED_ONE_IN) == 0:
            self._tally.did("of them warmed and verified")
            self._world.check_heals(self._hook, case)
        elif kind not in _ONLY_COMMANDS_LOOK:
            self._undo(path, content, mode)
            lacking = [program for program, was in zip(programs, whole, strict=True) if not was]
            if not self._all_whole(lacking, f"{case} undone"):
                # The runner ignores a changed directory of code caches until a warm has proven it.
                self._world.warm(f"{case} undone")
                if not self._all_whole(lacking, f"{case} undone and warmed"):
                    self._world.check_heals(self._hook, f"{case} undone")

    def _choose(self, random: Random) -> tuple[str, Path, list[Path]]:
        kinds = list(_KINDS)
        random.shuffle(kinds)
        for kind in kinds:
            if kind == "wal":
                self._leave_wal()
            paths = sorted(path for path in self._world.cache_dir.glob(_KINDS[kind]) if path.is_file())
            if paths:
                path = random.choice(paths)
                return kind, path, [one for one in paths if one != path]
        raise AssertionError("the cache is empty")

    def _leave_wal(self) -> None:
        """Leave a write-ahead log of the index behind, as a killed writer does."""
        index = self._world.cache_dir / "index.db"
        wal = index.with_name("index.db-wal")
        if wal.exists():
            return
        try:
            with closing(sqlite3.connect(index)) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                connection.execute(f"PRAGMA user_version = {version}")
                connection.commit()
                if wal.exists():
                    shutil.copy(wal, wal.with_name("kept"))
        except sqlite3.Error:
            # The index was damaged before.
            return
        if wal.with_name("kept").exists():
            wal.with_name("kept").replace(wal)
            wal.chmod(0o600)

    def _programs_of(self, kind: str, place: str, content: bytes, random: Random) -> list[SmallProgram]:
        """Return the programs that a file belongs to by its name or content, or else all."""
        world = self._world
        if kind in _ONLY_COMMANDS_LOOK:
            return [random.choice(world.programs)]
        roots = [bytes(world.directory_of(program)) for program in world.programs]
        said = os.fsencode(place) + content
        named = [
            program
            for program, root in zip(world.programs, roots, strict=True)
            # Names of packs also contain the first half of a trust domain's name.
            if root + b"/" in content or sha256(root).hexdigest()[:16].encode() in said
        ]
        return named or list(world.programs)

    def _all_whole(self, programs: list[SmallProgram], case: str) -> bool:
        world = self._world
        return all([world.is_whole(program, world.start(program, self._hook, case)) for program in programs])

    def _undo(self, path: Path, content: bytes, mode: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory_mode = path.parent.stat().st_mode
        if not path.exists():
            path.parent.chmod(0o700)
            path.touch(0o600)
        path.chmod(0o600)
        path.write_bytes(content)
        path.chmod(mode & 0o7777)
        if path.parent.stat().st_mode != directory_mode:
            path.parent.chmod(directory_mode & 0o7777)
