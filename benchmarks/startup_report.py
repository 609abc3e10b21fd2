"""The start-up benchmark's figures as Markdown and JSON: first the ratios, then every time and peak of memory."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common import Failure, Served, Timing
from startup_ways import ALL_WAYS, COMPILE_CACHE, ESMCACHE, NODE

BEGIN, END = "<!-- startup: begin -->", "<!-- startup: end -->"
# Tools with fewer modules have little to gain, so the means exclude them.
MANY_MODULES = 200
LONGEST_REASON = 160
ABSENT = "\N{EN DASH}"


@dataclass(frozen=True)
class Measurement:
    """The figures of one program on one Node, with a Timing for each way that could be tried."""

    node: str
    program: str
    is_tool: bool
    served: Served | None
    timings: list[Timing]
    missing: dict[str, str] = field(default_factory=dict)

    def timing(self, way: str) -> Timing | None:
        """Return the figures of a way, or None if it was not measured or was left out."""
        return next((each for each in self.timings if each.way == way and not each.left_out), None)

    def ratio(self, way: str, to: str = ESMCACHE) -> float | None:
        """Return how many times longer `way` takes than `to`, or None if either has no figures."""
        upper, lower = self.timing(way), self.timing(to)
        return upper.median_s / lower.median_s if upper and lower else None

    def reason(self, way: str) -> str:
        """Return why a way has no figures; empty if it has figures or was not requested."""
        return self.missing.get(way) or next((each.left_out for each in self.timings if each.way == way), "")

    @property
    def served_of(self) -> str:
        """Return the numbers of modules from the cache and of all modules, as text."""
        return f"{self.served.from_cache:,} of {self.modules:,}" if self.served else ABSENT

    @property
    def modules(self) -> int:
        """Return the number of modules that the program loads, as the runner counts them."""
        return self.served.from_cache + self.served.natively if self.served else 0

    def as_json(self) -> dict[str, object]:
        """Return the figures with the ratios that the Markdown table shows."""
        ratios = {way: ratio for way in ALL_WAYS if (ratio := self.ratio(way)) is not None}
        return {
            "node": self.node,
            "program": self.program,
            "served": self.served.from_cache if self.served else None,
            "loaded_natively": self.served.natively if self.served else None,
            "ratios_to_esmcache": {way: round(ratio, 3) for way, ratio in ratios.items()},
            "missing": self.missing,
            "timings": [timing.as_json() for timing in self.timings],
        }


@dataclass(frozen=True)
class ChangeMeasurement:
    """The first starts after a change; `served` has the ways that use the cache, `warm_s` the time of each warm."""

    node: str
    program: str
    change: str
    timings: list[Timing]
    served: dict[str, Served]
    warm_s: list[float]

    def as_json(self) -> dict[str, object]:
        """Return the figures; `warm_ms` has the time of each warm after a change."""
        return {
            "node": self.node,
            "program": self.program,
            "change": self.change,
            "warm_ms": [round(seconds * 1000, 2) for seconds in self.warm_s],
            "served": {way: one.from_cache for way, one in self.served.items()},
            "timings": [timing.as_json() for timing in self.timings],
        }


@dataclass(frozen=True)
class PreloadMeasurement:
    """A program of one module under several preloads; the first Timing is that of plain Node."""

    node: str
    program: str
    timings: list[Timing]

    def as_json(self) -> dict[str, object]:
        """Return the figures."""
        return {
            "node": self.node,
            "program": self.program,
            "timings": [timing.as_json() for timing in self.timings],
        }


def markdown(
    measurements: Sequence[Measurement],
    preloads: Sequence[PreloadMeasurement],
    changes: Sequence[ChangeMeasurement],
    ways: Sequence[str],
    peers: Sequence[str],
) -> str:
    """Return all tables with their footnotes."""
    lines = [f"Measured in one run: {machine()}.", f"Peers: {', '.join(peers)}." if peers else ""]
    footnotes = Footnotes()
    if measurements:
        lines += ["", *ratio_table(measurements, ways, footnotes), "", *footnotes.lines()]
        lines += mean_lines(measurements, ways)
        lines += ["", *full_table(measurements)]
    if preloads:
        lines += ["", *preload_table(preloads)]
    if changes:
        lines += ["", *change_table(changes)]
    return "\n".join(lines).strip() + "\n"


class Footnotes:
    """Numbers each reason once, in the order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        """Return a dash with the number of a reason, or a dash alone if the reason is empty."""
        if not reason:
            return ABSENT
        first, *rest = without_paths(reason).splitlines()
        # A crash is shortened to the line that names the error; a difference is shown whole.
        told = [line for line in rest if re.search(r"\w*Error\b|^error\b", line)][:1] if "exit code" in first else rest
        short = " ".join(" ".join([first, *told]).split()).replace("|", "/").replace("<", "&lt;")
        short = short if len(short) <= LONGEST_REASON else short[:LONGEST_REASON] + "…"
        return f"{ABSENT} <sup>{self._numbers.setdefault(short, len(self._numbers) + 1)}</sup>"

    def lines(self) -> list[str]:
        """Return one line per footnote, and then an empty line."""
        if not self._numbers:
            return []
        return [f"{number}. {reason}" for reason, number in self._numbers.items()] + [""]


def without_paths(text: str) -> str:
    """Return the text without this machine's paths."""
    here = Path(__file__).resolve().parent.parent
    return text.replace(f"{here}{os.sep}", "").replace(str(Path.home()), "~")


