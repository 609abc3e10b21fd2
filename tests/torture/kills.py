"""Kills commands, background warms and the language server at random moments. Nothing may be lost or left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

from removing import remove_tree
from torture.damage import damaged, put
from torture.programs import EDITED, SmallProgram
from torture.settings import Settings
from torture.tally import Harm, Tally
from torture.world import COMMAND, WATCHDOG_S, World, kill_group, node_of

_MOST_SAVES = 40


def run(settings: Settings) -> Tally:
    """Kill the configured number of times, in several worlds at once."""
    tally = Tally("kills")
    numbers = settings.numbers()
    shares = [numbers[at :: settings.jobs] for at in range(min(settings.jobs, len(numbers)))]
    with ThreadPoolExecutor(settings.jobs) as threads:
        for done in [threads.submit(_Kills(settings, tally, share).run) for share in shares]:
            done.result()
    return tally


class _Kills:
    """One world, in which processes are killed one after the other."""

    def __init__(self, settings: Settings, tally: Tally, numbers: range) -> None:
        self._settings = settings
        self._numbers = numbers
        self._tally = tally
        self._world = World(settings.root / f"kills-{numbers[0]}", node_of(24), tally)
        self._hook = Path()
        self._edits = 0
        # The duration of a command on this machine under the current load.
        self._command_takes_s = 0.0

    def run(self) -> None:
        world = self._world
        world.make()
        self._hook = world.hook()
        world.note_what_is_whole(self._hook)
        self._edit(EDITED[0])
        begun = time.monotonic()
        world.warm("before the first kill")
        self._command_takes_s = time.monotonic() - begun
        victims: dict[str, Callable[[Random], None]] = {
            "warm": lambda random: self._kill_command(random, "warm", *world.entries()),
            "warm of nothing": self._kill_first_warm,
            "gc": self._kill_collecting,
            "clear": lambda random: self._kill_command(random, "clear"),
            "verify --repair": self._kill_repairing,
            "run's background warm": self._kill_background_warm,
            "language server": self._kill_server,
        }
        for number in self._numbers:
            random = self._settings.random(number)
            name = list(victims)[number % len(victims)]
            case = f"case {number} ({name})"
            self._edit(random.choice(EDITED))
            victims[name](random)
            self._tally.did(f"of {name}")
            world.check_no_process_is_left(case)
            for program in world.programs:
                world.learn(program)
                world.start(program, self._hook, case)
            world.check_heals(self._hook, case)
            world.check_leaves_nothing(case)
        remove_tree(world.root)

    def _edit(self, program: SmallProgram) -> None:
        self._edits += 1
        self._world.edit(program, self._edits)

    def _kill_command(self, random: Random, *arguments: str) -> None:
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self._world.root,
            env=self._world.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            time.sleep(random.uniform(0, 1.2 * self._command_takes_s))
            # Half of the time, the workers must notice the end of their parent themselves.
            if random.random() < 0.5:
                process.kill()
            else:
                kill_group(process.pid)

    def _kill_first_warm(self, random: Random) -> None:
        self._world.esmcache("clear", case="before a kill")
        self._kill_command(random, "warm", *self._world.entries())

    def _kill_collecting(self, random: Random) -> None:
        config = self._world.home / ".config" / "esmcache" / "config.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps({"maxSize": random.choice([1, 20_000, 100_000])}))
        self._kill_command(random, "gc")
        config.unlink()

    def _kill_repairing(self, random: Random) -> None:
        paths = sorted(path for path in self._world.cache_dir.rglob("*") if path.is_file() and path.name[0] != ".")
        for path in random.sample(paths, min(5, len(paths))):
            _, content = damaged(path, path.relative_to(self._world.cache_dir).parts[0], [], random)
            put(path, content, random)
        self._kill_command(random, "verify", "--repair")
        # An interrupted repair must be repeated, since no warm looks at damaged files that it does not need.
        self._world.esmcache("verify", "--repair", case="after a kill")

    def _kill_background_warm(self, random: Random) -> None:
        if random.random() < 0.5:
            self._world.esmcache("clear", case="before a kill")
        subprocess.run(
            [*COMMAND, "run", random.choice(self._world.entries())],
            cwd=self._world.root,
            env=self._world.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        time.sleep(random.uniform(0, 1.2 * self._command_takes_s))
        for pid in self._world.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _kill_server(self, random: Random) -> None:
        server = subprocess.Popen(
            [sys.executable, "-m", "esmcache_lsp", "--stdio"],
            cwd=self._world.root,
            env=self._world.environment,
            stdin=subprocess.PIPE,
            # The server's answers do not matter here.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        program = random.choice(EDITED)
        is_early = random.random() < 0.3
        with suppress(BrokenPipeError):
            self._open(server, program)
            self._save(server, program, 2)
            if not is_early:
                self._wait_for_a_save(server)
            # From here on the server is working on saves, or still reading the workspace.
            ends_at = time.monotonic() + random.uniform(0, 1.2 * self._command_takes_s)
            for version in range(3, _MOST_SAVES):
                time.sleep(random.uniform(0, 3 * self._command_takes_s / _MOST_SAVES))
                if time.monotonic() > ends_at:
                    break
                self._save(server, program, version)
        if random.random() < 0.5:
            server.kill()
        else:
            kill_group(server.pid)
        with suppress(BrokenPipeError):
            server.communicate()

    def _wait_for_a_save(self, server: subprocess.Popen[bytes]) -> None:
        """Return when the server has changed a manifest, has ended, or hangs."""
        before = self._manifest_times()
        deadline = time.monotonic() + WATCHDOG_S
        while self._manifest_times() == before and server.poll() is None:
            if time.monotonic() > deadline:
                self._tally.harm(Harm.HANG, "language server", "no manifest has changed since a save")
                break
            time.sleep(0.01)

    def _manifest_times(self) -> list[int]:
        paths = (self._world.cache_dir / "manifests").glob("*.manifest")
        return sorted(path.stat().st_mtime_ns for path in paths)

    def _open(self, server: subprocess.Popen[bytes], program: SmallProgram) -> None:
        root = self._world.directory_of(program)
        _send(server, id=1, method="initialize", params=_initialize(root))
        _send(server, method="initialized", params={})
        path = root / program.edited
        item = {"uri": path.as_uri(), "languageId": "javascript", "version": 1, "text": path.read_text("utf-8")}
        _send(server, method="textDocument/didOpen", params={"textDocument": item})

    def _save(self, server: subprocess.Popen[bytes], program: SmallProgram, version: int) -> None:
        self._edit(program)
        path = self._world.directory_of(program) / program.edited
        document = {"uri": path.as_uri(), "version": version}
        changes = [{"text": path.read_text("utf-8")}]
        _send(server, method="textDocument/didChange", params={"textDocument": document, "contentChanges": changes})
        _send(server, method="textDocument/didSave", params={"textDocument": {"uri": path.as_uri()}})


def _initialize(root: Path) -> dict[str, object]:
    return {"processId": None, "rootUri": root.as_uri(), "capabilities": {}}


def _send(server: subprocess.Popen[bytes], **message: object) -> None:
    assert server.stdin is not None
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    server.stdin.flush()
