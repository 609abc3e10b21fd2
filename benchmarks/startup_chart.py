"""Draws the start-up benchmark's medians as one SVG bar chart, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from startup_report import Measurement
from startup_ways import ESMCACHE, NODE

WIDTH, MARGIN, GUTTER = 880, 16, 32
NAMES_WIDTH, FIGURE_WIDTH = 112, 62
BAR, GAP, TITLE, GROUP_GAP = 11, 4, 22, 16
COLUMNS = 2
SHORT_NAMES = {"node, compile cache": "+ compile cache", "esbuild bundle, compile cache": "bundle + cache"}
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.quiet { fill: #59636e }
.node { fill: #6e7781 } .other { fill: #b6bec7 } .esmcache { fill: #1a7f37 }
text.ours { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .quiet { fill: #9198a1 }
  .node { fill: #9198a1 } .other { fill: #4d5560 } .esmcache { fill: #3fb950 }
}
"""


def draw(measurements: Sequence[Measurement], ways: Sequence[str]) -> str:
    """Return an SVG with a group of bars per program; in each group, the slowest way has the full width."""
    svg = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    node = measurements[0].node if measurements else ""
    text_in(svg, "title", f"Start-up in ms, Node {node}: medians of interleaved starts")
    text_in(svg, "style", STYLE)
    top = MARGIN + 12
    label = f"Milliseconds until a program has ended, Node {node}; shorter is better. Each group has its own scale."
    text(svg, MARGIN, top, label, "quiet")
    # Each group goes into the column with more free space.
    bottoms = [float(top + GROUP_GAP)] * COLUMNS
    column_width = (WIDTH - 2 * MARGIN - GUTTER * (COLUMNS - 1)) / COLUMNS
    for each in measurements:
        column = bottoms.index(min(bottoms))
        x = MARGIN + column * (column_width + GUTTER)
        bottoms[column] = group(svg, each, ways, x, bottoms[column], column_width) + GROUP_GAP
    height = max(bottoms) + MARGIN - GROUP_GAP
    svg.set("viewBox", f"0 0 {WIDTH} {height:.0f}")
    svg.set("width", str(WIDTH))
    svg.set("height", f"{height:.0f}")
    ElementTree.indent(svg)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def group(
    svg: ElementTree.Element, each: Measurement, ways: Sequence[str], x: float, top: float, width: float
) -> float:
    """Draw the bars of one program and return the y coordinate below them."""
    modules = f" · {each.modules:,} modules" if each.modules > 1 else ""
    text(svg, x, top + 13, f"{each.program}{modules}", "title")
    timings = [timing for way in ways if (timing := each.timing(way)) is not None]
    slowest = max((timing.median_s for timing in timings), default=1)
    longest = width - NAMES_WIDTH - FIGURE_WIDTH
    y = top + TITLE
    for timing in timings:
        kind = {NODE: "node", ESMCACHE: "esmcache"}.get(timing.way, "other")
        emphasis = "ours" if timing.way == ESMCACHE else "quiet"
        text(svg, x, y + BAR - 1.5, SHORT_NAMES.get(timing.way, timing.way), emphasis)
        length = longest * timing.median_s / slowest
        bar = {"x": x + NAMES_WIDTH, "y": y, "width": length, "height": BAR}
        ElementTree.SubElement(svg, "rect", {"class": kind, "rx": "2"} | {key: f"{at:.1f}" for key, at in bar.items()})
        text(svg, x + NAMES_WIDTH + length + 5, y + BAR - 1.5, f"{timing.median_s * 1000:.0f}", emphasis)
        y += BAR + GAP
    return y


def text(svg: ElementTree.Element, x: float, y: float, content: str, style: str) -> None:
    """Draw one line of text with its baseline at `y`."""
    text_in(svg, "text", content).attrib.update({"x": f"{x:.1f}", "y": f"{y:.1f}", "class": style})


def text_in(parent: ElementTree.Element, tag: str, content: str) -> ElementTree.Element:
    """Return a new element that contains a text."""
    element = ElementTree.SubElement(parent, tag)
    element.text = content
    return element
