"""A pool of Node workers that compile: it keeps each worker busy and replaces workers that die.

Each worker has a lane: one thread that sends it tasks. Another thread reads its answers, so that neither side ever
waits for a pipe that the other one does not empty. A worker never executes a user's program.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType

from esmcache.engines.node.messages import CompileTask
from esmcache.engines.node.worker_process import IN_FLIGHT, IN_FLIGHT_BYTES, Job, WorkerProcess
from esmcache.records import CompiledSource, CompileFailure, NodeBuild

_IDLE_SECONDS = 120
_CLOSED = "the compile pool was closed"


class CompilePool:
    """Compiles source texts on up to `jobs` workers of one Node build; the workers start when there is work.

    Args:
        v8_flags: The flags under which the code caches are made. V8 accepts them only under the same flags.
    """

    def __init__(self, build: NodeBuild, jobs: int = 1, v8_flags: tuple[str, ...] = ()) -> None:
        self.jobs = max(1, jobs)
        self._shared = _Shared(build, v8_flags)
        self._lanes: list[_Lane] = []

    def submit(self, task: CompileTask) -> Future[CompiledSource | CompileFailure]:
        """Return a future of the code cache or of a CompileFailure.

        A source that crashes its worker twice, the second time as the worker's only task, gives a CompileFailure. If no
        worker can be started, all sources do.

        Raises:
            RuntimeError: If the pool was closed.
        """
        shared, job = self._shared, Job(task)
        with shared.changed:
            if shared.closed:
                raise RuntimeError(_CLOSED)
            refusal = shared.refusal
            if refusal is None:
                shared.queue.append(job)
                # Another worker pays off only if more tasks wait than the running workers soon take.
                if not self._lanes or (len(self._lanes) < self.jobs and len(shared.queue) > IN_FLIGHT // 4):
                    self._lanes.append(_Lane(shared))
                shared.changed.notify_all()
        if refusal is not None:
            job.begin()
            job.refuse(refusal)
        return job.future

    def close(self) -> None:
        """End the workers; waiting tasks are cancelled, and running ones get a CompileFailure as their result."""
        with self._shared.changed:
            self._shared.closed = True
            lanes = list(self._lanes)
            self._shared.changed.notify_all()
        self._shared.empty_queue(_CLOSED)
        for lane in lanes:
            lane.close()

    def __enter__(self) -> CompilePool:
        """Return the pool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()


class _Shared:
    """The state that the pool and its lanes share; `changed` guards it and notifies the lanes of every change."""

    def __init__(self, build: NodeBuild, v8_flags: tuple[str, ...]) -> None:
        self.build = build
        self.v8_flags = v8_flags
        self.changed = threading.Condition()
        self.queue: deque[Job] = deque()
        self.closed = False
        self.refusal: str | None = None

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Put tasks back at the front of the queue."""
        with self.changed:
            self.queue.extendleft(reversed(jobs))
            reason = _CLOSED if self.closed else self.refusal
            self.changed.notify_all()
        if reason is not None:
            self.empty_queue(reason)

    def empty_queue(self, reason: str) -> None:
        """Cancel the queued tasks; those that had begun and were given back fail with `reason`."""
        with self.changed:
            jobs = list(self.queue)
            self.queue.clear()
        for job in jobs:
            if job.begun or not job.future.cancel():
                job.refuse(reason)

    def give_up(self, reason: str) -> None:
        """Let all queued tasks, and all that will be submitted, fail with `reason`."""
        with self.changed:
            self.refusal = reason
            jobs = list(self.queue)
            self.queue.clear()
        for job in jobs:
            if job.begin():
                job.refuse(reason)


class _Lane:
    """The thread of one worker at a time: it sends queued tasks to the worker and replaces it when it ends."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._worker: WorkerProcess | None = None
        self._thread = threading.Thread(target=self._run, name="esmcache-compile-lane", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the worker and wait for the lane; its pool must be closed already."""
        worker, current = self._worker, threading.current_thread()
        if worker is not None:
            worker.kill()
        # A future's callback may close the pool from the lane's own threads, which cannot wait for themselves.
        if current is not self._thread and (worker is None or current is not worker.reader):
            self._thread.join()

    def _run(self) -> None:
        shared = self._shared
        while not shared.closed:
            with shared.changed:
                idle = self._worker is not None and self._worker.is_idle
                # An idle worker costs memory, but starting one costs 50 ms.
                woken = shared.changed.wait_for(self._has_work, _IDLE_SECONDS if idle else None)
                ended = self._worker is not None and self._worker.ended
                spent = self._worker is not None and self._worker.is_spent
                batch = [] if ended or spent or shared.closed else self._take_batch()
            if ended:
                self._recover()
            elif spent or not woken:
                self._drop_worker()
            elif batch:
                self._send(batch)
        for job in self._drop_worker():
            job.refuse(_CLOSED)

    def _has_work(self) -> bool:
        worker = self._worker
        if self._shared.closed or (worker is not None and worker.ended):
            return True
        if worker is not None and worker.is_spent:
            return worker.is_idle
        return bool(self._shared.queue) and (worker is None or worker.has_room)

    def _take_batch(self) -> list[Job]:
        count, size = self._worker.room if self._worker is not None else (IN_FLIGHT, IN_FLIGHT_BYTES)
        batch: list[Job] = []
        while self._shared.queue and len(batch) < count and size > 0:
            job = self._shared.queue.popleft()
            if job.begin():
                batch.append(job)
                size -= len(job.task.source)
        return batch

    def _send(self, batch: list[Job]) -> bool:
        """Send the tasks to a worker that is ready; return False, with the tasks failed, if no worker can start."""
        shared, reason = self._shared, None
        for _attempt in range(2):
            if self._worker is None:
                self._worker = WorkerProcess(shared.build, shared.v8_flags, shared.changed)
            reason = self._worker.wait_until_ready(lambda: shared.closed)
            if reason is None and not shared.closed:
                self._worker.send(batch)
                return True
            self._drop_worker()
            if shared.closed:
                reason = _CLOSED
                break
        assert reason is not None
        if not shared.closed:
            shared.give_up(reason)
        for job in batch:
            job.refuse(reason)
        return False

    def _recover(self) -> None:
        """Replace a worker that ended; the task that it was compiling is tried once more, alone."""
        shared = self._shared
        exceeded = None if self._worker is None else self._worker.exceeded
        unanswered = self._drop_worker()
        if not unanswered:
            return
        suspect, *others = unanswered
        shared.give_back(others)
        if exceeded is not None and exceeded[0] is suspect:
            suspect.refuse(f"compiling it takes {exceeded[1]}", ended_engine=True)
            return
        if not self._send([suspect]):
            return
        retry = self._worker
        assert retry is not None
        with shared.changed:
            shared.changed.wait_for(lambda: shared.closed or retry.ended or retry.is_idle)
        if retry.ended and not shared.closed:
            for job in self._drop_worker():
                job.refuse(f"the engine process {retry.ending} while it compiled this source", ended_engine=True)

    def _drop_worker(self) -> list[Job]:
        """End the worker, if any, and return the tasks that it did not answer."""
        worker, self._worker = self._worker, None
        return [] if worker is None else worker.stop()
