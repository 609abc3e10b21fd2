"""Measures a save in an editor: the time until diagnostics, and until the cache can serve the next start.

The benchmark runs a real `esmcache-lsp` over stdio, in a workspace of 2,000 real modules with one entry point that
imports them all, and in a workspace of TypeScript. The same run measures the bare work on the saved texts for
comparison: tree-sitter's parse, and Node's compile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import tree_sitter_javascript
from tree_sitter import Language, Parser

from common import NODE24, Failure, environment_of
from editing_session import Edit, Session
from editing_workspaces import LARGEST, make_typescript_workspace, make_workspace

_MARKERS = ("<!-- editing: begin -->", "<!-- editing: end -->")
_COMPILE = """
import vm from 'node:vm';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
const [hasTypes, texts] = JSON.parse(readFileSync(0, 'utf8'));
const times = texts.map((text, i) => {
  const start = performance.now();
  const code = hasTypes ? stripTypeScriptTypes(text) : text;
  new vm.SourceTextModule(code, { identifier: `file:///${i}.mjs` }).createCachedData();
  return performance.now() - start;
});
console.log(JSON.stringify(times));
"""


# The sizes of the TypeScript files that are saved, in bytes.
_SIZES = (10_000, LARGEST)


@dataclass
class Figures:
    """Times of each kind in milliseconds, one for each save or request."""

    diagnostics: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    parse: list[float] = field(default_factory=list)
    compile: list[float] = field(default_factory=list)
    hover: list[float] = field(default_factory=list)
    links: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


@dataclass
class TypeScriptFigures:
    """Times of files of about one size in milliseconds: one for each save, or for each text."""

    paths: Sequence[Path]
    code: list[float] = field(default_factory=list)
    types: list[float] = field(default_factory=list)
    diagnostics: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def size(self) -> str:
        """Return the median size."""
        return f"{statistics.median(map(len, self.texts)) / 1000:.0f} kB"


def main() -> int:
    """Print the tables, and write them into a document on request; return 1 if a measurement is impossible."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--node", type=Path, default=NODE24)
    arguments.add_argument("--saves", type=int, default=100)
    arguments.add_argument("--only", choices=("javascript", "typescript"))
    arguments.add_argument("--markdown-into", type=Path)
    chosen = arguments.parse_args()
    measures = {"javascript": measure, "typescript": measure_typescript}
    tables = []
    for name, measured in measures.items():
        if chosen.only in (name, None):
            with tempfile.TemporaryDirectory(prefix="esmcache-editing-") as directory:
                try:
                    tables.append(asyncio.run(measured(Path(directory), chosen.node, chosen.saves)))
                except Failure as failure:
                    print(failure, file=sys.stderr)
                    return 1
    table = "\n\n".join(tables)
    print(table)
    if chosen.markdown_into is not None:
        text = chosen.markdown_into.read_text("utf-8")
        before, _, rest = text.partition(_MARKERS[0])
        _, _, after = rest.partition(_MARKERS[1])
        chosen.markdown_into.write_text(f"{before}{_MARKERS[0]}\n{table}\n{_MARKERS[1]}{after}", "utf-8")
    return 0


