"""Starts the processes that stdin asks for, one by one, and answers with wall time, CPU time and peak memory.

Linux counts the memory of a process as the initial peak of the processes that it starts. This one therefore stays
small: it runs under `python -I -S` and imports very little.
"""

import ctypes
import json
import os
import re
import signal
import socket
import sys
import time
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_CONNECTION_S = 60
_BETWEEN_KILLS_S = 0.05


def main() -> None:
    """Answer each line of JSON with one line of JSON until stdin ends."""
    # Processes whose parent is gone become children of this one, so that their CPU time is counted, too.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, lambda *_: kill_children())
    for line in sys.stdin:
        try:
            answer = run(json.loads(line))
        except OSError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Return the exit code and the costs of a process and all its descendants, after they have ended.

    Raises:
        OSError: If the process cannot be started.
    """
    os.chdir(job["cwd"])
    until = job["until"]
    stdout = os.open(job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    reading, writing = os.pipe() if until else (-1, stdout)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_OPEN, 2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    before = time.perf_counter()
    try:
        pid = os.posix_spawn(job["command"][0], job["command"], job["environment"], file_actions=actions)
    finally:
        os.close(writing)
    # A start that hangs ends as a killed process.
    signal.setitimer(signal.ITIMER_REAL, job["timeout_s"], _BETWEEN_KILLS_S)
    if until:
        output = read_until_ready(reading, **until)
        seconds = time.perf_counter() - before
        # The process may have ended by itself, and keeps its number until it is waited for.
        os.kill(pid, job["stop"])
        os.close(reading)
        os.write(stdout, output)
        os.close(stdout)
    _, status, usage = os.wait4(pid, 0)
    if not until:
        seconds = time.perf_counter() - before
    usages = [usage, *end_children()]
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_s": sum(each.ru_utime + each.ru_stime for each in usages),
        "peak_kb": max(each.ru_maxrss for each in usages),
    }


def read_until_ready(reading: int, line: str, get: str) -> bytes:
    """Return the output up to the line that says the program is ready, and the answer to a request if `get` names one.

    Args:
        reading: The descriptor from which the output is read.
        line: A pattern that this line contains; with `get`, its first group is the port.
        get: The path to request from the program's HTTP server, or an empty text.
    """
    output = b""
    while chunk := os.read(reading, 65536):
        output += chunk
        if (found := re.search(line.encode(), output)) and b"\n" in output[found.end() :]:
            output = output[: output.index(b"\n", found.end()) + 1]
            return output + request(int(found[1]), get) if get else output
    return output


def request(port: int, path: str) -> bytes:
    """Return the status line and the body of an HTTP server's answer, or what went wrong."""
    try:
        with socket.create_connection(("127.0.0.1", port), _CONNECTION_S) as connection:
            text = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            connection.sendall(text.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError as error:
        return f"no answer: {error}\n".encode()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0] + b"\n" + body


def end_children() -> list[Any]:
    """Kill all processes that are left and return the resources that they have used."""
    usages = []
    while True:
        kill_children()
        try:
            usages.append(os.wait4(-1, 0)[2])
        except ChildProcessError:
            return usages


def kill_children() -> None:
    """Kill the children of this process. Their own children then become children of this one."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        for pid in children.read().split():
            os.kill(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    main()
