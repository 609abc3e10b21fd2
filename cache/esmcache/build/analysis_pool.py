"""Analyses many sources on several cores, in processes because tree-sitter holds Python's global interpreter lock.

The worker processes run this file, too. A worker reads sources from its standard input and ends when that is closed, so
it ends with its parent.

`concurrent.futures.ProcessPoolExecutor` does not fit a library that other programs call:

- Started by `spawn` or `forkserver`, a worker runs the calling program's main module again. All pools of a script
  without `if __name__ == "__main__"`, or of one that Python reads from its standard input, fail.
- Started by `fork`, a worker inherits the locks that other threads of the calling program hold, such as those of the
  language server, and can wait for them forever. Python 3.12 and later warn of this.
- If the calling program is killed, its workers stay, however they were started: each holds both ends of the queue from
  which it reads, so it sees no end.
- If one worker dies, all tasks fail. Here, this process does that worker's share.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from esmcache.analysis import Analysis, analyse_commonjs, analyse_module

# Starting a process takes as long as analysing some 2 MB of source.
_WORTH_A_PROCESS = 4_000_000
# The size of one share of work: small enough that all processes finish at about the same time.
_SHARE_BYTES = 100_000
_READY = b"\n"


@dataclass(frozen=True, slots=True)
class AnalysisTask:
    """A source text to analyse: an ES module if `is_module`, else CommonJS."""

    source: bytes
    is_module: bool

    def run(self) -> Analysis:
        """Return the analysis."""
        return analyse_module(self.source) if self.is_module else analyse_commonjs(self.source)


def analyse_all(tasks: Sequence[AnalysisTask], processes: int) -> list[Analysis]:
    """Return the analysis of each task, in the order of the tasks, using at most `processes` processes.

    This process is one of them; others are started only if there is enough work. This process does what they leave
    undone.
    """
    size = sum(len(task.source) for task in tasks)
    others = min(processes - 1, size // _WORTH_A_PROCESS)
    work = _Work(tasks)
    threads = [threading.Thread(target=_have_done, args=(work,), daemon=True) for _ in range(others)]
    for thread in threads:
        thread.start()
    try:
        work.do()
    except BaseException:
        work.abandon()
        raise
    for thread in threads:
        thread.join()
    # Do the shares that failed processes gave back.
    work.do()
    return work.results()


class _Work:
    """Tasks divided into shares, and their results; any thread may take part."""

    def __init__(self, tasks: Sequence[AnalysisTask]) -> None:
        self._tasks = tasks
        self._results: list[Analysis | None] = [None] * len(tasks)
        self._shares: deque[range] = deque(_shares(tasks))

    def take(self) -> range | None:
        """Return the indexes of a share that nobody else has taken, or None if all shares are taken."""
        try:
            return self._shares.popleft()
        except IndexError:
            return None

    def abandon(self) -> None:
        """Discard the shares that are left, so that the other threads stop."""
        self._shares.clear()

    def give_back(self, share: range) -> None:
        self._shares.append(share)

    def tasks(self, share: range) -> list[AnalysisTask]:
        return [self._tasks[index] for index in share]

    def note(self, share: range, analyses: Sequence[Analysis]) -> None:
        self._results[share.start : share.stop] = analyses

    def do(self) -> None:
        """Analyse the shares that are left in this thread."""
        while (share := self.take()) is not None:
            self.note(share, [task.run() for task in self.tasks(share)])

    def results(self) -> list[Analysis]:
        return [analysis for analysis in self._results if analysis is not None]


def _shares(tasks: Sequence[AnalysisTask]) -> Iterator[range]:
    start = size = 0
    for index, task in enumerate(tasks):
        size += len(task.source)
        if size >= _SHARE_BYTES:
            yield range(start, index + 1)
            start, size = index + 1, 0
    if start < len(tasks):
        yield range(start, len(tasks))


def _have_done(work: _Work) -> None:
    """Have a separate process analyse shares until none is left or the process ends."""
    # -P: Python must not import modules from the current directory.
    command = [sys.executable, "-P", "-m", __name__]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return
    assert process.stdin is not None and process.stdout is not None
    with process:
        share = None
        # A share is not done if its process ends, or answers with something else than analyses.
        with contextlib.suppress(Exception):
            if process.stdout.read(len(_READY)) == _READY:
                while (share := work.take()) is not None:
                    pickle.dump(work.tasks(share), process.stdin, pickle.HIGHEST_PROTOCOL)
                    process.stdin.flush()
                    work.note(share, pickle.load(process.stdout))
        if share is not None:
            work.give_back(share)
        with contextlib.suppress(OSError):
            process.stdin.close()


def _serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer with the analyses of all tasks that are read from `asked`, until that ends."""
    answers.write(_READY)
    answers.flush()
    with contextlib.suppress(EOFError):
        while True:
            pickle.dump([task.run() for task in pickle.load(asked)], answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    # Redirect stdout to stderr, so that printed text is not taken for an answer.
    _answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(sys.stdin.buffer, _answers)
