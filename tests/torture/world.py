"""A user's home with programs and a cache. All starts and commands in it are checked for harm."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from conftest import PROJECT, user_environment
from torture.programs import PROGRAMS, SmallProgram
from torture.tally import Harm, Tally

# A loaded machine is slow; only a command that hangs takes longer than this.
WATCHDOG_S = 120
_TO_END_S = 60
# These are the only permanent files of a cache whose names begin with a dot.
_KEPT = re.compile(r"\.collected|\.([a-z]+\.)?lock")
_NODES_TEMPORARY = re.compile(r"[0-9a-f]{8}\.[0-9A-Za-z]{6}")
_ABANDONED_AFTER_S = 10_000
_PID = re.compile(r"\(node:\d+\)")


def node_of(line: int) -> Path:
    """Return the binary of a major version of Node."""
    named = os.environ.get(f"ESMCACHE_TEST_NODE{line}")
    return Path(named or PROJECT / f".cache/node/node{line}").resolve()


@dataclass(frozen=True)
class Outcome:
    """The visible result of a start."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Ended:
    """The end of a command; `exit_code` is None if it hung."""

    exit_code: int | None
    stdout: str
    stderr: str


@dataclass
class World:
    """A home below `root` with a copy of each program, for one Node; harms are counted in `tally`."""

    root: Path
    node: Path
    tally: Tally
    programs: tuple[SmallProgram, ...] = PROGRAMS
    inside: Sequence[str] = ()
    natively: dict[str, Outcome] = field(default_factory=dict)
    whole: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Return the user's home."""
        return self.root / "home"

    @property
    def cache_dir(self) -> Path:
        """Return the cache directory, which is the same as in wire.py of the language server's tests."""
        return self.home / "cache"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of this world's processes; `processes` recognises them by it."""
        return {
            **user_environment(self.home),
            "ESMCACHE_DIR": str(self.cache_dir),
            "ESMCACHE_NODE": str(self.node),
        }

    def directory_of(self, program: SmallProgram) -> Path:
        """Return the directory of a program."""
        return self.root / program.name

    def make(self) -> None:
        """Write the programs and record their native results."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for program in self.programs:
            for name, text in program.files.items():
                path = self.directory_of(program) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            self.learn(program)

    def learn(self, program: SmallProgram) -> None:
        """Record the native result of a program."""
        self.natively[program.name] = self._outcome([str(self.node), program.entry], program)

    def edit(self, program: SmallProgram, number: int) -> None:
        """Replace a program's edited module atomically; all edits have the same size."""
        path = self.directory_of(program) / program.edited
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(program.files[program.edited].replace("@", f"{number:06}"), "utf-8")
        beside.replace(path)

    def hook(self) -> Path:
        """Return the path of the installed preload."""
        answer = self.esmcache("hook", case="hook")
        return Path(answer.stdout.strip())

    def esmcache(self, *arguments: str, case: str, codes: Sequence[int] = (0,), inside: Sequence[str] = ()) -> Ended:
        """Run a command; an exit code that is not in `codes` and a traceback count as crashes."""
        ended = run([*self.inside, *inside, *COMMAND, *arguments], self.root, self.environment)
        if ended.exit_code is None:
            self.tally.harm(Harm.HANG, case, f"esmcache {' '.join(arguments)}")
        elif ended.exit_code not in codes or _is_internal(ended.stderr):
            said = f"esmcache {' '.join(arguments)}: exit {ended.exit_code}: {ended.stderr}{ended.stdout}"
            self.tally.harm(Harm.CRASH, case, said)
        return ended

    def warm(self, case: str) -> Ended:
        """Warm all programs."""
        return self.esmcache("warm", "--quiet", *self.entries(), case=case)

    def entries(self) -> list[str]:
        """Return the entry points of all programs."""
        return [f"{program.name}/{program.entry}" for program in self.programs]

    def start(self, program: SmallProgram, hook: Path, case: str) -> Mapping[str, object]:
        """Start a program with the cache, compare it with the native start, and return the main thread's report."""
        log = self.root / "runner.log"
        log.unlink(missing_ok=True)
        command = [*self.inside, str(self.node), "--require", str(hook), program.entry]
        ended = run(command, self.directory_of(program), {**self.environment, "ESMCACHE_LOG": str(log)})
        expected = self.natively[program.name]
        if ended.exit_code is None:
            self.tally.harm(Harm.HANG, case, f"start of {program.name}")
        elif (seen := Outcome(ended.exit_code, ended.stdout, without_pid(ended.stderr))) != expected:
            harm = Harm.CRASH if ended.exit_code < 0 or ended.exit_code >= 128 else Harm.WRONG_OUTPUT
            self.tally.harm(harm, case, f"{program.name}: {seen}")
        lines = log.read_text().splitlines() if log.exists() else []
        report: Mapping[str, object] = json.loads(lines[-1]) if lines else {}
        return report

    def note_what_is_whole(self, hook: Path) -> None:
        """Warm and start until nothing is added, and record how completely each program is then served."""
        for _ in range(2):
            self.warm("first warm")
            for program in self.programs:
                for _ in range(2):
                    self.whole[program.name] = _how_served(self.start(program, hook, "first start"))

    def is_whole(self, program: SmallProgram, report: Mapping[str, object]) -> bool:
        """Return whether a start was served as much as possible."""
        return _how_served(report) == self.whole[program.name]

    def check_heals(self, hook: Path, case: str) -> None:
        """Warm once, and check that nothing is damaged and that every program is served as much as possible."""
        is_healed = self.warm(case).exit_code == 0
        verified = self.esmcache("verify", case=case, codes=(0, 1))
        if verified.exit_code != 0:
            is_healed = False
            self.tally.harm(Harm.UNCLEAN_VERIFY, case, verified.stdout)
        for program in self.programs:
            report = self.start(program, hook, case)
            if not self.is_whole(program, report) and report.get("served") == self.whole[program.name][0]:
                # The first start after a warm may have to find out whether the code caches load.
                report = self.start(program, hook, case)
            if not self.is_whole(program, report):
                is_healed = False
                self.tally.harm(
                    Harm.LOST_ENTRY, case, f"{program.name}: {dict(report)}, not {self.whole[program.name]}"
                )
        if not is_healed:
            # Otherwise the next cases would count the same harm again.
            self.begin_again(hook)

    def begin_again(self, hook: Path) -> None:
        """Clear the cache, and warm and start until nothing is added."""
        run([*self.inside, *COMMAND, "clear"], self.root, self.environment)
        self.note_what_is_whole(hook)

    def check_leaves_nothing(self, case: str) -> None:
        """Make temporary files look old, run `gc`, and check that none is left."""
        then = time.time() - _ABANDONED_AFTER_S
        for path in self._temporary():
            with suppress(FileNotFoundError):
                os.utime(path, (then, then), follow_symlinks=False)
        self.esmcache("gc", "--quiet", case=case)
        left = [str(path.relative_to(self.cache_dir)) for path in self._temporary()]
        if left:
            self.tally.harm(Harm.LEAKED_FILE, case, ", ".join(left))

    def _temporary(self) -> list[Path]:
        paths = []
        for directory, _, names in os.walk(self.cache_dir):
            for name in names:
                is_hidden = name.startswith(".") and not _KEPT.fullmatch(name)
                if is_hidden or name.endswith(".tmp") or _NODES_TEMPORARY.fullmatch(name):
                    paths.append(Path(directory, name))
        return sorted(paths)

    def processes(self) -> list[int]:
        """Return the running processes of this world."""
        own = os.fsencode(f"HOME={self.home}") + b"\0"
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if own in path.read_bytes() and _is_running(path.parent):
                    found.append(int(path.parent.name))
        return found

    def check_no_process_is_left(self, case: str) -> None:
        """Wait until all processes of this world have ended; the remaining ones are counted as harm and killed."""
        deadline = time.monotonic() + _TO_END_S
        while left := self.processes():
            if time.monotonic() > deadline:
                for pid in left:
                    self.tally.harm(Harm.LEAKED_PROCESS, case, f"{pid}: {_command_line(pid)}")
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)

    def _outcome(self, command: Sequence[str], program: SmallProgram) -> Outcome:
        ended = run(command, self.directory_of(program), self.environment)
        assert ended.exit_code is not None, f"{program.name} hangs natively"
        return Outcome(ended.exit_code, ended.stdout, without_pid(ended.stderr))


def _how_served(report: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(report.get(name) for name in ("served", "codeCaches", "faults", "reason"))


COMMAND = [sys.executable, "-m", "esmcache"]


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Ended:
    """Run a command to its end; after a timeout, kill it and all processes of its session."""
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=WATCHDOG_S)
            return Ended(process.returncode, stdout, stderr)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            process.communicate()
            return Ended(None, "", "")


def kill_group(pid: int) -> None:
    """Kill a process and its whole group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def without_pid(stderr: str) -> str:
    """Return the standard error of a start without process ids."""
    return _PID.sub("(node)", stderr)


def _is_internal(stderr: str) -> bool:
    return "Traceback" in stderr or "internal error" in stderr


def _is_running(process: Path) -> bool:
    return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
