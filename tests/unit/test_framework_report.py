"""The framework benchmark's ratios, and its sums over the reports of a start's processes."""

from __future__ import annotations

import statistics

from common import Timing
from framework_report import FrameworkMeasurement, Reported, interval, markdown


def measurement(row: str, native_s: list[float], served_s: list[float]) -> FrameworkMeasurement:
    def timing(way: str, seconds: list[float]) -> Timing:
        return Timing(way, seconds, seconds, [50.0] * len(seconds))

    return FrameworkMeasurement("v24", row, timing("node", native_s), timing("esmcache", served_s), 1, Reported.of([]))


def test_the_interval_of_a_constant_ratio_is_that_ratio() -> None:
    assert interval([2.0] * 9, [1.0] * 9, statistics.median) == (2, 2)


def test_the_interval_resamples_rounds_and_not_single_starts() -> None:
    # Both starts of a round are slow or fast together, so each round has the ratio 2.
    rounds = [1.0, 4.0] * 8
    assert interval([2 * each for each in rounds], rounds, statistics.median) == (2, 2)


def test_the_table_has_ratios_and_their_geometric_mean() -> None:
    text = markdown([measurement("slow", [0.4] * 3, [0.8] * 3), measurement("fast", [0.8] * 3, [0.1] * 3)])
    assert "| slow | 0 | 0 | 0 | 400 | 800 | 0.50 | 0.50 to 0.50 |" in text
    assert "v24: 2.00 (2 programs)" in text


def test_reports_of_all_processes_are_added_up() -> None:
    reported = Reported.of(
        [
            {"served": 3, "resolved": 4, "missed": ["a"], "stale": [], "codeCaches": "enabled"},
            {"served": 2, "resolved": 1, "missed": [], "stale": ["b"], "codeCaches": "none"},
            {"served": 0, "missed": [], "reason": "no manifest"},
        ]
    )
    assert (reported.processes, reported.served, reported.resolved) == (3, 5, 5)
    assert (reported.missed, reported.stale) == (1, 1)
    assert reported.unserved == (("no manifest", 1),)
    assert reported.code_caches == (("none", 1),)
