"""Starts the processes that stdin asks for, one by one, and answers with wall time, CPU time and peak memory.

Linux counts the memory of a process as the initial peak of the processes that it starts. This one therefore stays
small: it runs under `python -I -S` and imports very little.
"""

import json
import os
import signal
import sys
import time


def main() -> None:
    """Answer each line of JSON with one line of JSON until stdin ends."""
    for line in sys.stdin:
        job = json.loads(line)
        os.chdir(job["cwd"])
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        ]
        before = time.perf_counter()
        try:
            pid = os.posix_spawn(job["command"][0], job["command"], job["environment"], file_actions=actions)
        except OSError as error:
            print(json.dumps({"error": str(error)}), flush=True)
            continue
        # A start that hangs ends as a killed process.
        signal.signal(signal.SIGALRM, lambda *_, pid=pid: os.kill(pid, signal.SIGKILL))
        signal.alarm(job["timeout_s"])
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - before
        signal.alarm(0)
        exit_code = os.waitstatus_to_exitcode(status)
        cpu_s = usage.ru_utime + usage.ru_stime
        answer = {"exit_code": exit_code, "seconds": seconds, "cpu_s": cpu_s, "peak_kb": usage.ru_maxrss}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
