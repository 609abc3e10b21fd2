"""A user's home with programs and a cache, and the starts and commands in it, each watched for what must not happen."""

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

from conftest import FOREIGN_VARIABLES, PROJECT
from torture.programs import PROGRAMS, SmallProgram
from torture.tally import Harm, Tally

# A loaded machine takes long; a command that hangs takes for ever.
WATCHDOG_S = 120
_TO_END_S = 60
# The names of all that a cache keeps begin otherwise than with a dot, but for these.
_KEPT = re.compile(r"\.collected|\.([a-z]+\.)?lock")
_NODES_TEMPORARY = re.compile(r"[0-9a-f]{8}\.[0-9A-Za-z]{6}")
_ABANDONED_AFTER_S = 10_000
_PID = re.compile(r"\(node:\d+\)")


def node_of(line: int) -> Path:
    """Return the binary of a line of Node."""
    named = os.environ.get(f"ESMCACHE_TEST_NODE{line}")
    return Path(named or PROJECT / f".cache/node/node{line}").resolve()


@dataclass(frozen=True)
class Outcome:
    """All that the outside sees of a start."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Ended:
    """How a command ended; `exit_code` is None where it hung."""

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
        """Return the cache directory, where wire.py of the tests of the language server has it, too."""
        return self.home / "cache"

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process needs to live here, and by which it is known to."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "ESMCACHE_DIR": str(self.cache_dir),
            "ESMCACHE_NODE": str(self.node),
        }

    def directory_of(self, program: SmallProgram) -> Path:
        """Return the directory of a program."""
        return self.root / program.name

    def make(self) -> None:
        """Write the programs, and learn what they do natively."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for program in self.programs:
            for name, text in program.files.items():
                path = self.directory_of(program) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            self.learn(program)

    def learn(self, program: SmallProgram) -> None:
        """Remember what a program does natively."""
        self.natively[program.name] = self._outcome([str(self.node), program.entry], program)

    def edit(self, program: SmallProgram, number: int) -> None:
        """Replace a program's edited module, all at once; every edit has the same size."""
        path = self.directory_of(program) / program.edited
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(program.files[program.edited].replace("@", f"{number:06}"), "utf-8")
        beside.replace(path)

    def hook(self) -> Path:
        """Return the installed preload."""
        answer = self.esmcache("hook", case="hook")
        return Path(answer.stdout.strip())

    def esmcache(self, *arguments: str, case: str, codes: Sequence[int] = (0,), inside: Sequence[str] = ()) -> Ended:
        """Run a command; any exit code but those in `codes`, and any traceback, is a crash."""
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
        """Start a program served, compare with the native start, and return the runner's report of its main thread."""
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
        """Warm and start until nothing is added, and remember how each program is served then."""
        for _ in range(2):
            self.warm("first warm")
            for program in self.programs:
                for _ in range(2):
                    self.whole[program.name] = _how_served(self.start(program, hook, "first start"))

    def is_whole(self, program: SmallProgram, report: Mapping[str, object]) -> bool:
        """Return whether a start was served all that it can be."""
        return _how_served(report) == self.whole[program.name]

    def check_heals(self, hook: Path, case: str) -> None:
        """Warm once: then nothing is damaged, and every program is served whole."""
        is_healed = self.warm(case).exit_code == 0
        verified = self.esmcache("verify", case=case, codes=(0, 1))
        if verified.exit_code != 0:
            is_healed = False
            self.tally.harm(Harm.UNCLEAN_VERIFY, case, verified.stdout)
        for program in self.programs:
            report = self.start(program, hook, case)
            if not self.is_whole(program, report) and report.get("served") == self.whole[program.name][0]:
                # The first start after a warm may find out whether code caches load.
                report = self.start(program, hook, case)
            if not self.is_whole(program, report):
                is_healed = False
                self.tally.harm(
                    Harm.LOST_ENTRY, case, f"{program.name}: {dict(report)}, not {self.whole[program.name]}"
                )
        if not is_healed:
            # Else the next cases would count the same again.
            self.begin_again(hook)

    def begin_again(self, hook: Path) -> None:
        """Clear the cache, and warm and start until nothing is added."""
        run([*self.inside, *COMMAND, "clear"], self.root, self.environment)
        self.note_what_is_whole(hook)

    def check_leaves_nothing(self, case: str) -> None:
        """Collect what is temporary and old: nothing of it is left."""
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
        """Wait until all processes of this world have ended; those that do not are counted and killed."""
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
    """Run something to its end, or kill it, and all that it started in its session, when it takes too long."""
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
    """Kill a process and all of its group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def without_pid(stderr: str) -> str:
    """Return what a start wrote, without the numbers of its processes."""
    return _PID.sub("(node)", stderr)


def _is_internal(stderr: str) -> bool:
    return "Traceback" in stderr or "internal error" in stderr


def _is_running(process: Path) -> bool:
    return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
