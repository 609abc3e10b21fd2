"""A crowd of processes that warm, serve, collect and edit the same programs at once."""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from removing import remove_tree
from torture.programs import EDITED, SmallProgram
from torture.settings import Settings
from torture.tally import Harm, Tally
from torture.world import COMMAND, Ended, World, node_of, without_pid
from torture.world import run as run_command

_EDIT = re.compile(r"edit (\d{6})")
# The first two are less than the programs need, so that collecting removes something.
_LIMITS = (30_000, 100_000, 500_000_000)


def run(settings: Settings) -> Tally:
    """Let `settings.count` processes work for `settings.minutes`."""
    tally = Tally("crowd")
    crowd = _Crowd(settings, tally)
    crowd.begin()
    ends_at = time.monotonic() + 60 * settings.minutes
    with ThreadPoolExecutor(settings.count) as threads:
        for done in [threads.submit(crowd.work, settings.random(number), ends_at) for number in settings.numbers()]:
            done.result()
    crowd.end()
    return tally


class _Texts:
    """The range of a program's edits that may be on disk, from the last completed to the newest begun."""

    def __init__(self) -> None:
        self.editing = threading.Lock()
        self.oldest = 0
        self.newest = 0


class _Crowd:
    def __init__(self, settings: Settings, tally: Tally) -> None:
        self._tally = tally
        self._world = World(settings.root / "crowd", node_of(24), tally, EDITED)
        self._texts = {program.name: _Texts() for program in EDITED}
        self._hook = Path()

    def begin(self) -> None:
        world = self._world
        world.make()
        for program in EDITED:
            world.edit(program, 0)
            world.learn(program)
        self._hook = world.hook()
        world.note_what_is_whole(self._hook)

    def end(self) -> None:
        """Check that the cache heals after the crowd has ended."""
        world = self._world
        self._config().unlink(missing_ok=True)
        world.check_no_process_is_left("at the end")
        for program in EDITED:
            world.learn(program)
        world.check_heals(self._hook, "at the end")
        world.check_leaves_nothing("at the end")
        remove_tree(world.root)

    def work(self, random: Random, ends_at: float) -> None:
        """Repeat random actions until the given time."""
        while time.monotonic() < ends_at:
            program = random.choice(EDITED)
            entry = str(self._world.directory_of(program) / program.entry)
            kind = random.choice(["warm", "serve", "serve", "serve", "run", "collect", "edit", "edit"])
            if kind == "warm":
                self._world.esmcache("warm", "--quiet", entry, case="while others work")
            elif kind == "serve":
                self._serve(program, [str(self._world.node), "--require", str(self._hook), program.entry])
            elif kind == "run":
                self._serve(program, [*COMMAND, "run", program.entry])
            elif kind == "collect":
                self._limit(random.choice(_LIMITS))
                self._world.esmcache("gc", "--quiet", case="while others work")
            else:
                self._edit(program)
            self._tally.did(kind)

    def _config(self) -> Path:
        return self._world.home / ".config" / "esmcache" / "config.json"

    def _limit(self, size: int) -> None:
        path = self._config()
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".new-{threading.get_ident()}")
        beside.write_text(json.dumps({"maxSize": size}))
        beside.replace(path)

    def _edit(self, program: SmallProgram) -> None:
        texts = self._texts[program.name]
        with texts.editing:
            texts.newest += 1
            self._world.edit(program, texts.newest)
            texts.oldest = texts.newest

    def _serve(self, program: SmallProgram, command: list[str]) -> None:
        texts = self._texts[program.name]
        oldest = texts.oldest
        ended = run_command(command, self._world.directory_of(program), self._world.environment)
        newest = texts.newest
        case = f"a start of {program.name} while edits {oldest} to {newest} were there"
        if ended.exit_code is None:
            self._tally.harm(Harm.HANG, case, "")
        elif not self._is_right(program, ended, oldest, newest):
            self._tally.harm(Harm.WRONG_OUTPUT, case, str(ended))

    def _is_right(self, program: SmallProgram, ended: Ended, oldest: int, newest: int) -> bool:
        expected = self._world.natively[program.name]
        edits = [int(number) for number in _EDIT.findall(ended.stdout)]
        same = (ended.exit_code, _EDIT.sub("", ended.stdout), without_pid(ended.stderr)) == (
            expected.exit_code,
            _EDIT.sub("", expected.stdout),
            expected.stderr,
        )
        return same and len(edits) == 1 and oldest <= edits[0] <= newest
