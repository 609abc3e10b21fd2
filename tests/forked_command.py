"""Starts `esmcache` and its language server as forks of a process that has imported them, since importing takes long.

As a program (`python forked_command.py FD NODE…`) this is that process, which lets each NODE describe itself once for
all forks. It takes requests from a Unix socket, one datagram each: what to run, as JSON, with the descriptors of the
three standard streams. The answer is the number of a process whose parent is the process of the tests.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import inspect
import json
import os
import pkgutil
import platform
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

_LARGEST_REQUEST = 200_000
# A process reads these variables before any code of ours runs, so that a fork would not notice them.
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "GLIBC_")
# The number of clone(2).
_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine())
_CLONE_PARENT = 0x8000


class _Request(TypedDict):
    module: str
    arguments: list[str]
    directory: str
    environment: dict[str, str]
    umask: int
    is_session: bool


class ForkedCommand:
    """Starts the process that forks when it is first needed; most commands are to use one of `nodes`."""

    def __init__(self, nodes: Sequence[Path]) -> None:
        self._nodes = nodes
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
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            given.write(stdin.encode())
            given.seek(0)
            with self.popen("esmcache")(
                command, cwd=cwd, env=environment, stdin=given, stdout=output, stderr=errors, umask=umask
            ) as process:
                try:
                    process.wait(timeout_s)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
            return subprocess.CompletedProcess(command, process.returncode, _content(output), _content(errors))

    def popen(self, *modules: str) -> type[subprocess.Popen[Any]]:
        """Return a class like Popen whose processes are forks if they run `python -m` with one of these modules."""
        starts = [[sys.executable, "-m", module] for module in modules]
        names = inspect.signature(PlainPopen._execute_child)

        class Popen(PlainPopen):  # type: ignore[misc]
            def _execute_child(self, *given: Any) -> None:
                values = names.bind(self, *given).arguments
                pid = command._fork(values) if list(values["args"])[:3] in starts else None
                if pid is None:
                    super()._execute_child(*given)
                    return
                self.pid = pid
                self._child_created = True
                streams = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
                self._close_pipe_fds(*(values[name] for name in streams))

        command = self
        return Popen

    def close(self) -> None:
        """End the process."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.wait()

    def _fork(self, values: Mapping[str, Any]) -> int | None:
        """Return the number of the new process, or None if no fork can be that process."""
        environment = dict(os.environ if values["env"] is None else values["env"])
        unusual = ("preexec_fn", "pass_fds", "shell", "gid", "gids", "uid")
        groups = values.get("process_group", -1)
        if _CLONE is None or _is_for_the_interpreter(environment) or groups != -1 or any(map(values.get, unusual)):
            return None
        request: _Request = {
            "module": values["args"][2],
            "arguments": [os.fspath(argument) for argument in values["args"][3:]],
            "directory": os.fspath(values["cwd"] or os.getcwd()),
            "environment": {os.fspath(name): os.fspath(value) for name, value in environment.items()},
            "umask": _own_umask() if values["umask"] < 0 else values["umask"],
            "is_session": values["start_new_session"],
        }
        content = json.dumps(request).encode()
        if len(content) > _LARGEST_REQUEST:
            return None
        given = [values[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        streams = [number if descriptor == -1 else descriptor for number, descriptor in enumerate(given)]
        connection = self._connection()
        socket.send_fds(connection, [content], streams)
        return int(connection.recv(20))

    def _connection(self) -> socket.socket:
        if self._requests is None:
            self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = PlainPopen(
                    [sys.executable, __file__, str(theirs.fileno()), *self._nodes],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
        return self._requests


# The attribute of `subprocess` is replaced while tests run.
PlainPopen: Any = subprocess.Popen


def _is_for_the_interpreter(environment: Mapping[str, str]) -> bool:
    names = {name for name in {*environment, *os.environ} if name.startswith(_READ_AT_THE_START)}
    return any(environment.get(name) != os.environ.get(name) for name in names)


def _own_umask() -> int:
    """Return this process's umask; reading it by os.umask would change it for other threads."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Umask:"))
    return int(line.removeprefix("Umask:"), 8)


def _content(stream: Any) -> str:
    stream.seek(0)
    text: str = stream.read().decode()
    # As subprocess reads text.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _become_command(requests: socket.socket) -> str:
    """Fork for each request; return the module to run in the new process, with all that it needs in place."""
    while True:
        content, descriptors, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 3)
        if not content:
            sys.exit(0)
        request: _Request = json.loads(content)
        _import_all("esmcache")
        _import_all(request["module"])
        gc.freeze()
        number = _fork_for_parent()
        if number == 0:
            break
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(str(number).encode())
    requests.close()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    if request["is_session"]:
        os.setsid()
    os.umask(request["umask"])
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # `python -m` has the working directory there, not this file's.
    sys.path[0] = os.getcwd()
    sys.argv = [request["module"], *request["arguments"]]
    if request["module"] == "esmcache_lsp":
        fork_workers(_fork_for_parent)
    return request["module"]


def _fork_for_parent() -> int:
    """Return 0 in a new process and its number in this one; it is a child of this one's parent, which can wait for it.

    Raises:
        OSError: If the system can start no process.
    """
    library = ctypes.PyDLL(None, use_errno=True)
    ctypes.pythonapi.PyOS_BeforeFork()
    number: int = library.syscall(_CLONE, _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if number == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if number < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return number


def _import_all(package: str) -> None:
    if package in _imported:
        return
    _imported.add(package)
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


_imported: set[str] = set()

if __name__ == "__main__":
    from forked_workers import fork_workers
    from shared_nodes import describe_now, described_once

    nodes = [Path(name) for name in sys.argv[2:]]
    with described_once(nodes):
        describe_now(nodes)
        runpy.run_module(_become_command(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__", alter_sys=True)
