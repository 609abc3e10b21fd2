"""Lets a language server that is a fork start its worker processes as forks, too.

`multiprocessing` starts a worker as a new interpreter, which imports what the worker needs. Here a process that has
imported it already is forked for each. If that process has been killed, workers are started as ever.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing.util
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

_LARGEST_REQUEST = 200_000
_MOST_DESCRIPTORS = 20
# Above all numbers of descriptors that a worker expects.
_OUT_OF_THE_WAY = 200


def fork_workers(fork: Callable[[], int]) -> None:
    """Start the process that is forked, and let `multiprocessing` use it; this process must have one thread.

    Args:
        fork: Returns 0 in a new process and its number in the calling one, whose parent gets the new process.
    """
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        requests.close()
        _serve(theirs, fork)
    theirs.close()
    util: Any = multiprocessing.util
    start_plainly = util.spawnv_passfds

    def start(path: str | bytes, arguments: Sequence[str | bytes], passed: Sequence[int]) -> int:
        named = [os.fsdecode(argument) for argument in arguments]
        if "--multiprocessing-fork" in named:
            descriptors = [0, 1, 2, *passed]
            content = json.dumps([named, descriptors, dict(os.environ)]).encode()
            try:
                socket.send_fds(requests, [content], descriptors)
                if answer := requests.recv(20):
                    return int(answer)
            except OSError:
                pass
        number: int = start_plainly(path, arguments, passed)
        return number

    util.spawnv_passfds = start


def _serve(requests: socket.socket, fork: Callable[[], int]) -> None:
    """Fork for each request until the server ends; in a worker, raise SystemExit at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    while True:
        content, received, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, _MOST_DESCRIPTORS)
        if not content:
            os._exit(0)
        number = fork()
        if number == 0:
            break
        for descriptor in received:
            os.close(descriptor)
        requests.send(str(number).encode())
    requests.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    named, numbers, environment = json.loads(content)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for descriptor in received]
    for descriptor in (nothing, *received):
        os.close(descriptor)
    for descriptor, wanted in zip(moved, numbers, strict=True):
        os.dup2(descriptor, wanted)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    code = named.index("-c") + 1
    sys.argv = ["-c", *named[code + 1 :]]
    # It calls multiprocessing.spawn.spawn_main with the numbers of descriptors.
    exec(named[code], {"__name__": "__main__"})
    os._exit(1)
