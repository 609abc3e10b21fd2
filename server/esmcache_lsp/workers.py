"""The server's worker processes. Each makes one call after the other, so that the event loop never waits.

An ended process is restarted, and its owner is asked to send its state again. A process that ends again soon after its
start is restarted only after a delay, which doubles each time. This module must not know the calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# A forked child would inherit the state of locks that other threads of the server hold.
CONTEXT = multiprocessing.get_context("spawn")

# A process that ends sooner than this after its start ends for a reason that the next start probably meets, too.
_SOON_S = 10.0
_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 60.0


class ProcessEnded(Exception):
    """The process ended before it could answer."""

    def __init__(self) -> None:
        super().__init__("a worker process of the server has ended; try again")


def restart_delay(ended_soon: int) -> float:
    """Return the seconds to wait for a restart after so many processes ended soon after their starts."""
    return 0.0 if ended_soon == 0 else min(_FIRST_DELAY_S * 2.0 ** min(ended_soon - 1, 10), _LONGEST_DELAY_S)


class WorkerProcess:
    """One process, started by the first call and set up with `begin(*arguments)`. Use it from one thread only.

    Args:
        clock: Returns seconds that never decrease.
    """

    def __init__(
        self, begin: Callable[..., object], *arguments: object, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._begin = begin
        self._arguments = arguments
        self._clock = clock
        self._life: _Life | None = None
        self._began = 0.0
        # The number of processes that ended soon after their starts, one after the other, before this one.
        self._ended_soon = 0
        self._is_closed = False
        self.on_restart: Callable[[], None] = lambda: None

    def send(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Return a future of the function's result in the process; calls run in the order in which they are sent.

        Raises:
            ProcessEnded: If the process is known to have ended, or was closed.
        """
        if self._is_closed:
            raise ProcessEnded
        if self._life is None:
            self._life, self._began = _Life(self._begin, self._arguments), self._clock()
        return self._life.send(function, arguments, named)

    async def call(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return the function's result in the process.

        If the process ends during the call, the call is made once more in the restarted process.

        Raises:
            ProcessEnded: If the process was closed, its restart has to wait, or it ends during the second call.
            Exception: If the function raises it.
        """
        try:
            return await asyncio.wrap_future(self.send(function, *arguments, **named))
        except ProcessEnded:
            if self._is_closed:
                raise
        self.restart_if_ended()
        return await asyncio.wrap_future(self.send(function, *arguments, **named))

    def restart_if_ended(self) -> None:
        """Restart the process if it has ended, unless it has ended so often that the restart has to wait."""
        # Several calls may wait for the ended process; only the first one restarts it.
        if self._life is None or not self._life.has_ended:
            return
        age = self._clock() - self._began
        delay = restart_delay(self._ended_soon)
        if age < delay:
            return
        self._ended_soon = self._ended_soon + 1 if age < max(_SOON_S, 2 * delay) else 0
        self._life = None
        self.on_restart()

    def close(self) -> None:
        """End the process after the calls that were already sent."""
        self._is_closed = True
        if self._life is not None:
            self._life.close()


class _Life:
    """One process from start to end; the calls that it did not answer fail with ProcessEnded."""

    def __init__(self, begin: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._connection, theirs = CONTEXT.Pipe()
        self._lock = threading.Lock()
        self._pending: dict[int, Future[Any]] = {}
        self._outbox: SimpleQueue[tuple[int, Callable[..., Any], Any, Any] | None] = SimpleQueue()
        self._count = 0
        self.has_ended = False
        process = CONTEXT.Process(target=_live, args=(theirs, begin, arguments), daemon=True)
        process.start()
        # The process must hold the only copy of this end, so that the pipe closes when the process ends.
        theirs.close()
        # Starting a process takes long, and a pipe may be full; the event loop must not wait for either.
        threading.Thread(target=self._write, name="worker-writer", daemon=True).start()
        threading.Thread(target=self._read, name="worker-reader", daemon=True).start()

    def send(self, function: Callable[..., T], arguments: Any, named: Any) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self.has_ended:
                raise ProcessEnded
            self._count += 1
            self._pending[self._count] = future
            self._outbox.put((self._count, function, arguments, named))
        return future

    def close(self) -> None:
        self._outbox.put(None)

    def _write(self) -> None:
        while True:
            item = self._outbox.get()
            try:
                self._connection.send(item)
            except OSError:
                return
            except Exception as error:  # noqa: BLE001 (pickling runs code of the arguments' classes)
                # A call that cannot be pickled fails alone; the process continues.
                if item is not None:
                    self._answer(item[0], None, error)
            if item is None:
                return

    def _read(self) -> None:
        while True:
            try:
                number, value, error = self._connection.recv()
            except (EOFError, OSError):
                break
            self._answer(number, value, error)
        with self._lock:
            self.has_ended = True
            unanswered, self._pending = self._pending, {}
        for future in unanswered.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(ProcessEnded())
        self.close()

    def _answer(self, number: int, value: Any, error: BaseException | None) -> None:
        with self._lock:
            future = self._pending.pop(number, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _live(connection: Connection[Any, Any], begin: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """Make calls one after the other, until the parent closes the process or ends."""
    # The server's stdin and stdout carry LSP, so output of this process must not reach them.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    begin(*arguments)
    # The server may have been killed; then nothing reads the answers.
    with contextlib.suppress(EOFError, ConnectionError):
        _answer_all(connection)


def _answer_all(connection: Connection[Any, Any]) -> None:
    while (item := connection.recv()) is not None:
        number, function, some, named = item
        value, error = None, None
        try:
            value = function(*some, **named)
        except Exception as raised:  # noqa: BLE001 (the error is the answer)
            error = raised
        connection.send((number, value, error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