async def measure(directory: Path, node: Path, saves: int) -> str:
    """Return the table for JavaScript in Markdown.

    Args:
        saves: The number of modules to save.

    Raises:
        Failure: If not all modules of the last start are served, or there are too few saves.
    """
    workspace = directory / "workspace"
    modules = make_workspace(workspace)
    environment = environment_of(node, directory)
    session = Session(workspace, node, directory / "cache", environment)
    await session.begin()
    # Half of the saves are of large modules, since most edits are made in those.
    large = sorted(modules, key=lambda path: path.stat().st_size)[-saves * 2 :]
    draw = random.Random(4)
    chosen = list(dict.fromkeys([*draw.sample(large, saves // 2), *draw.sample(modules, saves - saves // 2)]))
    figures, texts = Figures(), []
    for number, path in enumerate(chosen):
        # The first line adds a diagnostic, so that one is published; the second replaces it and changes only the body.
        edits = (
            Edit(f"export {{ missing{number} }};\n", figures.diagnostics, None),
            Edit(f"export const added{number} = {number};\n", figures.diagnostics, figures.served),
        )
        texts.append(await session.save(path, len(path.read_text("utf-8", "replace")), edits, figures.answers))
    await session.ask_around(chosen, figures.links, figures.hover)
    await session.end()
    figures.parse = bare_parses(texts)
    figures.compile = bare_compiles(texts, node)
    served = one_start(workspace / "main.js", node, environment)
    title = f"{len(modules)} modules in the workspace, {len(chosen)} saved, of up to {max(map(len, texts)) // 1000} kB"
    rows = [
        ("didSave to published diagnostics", figures.diagnostics),
        ("didSave to a cache from which the next start is served", figures.served),
        ("the bare work on the same texts: tree-sitter's parse", figures.parse),
        ("the bare work on the same texts: Node's compile", figures.compile),
        ("hover", figures.hover),
        ("document links", figures.links),
        ("the event loop's answer to anything, while all this goes on", figures.answers),
    ]
    return _table(f"{title}; the start after them was served {served}.", rows)


async def measure_typescript(directory: Path, node: Path, saves: int) -> str:
    """Return the table for TypeScript, as `measure` does; files of each size are saved in turn."""
    workspace = directory / "workspace"
    modules = make_typescript_workspace(workspace, node)
    environment = environment_of(node, directory)
    session = Session(workspace, node, directory / "cache", environment)
    await session.begin()
    sizes = {path: path.stat().st_size for path in modules}
    groups = []
    for size in _SIZES:
        near = sorted(modules, key=lambda path: (sizes[path] > LARGEST, abs(sizes[path] - size)))
        groups.append(TypeScriptFigures(near[: saves // len(_SIZES)]))
    answers: list[float] = []
    for turn in range(saves // len(_SIZES)):
        for group in groups:
            path = group.paths[turn]
            edits = (
                Edit(f"export {{ missing{turn} }};\n", group.diagnostics, None),
                Edit(f"export const added{turn}: number = {turn};\n", group.diagnostics, group.code),
                Edit(f"export const added{turn}: number | string = {turn};\n", None, group.types),
            )
            group.texts.append(await session.save(path, _middle(path.read_text("utf-8")), edits, answers))
    await session.end()
    served = one_start(workspace / "main.ts", node, environment)
    rows = []
    for group in groups:
        rows += [
            (f"{group.size}: didSave to published diagnostics", group.diagnostics),
            (f"{group.size}: code edited, didSave to a served start", group.code),
            (f"{group.size}: types edited, didSave to a served start", group.types),
            (f"{group.size}: Node strips and compiles, bare", bare_compiles(group.texts, node, has_types=True)),
        ]
    rows.append(("the event loop's answer to anything, while all this goes on", answers))
    saved = sum(len(group.paths) for group in groups)
    title = f"TypeScript: {len(modules)} modules in the workspace, {saved} saved, each with three edits"
    return _table(f"{title}; the start after them was served {served}.", rows)


def _middle(text: str) -> int:
    """Return the offset after the declaration in the middle of a text, or the end if there is none."""
    found = text.find("\n}\n", len(text) // 2)
    return len(text) if found < 0 else found + len("\n}\n")


def _table(title: str, rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    lines = [title, "", "| | p50 | p95 | worst |", "|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(f'{value:.1f} ms' for value in _quantiles(some))} |" for name, some in rows]
    return "\n".join(lines)


def bare_parses(texts: Sequence[str]) -> list[float]:
    """Return the milliseconds that tree-sitter takes for each text."""
    parser = Parser(Language(tree_sitter_javascript.language()))
    times = []
    for text in texts:
        source = text.encode()
        began = perf_counter()
        parser.parse(source)
        times.append((perf_counter() - began) * 1000)
    return times


def bare_compiles(texts: Sequence[str], node: Path, *, has_types: bool = False) -> list[float]:
    """Return the milliseconds that Node takes to compile each text and to make its code cache.

    Args:
        has_types: Whether Node strips types first.
    """
    command = [str(node), "--no-warnings", "--experimental-vm-modules", "--input-type=module", "--eval", _COMPILE]
    result = subprocess.run(
        command, input=json.dumps([has_types, texts]), capture_output=True, encoding="utf-8", check=True
    )
    times: list[float] = json.loads(result.stdout)
    return times


def one_start(entry: Path, node: Path, environment: dict[str, str]) -> str:
    """Start the entry point and return how many modules were served.

    Raises:
        Failure: If a module was not served.
    """
    log = entry.parent.parent / "report.json"
    hook = subprocess.run(
        [sys.executable, "-m", "esmcache", "hook"], env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()
    subprocess.run(
        [node, "--require", hook, entry],
        env={**environment, "ESMCACHE_LOG": str(log)},
        capture_output=True,
        check=False,
    )
    report = json.loads(log.read_text("utf-8").splitlines()[-1])
    if report["missed"] or report["stale"]:
        raise Failure(f"not all was served: {report}")
    return f"{report['served']} of {report['modules']} modules"


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        raise Failure("too few saves for quantiles")
    cut = statistics.quantiles(values, n=20)
    return statistics.median(values), cut[-1], max(values)


if __name__ == "__main__":
    sys.exit(main())