def ratio_table(measurements: Sequence[Measurement], ways: Sequence[str], footnotes: Footnotes) -> Iterable[str]:
    """Yield the times of served starts, and how many times longer all other ways take."""
    others = [way for way in ways if way != ESMCACHE]
    yield "Each column but esmcache's own is a ratio: how many times longer that way takes. Below 1 it is faster."
    yield ""
    yield f"| Node | program | served | esmcache | {' | '.join(others)} |"
    yield f"|---|---|--:|--:|{'--:|' * len(others)}"
    for each in measurements:
        ours = each.timing(ESMCACHE)
        cells = [each.node, each.program, each.served_of, f"{ours.median_s * 1000:.0f} ms" if ours else ABSENT]
        for way in others:
            ratio = each.ratio(way)
            cells.append(f"{ratio:.2f}" if ratio is not None else footnotes.mark(each.reason(way)))
        yield f"| {' | '.join(cells)} |"


def mean_lines(measurements: Sequence[Measurement], ways: Sequence[str]) -> Iterable[str]:
    """Yield for each Node the geometric means over the tools with many modules that each way can run."""
    for node in dict.fromkeys(each.node for each in measurements):
        tools = [each for each in measurements if each.node == node and each.is_tool and each.modules >= MANY_MODULES]
        means = []
        for way in (way for way in ways if way != ESMCACHE):
            ratios = [ratio for each in tools if (ratio := each.ratio(way)) is not None]
            if ratios:
                means.append(f"{way} {statistics.geometric_mean(ratios):.2f} ({len(ratios)} of {len(tools)} tools)")
        if means:
            yield f"Geometric means over tools of {MANY_MODULES} modules and more, {node}: {'; '.join(means)}."
        rivals = [ratio for each in tools if (ratio := each.ratio(NODE, COMPILE_CACHE)) is not None]
        if rivals:
            yield f"Node's own compile cache over plain Node, the same tools: {statistics.geometric_mean(rivals):.2f}."


def full_table(measurements: Sequence[Measurement]) -> Iterable[str]:
    """Yield every median with its extremes and the peak of memory."""
    yield "| Node | program | way | ms | fastest to slowest | starts | `node` / way | MB | MB / `node` |"
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|"
    for each in measurements:
        plain = each.timing(NODE)
        for timing in each.timings:
            if timing.left_out:
                continue
            ratio = each.ratio(NODE, timing.way)
            cells = [
                each.node,
                each.program,
                timing.way,
                *time_cells(timing),
                str(len(timing.seconds)),
                f"{ratio:.2f}" if ratio is not None else ABSENT,
                f"{timing.peak_mb:.0f}",
                f"{timing.peak_mb / plain.peak_mb:.2f}" if plain else ABSENT,
            ]
            yield f"| {' | '.join(cells)} |"


def preload_table(preloads: Sequence[PreloadMeasurement]) -> Iterable[str]:
    """Yield the time that each preload adds to a start of plain Node, at the median and at the fastest fifth."""
    yield "What the preload adds to the start of one module:"
    yield ""
    yield "| Node | program | way | ms | ms beyond `node` | the fastest fifth | starts |"
    yield "|---|---|---|--:|--:|--:|--:|"
    for each in preloads:
        plain = each.timings[0]
        for timing in each.timings:
            beyond = (timing.median_s - plain.median_s) * 1000
            beyond_fast = (fast_s(timing) - fast_s(plain)) * 1000
            added = ["", ""] if timing is plain else [f"{beyond:+.1f}", f"{beyond_fast:+.1f}"]
            cells = [each.node, each.program, timing.way, f"{timing.median_s * 1000:.1f}", *added]
            yield f"| {' | '.join([*cells, str(len(timing.seconds))])} |"


def fast_s(timing: Timing) -> float:
    """Return the time at the fastest fifth of the starts, where other work on the machine has the least influence."""
    return sorted(timing.seconds)[len(timing.seconds) // 5]


def change_table(changes: Sequence[ChangeMeasurement]) -> Iterable[str]:
    """Yield the first starts after a change."""
    yield "The first start after a change:"
    yield ""
    yield "| Node | program | change | way | served | ms | fastest to slowest |"
    yield "|---|---|---|---|--:|--:|--:|"
    for each in changes:
        for timing in each.timings:
            served = ""
            if (by := each.served.get(timing.way)) is not None:
                served = f"{by.from_cache:,} of {by.from_cache + by.natively:,}"
            cells = [each.node, each.program, each.change, timing.way, served, *time_cells(timing)]
            yield f"| {' | '.join(cells)} |"
    yield ""
    for each in changes:
        took = f"{statistics.median(each.warm_s) * 1000:.0f} ms"
        yield f"That `esmcache warm` took {took} ({each.program}, {each.change}, {each.node})."


def time_cells(timing: Timing) -> tuple[str, str]:
    """Return the median and `fastest to slowest` in milliseconds."""
    fastest, slowest = min(timing.seconds) * 1000, max(timing.seconds) * 1000
    return f"{timing.median_s * 1000:.0f}", f"{fastest:.0f} to {slowest:.0f}"


def machine() -> str:
    """Return the facts about this machine that are needed to compare figures, without its name."""
    model = ""
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    processors = f"{os.cpu_count()} CPUs{f' ({model})' if model else ''}, {memory:.0f} GB"
    return f"{platform.system()} {platform.machine()}, {processors}, Python {platform.python_version()}"


def write_into(path: Path, text: str, begin_mark: str = BEGIN, end_mark: str = END) -> None:
    """Write the text between the two marks of a Markdown file.

    Raises:
        Failure: If the file lacks a mark.
    """
    content = path.read_text(encoding="utf-8")
    before, begin, rest = content.partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end:
        raise Failure(f"{path} lacks the lines {begin_mark} and {end_mark}")
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
