"""The benchmarks' timing: which starts count as equal, and what is reported if they differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from common import FEWEST_ROUNDS, Failure, Way, interleave, start


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
