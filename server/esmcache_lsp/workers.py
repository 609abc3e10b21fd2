"""Processes of the server's own, each doing one call after the other, so that the event loop never waits.

A process that has ended is replaced; whoever gave it something to keep is asked to give it again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Nothing of a parent that has threads is shared with a process that starts anew.
CONTEXT = multiprocessing.get_context("spawn")


class WorkerProcess:
    """One process, begun with `begin(*arguments)` when there is something to do."""

    def __init__(self, begin: Callable[..., None], *arguments: object) -> None:
        self._begin = begin
        self._arguments = arguments
        self._executor: ProcessPoolExecutor | None = None
        self._is_closed = False
        self.on_restart: Callable[[], None] = lambda: None

    def send(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Return a future of what the function returns in the process, after all that was sent before.

        Raises BrokenProcessPool where it is known to have ended.
        """
        if self._is_closed:
            raise BrokenProcessPool("the session has ended")
        if self._executor is None:
            self._executor = ProcessPoolExecutor(1, CONTEXT, _begin_process, (self._begin, self._arguments))
        return self._executor.submit(function, *arguments, **named)

    async def call(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what the function returns in the process; raises what it raises.

        A call during which the process ends is tried once more, in the process that takes its place.
        """
        try:
            return await asyncio.wrap_future(self.send(function, *arguments, **named))
        except BrokenProcessPool:
            if self._is_closed:
                raise
        self.restart_if_broken()
        return await asyncio.wrap_future(self.send(function, *arguments, **named))

    def close(self) -> None:
        """End the process once it has done what it is at."""
        self._is_closed = True
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def restart_if_broken(self) -> None:
        """Have another process take the place of one that has ended."""
        # Of several calls that were waiting, the first one restarts.
        executor = self._executor
        if executor is not None:
            try:
                executor.submit(os.getpid)
            except RuntimeError:
                executor.shutdown(wait=False)
                self._executor = None
                self.on_restart()


def _begin_process(begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    # The client's pipes are the server's alone: what is printed here must not get into them.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
