"""A worker process of the server: it is restarted when it ends, but not again and again without a delay."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from esmcache_lsp.workers import ProcessEnded, WorkerProcess, restart_delay

_WATCHDOG_S = 120


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A process that does nothing of its own, with a clock that the test sets."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.process = WorkerProcess(os.getpid, clock=self.clock)

    def runs(self) -> bool:
        """Return whether the process answers, after a restart if one is due."""
        self.process.restart_if_ended()
        try:
            return self.process.send(os.getpid).result(_WATCHDOG_S) > 0
        except ProcessEnded:
            return False

    def end(self) -> None:
        with pytest.raises(ProcessEnded):
            self.process.send(os._exit, 1).result(_WATCHDOG_S)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_first_end_restarts_at_once(worker: Worker) -> None:
    assert worker.runs()
    worker.end()
    assert worker.runs()
    worker.process.close()


def test_each_further_early_end_doubles_the_delay(worker: Worker) -> None:
    assert worker.runs()
    worker.end()
    for delay in (1.0, 2.0, 4.0):
        assert worker.runs()
        worker.end()
        worker.clock.now += delay - 0.1
        assert not worker.runs()
        worker.clock.now += 0.1
    assert worker.runs()
    worker.process.close()


def test_delay_grows_to_a_minute() -> None:
    assert [restart_delay(ended_soon) for ended_soon in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert restart_delay(5000) == 60


def test_process_that_lived_long_restarts_at_once_again(worker: Worker) -> None:
    assert worker.runs()
    worker.end()
    assert worker.runs()
    worker.end()
    worker.clock.now += 60.0
    assert worker.runs()
    worker.end()
    assert worker.runs()
    worker.process.close()


def test_ended_process_is_restarted_once_for_all_waiting_calls(worker: Worker) -> None:
    restarts = []
    worker.process.on_restart = lambda: restarts.append(1)
    assert worker.runs()
    worker.end()
    worker.process.restart_if_ended()
    worker.process.restart_if_ended()
    assert restarts == [1]
    worker.process.close()
