"""The framework benchmark's figures as Markdown and JSON."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from common import Timing
from startup_report import machine

BEGIN, END = "<!-- frameworks: begin -->", "<!-- frameworks: end -->"
_RESAMPLES = 4000


@dataclass(frozen=True)
class Reported:
    """The sums over the reports of all processes and workers of a start.

    `unserved` has the reason of each process that was not served, and `code_caches` each state of code caches but
    `enabled`; both with how often they occur.
    """

    processes: int
    served: int
    resolved: int
    missed: int
    stale: int
    unserved: tuple[tuple[str, int], ...]
    code_caches: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, reports: Sequence[dict[str, Any]]) -> Reported:
        """Return the sums over these reports."""

        def counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
            found = sorted(values)
            return tuple((value, found.count(value)) for value in dict.fromkeys(found))

        return cls(
            processes=len(reports),
            served=sum(report.get("served", 0) for report in reports),
            resolved=sum(report.get("resolved", 0) for report in reports),
            missed=sum(len(report.get("missed", ())) for report in reports),
            stale=sum(len(report.get("stale", ())) for report in reports),
            unserved=counted(report["reason"] for report in reports if "reason" in report),
            code_caches=counted(
                report["codeCaches"]
                for report in reports
                if "reason" not in report and report.get("codeCaches", "enabled") != "enabled"
            ),
        )


@dataclass(frozen=True)
class FrameworkMeasurement:
    """The figures of one row on one Node; `warms` is the number of warms of missed modules."""

    node: str
    row: str
    native: Timing
    served: Timing
    warms: int
    reported: Reported

    @property
    def cpu_ratio(self) -> float:
        """Return how many times more CPU time a native start takes, by the medians."""
        return self.native.median_cpu_s / self.served.median_cpu_s

    @property
    def wall_ratio(self) -> float:
        """Return how many times longer a native start takes, by the medians."""
        return self.native.median_s / self.served.median_s

    def cpu_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of `cpu_ratio`, by a bootstrap over rounds."""
        return interval(self.native.cpu_s, self.served.cpu_s, statistics.median)

    def cells(self) -> list[str]:
        """Return the cells of the table's row."""
        low, high = self.cpu_interval()
        reported = self.reported
        return [
            self.node,
            self.row,
            f"{reported.served:,}",
            f"{reported.resolved:,}",
            str(reported.missed),
            f"{self.native.median_cpu_s * 1000:.0f}",
            f"{self.served.median_cpu_s * 1000:.0f}",
            f"{self.cpu_ratio:.2f}",
            f"{low:.2f} to {high:.2f}",
            f"{self.native.median_s * 1000:.0f}",
            f"{self.served.median_s * 1000:.0f}",
            f"{self.wall_ratio:.2f}",
            f"{self.native.peak_mb:.0f}",
            f"{self.served.peak_mb:.0f}",
        ]

    def line(self) -> str:
        """Return the row as one line, with what the reports say about processes without the cache."""
        notes = [f"{count} of {text}" for text, count in (*self.reported.unserved, *self.reported.code_caches)]
        return " | ".join([*self.cells(), f"{self.reported.processes} reports, {self.warms} warms", *notes])

    def as_json(self) -> dict[str, object]:
        """Return all figures."""
        return {
            "node": self.node,
            "row": self.row,
            "cpu_ratio": round(self.cpu_ratio, 4),
            "cpu_interval": [round(end, 4) for end in self.cpu_interval()],
            "wall_ratio": round(self.wall_ratio, 4),
            "warms": self.warms,
            "reported": asdict(self.reported),
            "timings": [self.native.as_json(), self.served.as_json()],
        }


def interval(
    upper: Sequence[float], lower: Sequence[float], middle: Callable[[Sequence[float]], float]
) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of the two middles, by resampling the rounds that measured both."""
    chance = random.Random(0)
    rounds = range(len(upper))
    ratios = []
    for _ in range(_RESAMPLES):
        chosen = chance.choices(rounds, k=len(rounds))
        ratios.append(middle([upper[n] for n in chosen]) / middle([lower[n] for n in chosen]))
    ratios.sort()
    return ratios[round(0.025 * _RESAMPLES)], ratios[round(0.975 * _RESAMPLES) - 1]


def markdown(measurements: Sequence[FrameworkMeasurement]) -> str:
    """Return the table and, for each Node, the geometric mean of the ratios of CPU time."""
    starts = {len(each.native.cpu_s) for each in measurements}
    counts = " or ".join(map(str, sorted(starts)))
    lines = [
        f"Measured in one run, {counts} starts of each way: {machine()}.",
        "",
        "| Node | program | served | resolved | missed | CPU ms, `node` | CPU ms, esmcache | CPU, `node` / esmcache "
        "| 95 % interval | ms, `node` | ms, esmcache | time, `node` / esmcache | MB, `node` | MB, esmcache |",
        f"|---|---|{'--:|' * 12}",
        *(f"| {' | '.join(each.cells())} |" for each in measurements),
        "",
    ]
    for node in dict.fromkeys(each.node for each in measurements):
        ratios = [each.cpu_ratio for each in measurements if each.node == node]
        mean = statistics.geometric_mean(ratios)
        lines.append(f"Geometric mean of the ratios of CPU time, {node}: {mean:.2f} ({len(ratios)} programs).")
    return "\n".join(lines) + "\n"
