"""The benchmarks' timing: which starts count as equal, and what is reported if they differ."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from common import FEWEST_ROUNDS, Failure, Outcome, Ready, Way, interleave, start


def way(name: str, program: str) -> Way:
    return Way(name, (sys.executable, "-c", program), dict(os.environ))


def test_each_round_starts_every_way_once(tmp_path: Path) -> None:
    rounds: list[int] = []
    timings = interleave(
        [way("plain", "print(1)"), way("other", "print(0 + 1)")], 3, tmp_path, lambda: rounds.append(1)
    )
    assert [(timing.way, len(timing.seconds)) for timing in timings] == [("plain", 3), ("other", 3)]
    assert len(rounds) == 3
    assert min(timings[0].seconds) <= timings[0].median_s <= max(timings[0].seconds)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print(1); print(3)", "stdout differs in line 2"),
        ("print(1)", "stdout differs in line 2"),
        ("import sys; print(1); print(2); print(file=sys.stderr)", "stderr differs in line 1"),
        ("print(1); print(2); raise SystemExit(3)", "exit code 3"),
    ],
)
def test_a_start_that_differs_is_a_failure(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(Failure, match=message):
        interleave([way("plain", "print(1); print(2)"), way("other", program)], 1, tmp_path)


@pytest.mark.parametrize("command", [(sys.executable, "-c", "print(2)"), ("/nowhere/runtime",)])
def test_a_way_that_need_not_agree_is_left_out_with_the_reason(tmp_path: Path, command: tuple[str, ...]) -> None:
    peer = Way("peer", command, dict(os.environ), must_agree=False)
    plain, left_out = interleave([way("plain", "print(1)"), peer], 2, tmp_path)
    assert len(plain.seconds) == len(plain.peaks_mb) == 2
    assert (left_out.seconds, left_out.peaks_mb) == ([], [])
    assert "peer" in left_out.left_out
    assert left_out.as_json() == {"way": "peer", "left_out": left_out.left_out}


def test_a_start_measures_its_peak_of_memory(tmp_path: Path) -> None:
    small, large = (start(way(text, text), tmp_path).peak_mb for text in ("pass", "bytearray(b'1' * 90_000_000)"))
    assert small + 80 < large


def test_an_end_in_time_leaves_enough_rounds(tmp_path: Path) -> None:
    (timing,) = interleave([way("plain", "pass")], 50, tmp_path, enough_s=0)
    assert len(timing.seconds) == FEWEST_ROUNDS


def test_a_program_that_lives_on_is_started_until_it_is_ready(tmp_path: Path) -> None:
    program = "import time; print('begun'); print('ready at 7', flush=True); time.sleep(1000)"
    started = start(replace(way("server", program), until=Ready(r"ready at \d")), tmp_path)
    assert started.outcome == Outcome(-9, b"begun\nready at 7\n", b"")


def test_a_server_is_started_until_it_has_answered(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("a page")
    program = """if True:
        from http.server import HTTPServer, SimpleHTTPRequestHandler
        server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
        print(f"port {server.server_port}", flush=True)
        server.serve_forever()
    """
    started = start(replace(way("server", program), until=Ready(r"port (\d+)", "/page.txt")), tmp_path)
    assert started.outcome.stdout.splitlines()[1:] == [b"HTTP/1.0 200 OK", b"a page"]


def test_a_program_that_ends_before_it_is_ready_is_measured(tmp_path: Path) -> None:
    started = start(replace(way("server", "print('gone'); raise SystemExit(3)"), until=Ready("ready")), tmp_path)
    assert started.outcome.stdout == b"gone\n"


def test_descendants_count_and_end_with_the_start(tmp_path: Path) -> None:
    program = """if True:
        import os, time
        reading, writing = os.pipe()
        # The parent of the process that works does not wait for it.
        if os.fork() == 0:
            if os.fork() == 0:
                while time.process_time() < 0.3: pass
                os.write(writing, str(os.getpid()).encode())
                time.sleep(1000)
            os._exit(0)
        print(os.read(reading, 9).decode(), flush=True)
        os._exit(0)
    """
    started = start(way("plain", program), tmp_path)
    assert started.cpu_s >= 0.3
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.outcome.stdout), 0)


def test_unsteady_parts_of_a_result_are_left_out(tmp_path: Path) -> None:
    noisy = way("noisy", "import os; print('steady'); print(os.getpid())")
    steady = replace(noisy, steady=lambda outcome: replace(outcome, stdout=outcome.stdout.splitlines()[0]))
    (timing,) = interleave([steady], 2, tmp_path)
    assert len(timing.seconds) == 2
