"""Runs `esmcache` in forks of a process that has imported it, since importing takes longer than most commands.

As a program (`python forked_command.py FD NODE`) this is that process; NODE is described once for all forks. It takes
requests from a Unix socket, one datagram each: the arguments, directory, environment and umask as JSON, with the
descriptors of the three standard streams and of a socket for the answer. A fork per request answers with the number of
its process and then with the exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LARGEST_REQUEST = 200_000
# A process reads these variables before any code of ours runs, so that a fork would not notice them.
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "GLIBC_")


class ForkedCommand:
    """Starts the process that forks when it is first needed; most commands are to use `node`."""

    def __init__(self, node: Path) -> None:
        self._node = node
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        *,
        stdin: str = "",
        timeout_s: float = 120,
        umask: int = -1,
    ) -> subprocess.CompletedProcess[str]:
        """Return the result of `esmcache` with these arguments; `umask` is by default that of the tests.

        Raises:
            subprocess.TimeoutExpired: If it takes longer.
        """
        command = [sys.executable, "-m", "esmcache", *arguments]
        request = json.dumps([command[3:], os.fspath(cwd), dict(environment), umask]).encode()
        if len(request) > _LARGEST_REQUEST or _is_for_the_interpreter(environment):
            return subprocess.run(
                command,
                cwd=cwd,
                env=environment,
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                timeout=timeout_s,
                check=False,
                umask=umask,
            )
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(stdin.encode())
            streams[0].seek(0)
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                descriptors = [*(stream.fileno() for stream in streams), theirs.fileno()]
                socket.send_fds(self._connection(), [request], descriptors)
            ours.settimeout(timeout_s)
            answers = stack.enter_context(ours.makefile("r"))
            number = int(answers.readline())
            try:
                exit_code = int(answers.readline())
            except TimeoutError:
                os.kill(number, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, timeout_s) from None
            output, errors = (_content(stream) for stream in streams[1:])
        return subprocess.CompletedProcess(command, exit_code, output, errors)

    def close(self) -> None:
        """End the process."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.wait()

    def _connection(self) -> socket.socket:
        if self._requests is None:
            self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command: list[str | Path] = [sys.executable, __file__, str(theirs.fileno()), self._node]
                self._process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )
        return self._requests


def _is_for_the_interpreter(environment: Mapping[str, str]) -> bool:
    names = {name for name in {*environment, *os.environ} if name.startswith(_READ_AT_THE_START)}
    return any(environment.get(name) != os.environ.get(name) for name in names)


def _content(stream: Any) -> str:
    stream.seek(0)
    text: str = stream.read().decode()
    # As subprocess reads text.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _become_command(requests: socket.socket) -> None:
    """Fork for each request; return in the process that is to run the command, with all that it needs in place."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 4)
        if not request:
            sys.exit(0)
        if os.fork() == 0:
            break
        for descriptor in descriptors:
            os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    requests.close()
    answers = descriptors.pop()
    number = os.fork()
    if number != 0:
        for descriptor in descriptors:
            os.close(descriptor)
        _report(answers, number)
    os.close(answers)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    arguments, directory, environment, umask = json.loads(request)
    os.chdir(directory)
    if umask >= 0:
        os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["esmcache", *arguments]


def _report(answers: int, number: int) -> None:
    """Write the process number and, when the process has ended, its exit code; then end this process."""
    # The command may be killed at once, and the client may be gone.
    with contextlib.suppress(BrokenPipeError):
        os.write(answers, f"{number}\n".encode())
        _, status = os.waitpid(number, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _import_all() -> None:
    import importlib
    import pkgutil

    import esmcache

    for module in pkgutil.walk_packages(esmcache.__path__, "esmcache."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


if __name__ == "__main__":
    from shared_nodes import describe_now, described_once

    # `python -m` has the working directory there, not this file's.
    sys.path[0] = ""
    _import_all()
    with described_once([Path(sys.argv[2])]):
        describe_now(Path(sys.argv[2]))
        # The system removes the forks that have ended.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _become_command(socket.socket(fileno=int(sys.argv[1])))
        runpy.run_module("esmcache", run_name="__main__", alter_sys=True)
