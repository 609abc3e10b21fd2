"""One running Node worker: its process, its pipes and the tasks that it has not answered yet.

It must not know the pool's queue: `compile_pool.py` decides which tasks a worker gets and what happens when it ends.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from esmcache.engines.node.describe_node import clean_environment
from esmcache.engines.node.messages import (
    Compiled,
    CompileTask,
    Failed,
    Hello,
    ProtocolError,
    detected_format,
    encode_compile,
    read_message,
    requested_modules,
    stripped_texts,
)
from esmcache.records import CompiledSource, CompileFailure, NodeBuild

# Enough to keep a worker busy while Python does something else, and few enough to share the work fairly.
IN_FLIGHT = 64
IN_FLIGHT_BYTES = 4 << 20
# vm.SourceTextModule keeps each module in memory until the process ends (some 16 KB; Node 22 to 26), so a worker is
# replaced after this much work.
_SPENT_TASKS = 8192
_SPENT_BYTES = 64 << 20
_WORKER = Path(__file__).with_name("worker") / "main.mjs"
# Node's internals provide syntax detection and error positions, see worker/compile.mjs. None of these flags is a V8
# flag, so code caches carry the flag hash that a plain `node` expects.
_FLAGS = ("--experimental-vm-modules", "--expose-internals", "--no-warnings")
_START_SECONDS = 60
# The limits for one source; a bundle of 20 MB takes one second and 200 MB. CPU time is limited since it does not grow
# on a busy machine, and wall-clock time for a source that makes V8 wait.
_MOST_SECONDS = 30.0
_MOST_CLOCK_SECONDS = 300.0
_MOST_BYTES = 500 << 20
_LOOKS_EVERY_S = 0.2
_READ_BUFFER = 256 << 10
_PIPE_SIZE = 1 << 20

CompileResult = CompiledSource | CompileFailure


@dataclass(slots=True, eq=False)
class Job:
    """A task and the future of its result; `begun` is True once the future can no longer be cancelled."""

    task: CompileTask
    future: Future[CompileResult] = field(default_factory=Future)
    begun: bool = False

    def begin(self) -> bool:
        """Return whether the task is still wanted; from now on it cannot be cancelled."""
        self.begun = self.begun or self.future.set_running_or_notify_cancel()
        return self.begun

    def answer(self, result: CompileResult) -> None:
        """Set the result of the future."""
        self.future.set_result(result)

    def refuse(self, reason: str, *, ended_engine: bool = False) -> None:
        """Set a failure as the result: V8 gave no verdict on the source, for this reason."""
        self.answer(CompileFailure(reason, 0, 0, is_syntax_error=False, ended_engine=ended_engine))


class WorkerProcess:
    """A worker process of `build`.

    Args:
        changed: Guards the worker's state and is notified of changes that a lane may wait for.
    """

    def __init__(self, build: NodeBuild, v8_flags: tuple[str, ...], changed: threading.Condition) -> None:
        self._build = build
        self._v8_flags = v8_flags
        self._changed = changed
        self._ids = itertools.count(1)
        self._in_flight: deque[tuple[int, Job]] = deque()
        self._bytes_in_flight = 0
        self._tasks_sent = 0
        self._bytes_sent = 0
        self._refusal: str | None = None
        # The task that exceeded a limit, and that limit. The process was ended because of it.
        self.exceeded: tuple[Job, str] | None = None
        self._is_over = threading.Event()
        self.ready = False
        self.ended = False
        self._process: subprocess.Popen[bytes] | None = None
        self.reader = threading.Thread(target=self._read, name="esmcache-compile-reader", daemon=True)
        try:
            self._process = subprocess.Popen(
                [build.executable, *v8_flags, *_FLAGS, str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pipesize=_PIPE_SIZE,
                env=clean_environment(os.environ),
                # A project's directory and a Ctrl-C in its terminal must not affect a worker.
                cwd=Path(build.executable).anchor or None,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._refusal = f"{build.executable} cannot be run: {error}"
            self.ended = True
            return
        self.reader.start()
        threading.Thread(target=self._watch, name="esmcache-compile-watcher", daemon=True).start()

    @property
    def is_idle(self) -> bool:
        """Return whether the worker has answered all tasks."""
        return not self._in_flight

    @property
    def is_spent(self) -> bool:
        """Return whether the worker should be replaced once it is idle."""
        return self._tasks_sent >= _SPENT_TASKS or self._bytes_sent >= _SPENT_BYTES

    @property
    def has_room(self) -> bool:
        """Return whether to send more tasks; at least half of the window must be free, so that they go in batches."""
        return len(self._in_flight) <= IN_FLIGHT // 2 and self._bytes_in_flight <= IN_FLIGHT_BYTES // 2

    @property
    def room(self) -> tuple[int, int]:
        """Return the number of tasks and the number of bytes that may be sent now."""
        return IN_FLIGHT - len(self._in_flight), IN_FLIGHT_BYTES - self._bytes_in_flight

    def wait_until_ready(self, given_up: Callable[[], bool]) -> str | None:
        """Return None once the worker has identified its Node, or the reason why the worker cannot be used."""
        with self._changed:
            in_time = self._changed.wait_for(
                lambda: self.ready or self.ended or self._refusal is not None or given_up(), _START_SECONDS
            )
            if self.ready:
                return None
            refusal = self._refusal
        if refusal is not None:
            return refusal
        if not in_time:
            return f"{self._build.executable} did not become ready within {_START_SECONDS} s"
        self.stop()
        return f"{self._build.executable} {self.ending} before it was ready"

    def send(self, jobs: Sequence[Job]) -> None:
        """Send the tasks; block while the worker is busy, and return early if it ends."""
        frames = []
        with self._changed:
            self._tasks_sent += len(jobs)
            for job in jobs:
                job_id = next(self._ids)
                self._in_flight.append((job_id, job))
                self._bytes_in_flight += len(job.task.source)
                self._bytes_sent += len(job.task.source)
                frames.append(encode_compile(job_id, job.task))
        assert self._process is not None and self._process.stdin is not None
        # If the worker has ended, the tasks stay unanswered, and the reader thread notices the end.
        with contextlib.suppress(OSError):
            _write_all(self._process.stdin.fileno(), b"".join(frames))

    def kill(self) -> None:
        """End the process; safe from any thread."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> list[Job]:
        """End the process, wait for it and return the unanswered tasks; the first was being compiled.

        Only the sending thread may call this, since it closes the pipe.
        """
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
            self.reader.join()
        unanswered = [job for _, job in self._in_flight]
        self._in_flight.clear()
        return unanswered

    @property
    def ending(self) -> str:
        """Return how the process ended, for people: "ended by SIGSEGV"."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return "ended"
        if status >= 0:
            return f"ended with exit status {status}"
        try:
            return f"ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"ended by signal {-status}"

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        pipe = cast(io.RawIOBase, self._process.stdout)
        with contextlib.suppress(OSError, ProtocolError), io.BufferedReader(pipe, _READ_BUFFER) as stream:
            while (received := read_message(cast(BinaryIO, stream))) is not None:
                message, payload = received
                if isinstance(message, Hello):
                    self._receive_hello(message)
                else:
                    self._receive_result(message.id, _result(message, payload))
        self.kill()
        self._is_over.set()
        # The process is reaped here, so that its exit status is known to all who are notified.
        self._process.wait()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _watch(self) -> None:
        """End the process if one task exceeds a limit."""
        assert self._process is not None
        first: tuple[Job, _Usage] | None = None
        while not self._is_over.wait(_LOOKS_EVERY_S):
            with self._changed:
                job = self._in_flight[0][1] if self._in_flight else None
            usage = None if job is None else _usage_of(self._process.pid)
            if job is None or usage is None:
                first = None
            elif first is None or first[0] is not job:
                first = job, usage
            elif limit := usage.limit_met(first[1]):
                self.exceeded = job, limit
                self.kill()
                return

    def _receive_hello(self, hello: Hello) -> None:
        build = self._build
        same = (hello.version, hello.arch, hello.v8_version) == (build.version, build.arch, build.v8_version)
        # V8 flags change the tag, so it is compared only without them.
        same = same and (bool(self._v8_flags) or hello.v8_tag == build.v8_tag)
        with self._changed:
            if same:
                self.ready = True
            else:
                self._refusal = f"{build.executable} is no longer the Node {build.version} that was described"
            self._changed.notify_all()

    def _receive_result(self, job_id: int, result: CompileResult) -> None:
        with self._changed:
            if not self._in_flight or self._in_flight[0][0] != job_id:
                raise ProtocolError(f"an answer to {job_id}, which is not the oldest task")
            _, job = self._in_flight.popleft()
            self._bytes_in_flight -= len(job.task.source)
            if self.has_room:
                self._changed.notify_all()
        job.answer(result)


@dataclass(frozen=True, slots=True)
class _Usage:
    """The resources that a process has used so far."""

    seconds: float
    clock: float
    resident_bytes: int

    def limit_met(self, before: _Usage) -> str:
        """Return the limit that was exceeded since `before`, or ''."""
        if self.seconds - before.seconds > _MOST_SECONDS:
            return f"more than {_MOST_SECONDS:.0f} s"
        if self.clock - before.clock > _MOST_CLOCK_SECONDS:
            return f"more than {_MOST_CLOCK_SECONDS:.0f} s"
        if self.resident_bytes - before.resident_bytes > _MOST_BYTES:
            return f"more than {_MOST_BYTES >> 20} MB of memory"
        return ""


def _usage_of(pid: int) -> _Usage | None:
    """Return the resources a process has used, or None if it has ended; without /proc, only the wall-clock time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None if os.path.exists("/proc/self/stat") else _Usage(0, time.monotonic(), 0)
    except OSError:
        return None
    # `fields` lacks the first two fields of proc_pid_stat(5).
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return _Usage(ticks / os.sysconf("SC_CLK_TCK"), time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE"))


def _result(message: Compiled | Failed, payload: bytes) -> CompileResult:
    detected_kind = detected_format(message.detected_kind)
    if isinstance(message, Compiled):
        stripped, code_cache = stripped_texts(message.stripped, payload)
        return CompiledSource(code_cache, requested_modules(message.requests), detected_kind, stripped)
    return CompileFailure(
        message.message,
        message.line,
        message.column,
        message.is_syntax_error,
        detected_kind,
        error_code=message.error_code,
        end=(message.end_line, message.end_column),
    )


def _write_all(descriptor: int, frames: bytes) -> None:
    view = memoryview(frames)
    while view:
        view = view[os.write(descriptor, view) :]
