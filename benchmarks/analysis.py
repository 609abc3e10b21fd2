"""Measures module analysis: against a bare parse, after an edit against a fresh analysis, and against other tools.

Each comparison is interleaved in one run. Only the ratios can be compared with those of other machines.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import tree_sitter_javascript
from tree_sitter import Language, Parser

from common import NODE24, PROJECT, Failure
from esmcache.analysis import Document, analyse_module
from esmcache.build.analysis_pool import AnalysisTask, analyse_all

PACKAGES = PROJECT / "tests" / "fixtures" / "packages" / "node_modules"
PEERS = PROJECT / "tests" / "fixtures" / "conformance" / "node_modules"
ONE_MEGABYTE = 1_000_000
# `node --check` starts a process for each file.
CHECKED_FILES = 60
ROUNDS = 3
EDITS = 10


def main() -> int:
    """Print the requested tables; return 1 if the packages are not installed or a tool fails."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--node", type=Path, default=NODE24)
    arguments.add_argument("--only", choices=["parse", "edit", "peers"])
    chosen = arguments.parse_args()
    try:
        modules = read_modules()
        if chosen.only in (None, "parse"):
            print_lines(beside_bare_parse(modules))
        if chosen.only in (None, "edit"):
            print_lines(after_an_edit(modules))
        if chosen.only in (None, "peers"):
            print_lines(beside_peers(modules, chosen.node))
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def read_modules() -> dict[Path, bytes]:
    """Return the source of every module of the packages.

    Raises:
        Failure: If the packages are not installed.
    """
    paths = sorted(path for suffix in ("js", "mjs") for path in PACKAGES.rglob(f"*.{suffix}"))
    if not paths:
        raise Failure(f"{PACKAGES} is empty: run `make setup` first")
    return {path: path.read_bytes() for path in paths}


def print_lines(lines: Iterator[str]) -> None:
    """Print lines as they arrive, and then an empty line."""
    for line in lines:
        print(line, flush=True)
    print()


def beside_bare_parse(modules: dict[Path, bytes]) -> Iterator[str]:
    """Yield a table: the cost of analysis per package, as a multiple of tree-sitter's parse of the same files."""
    parser = Parser(Language(tree_sitter_javascript.language()))
    costs: dict[str, list[float]] = {}
    not_clean = 0
    for path, source in modules.items():
        parse_s, analysis_s = [], []
        for _ in range(ROUNDS):
            parse_s.append(seconds(partial(parser.parse, source), process_time))
            analysis_s.append(seconds(partial(analyse_module, source), process_time))
        analysis = analyse_module(source)
        not_clean += bool(analysis.diagnostics) or not analysis.complete
        cost = costs.setdefault(package_of(path), [0, 0, 0, 0])
        for index, value in enumerate((1, len(source), min(parse_s), min(analysis_s))):
            cost[index] += value
    costs["all"] = [sum(column) for column in zip(*costs.values(), strict=True)]
    yield f"{'package':<28}{'files':>7}{'kB':>9}{'parse ms':>10}{'analysis ms':>13}{'ratio':>7}"
    for package, (files, size, parse, analysed) in sorted(costs.items(), key=lambda item: item[1][1]):
        if size > 300_000:
            yield (
                f"{package:<28}{files:>7.0f}{size / 1000:>9.0f}{parse * 1000:>10.0f}{analysed * 1000:>13.0f}"
                f"{analysed / parse:>7.2f}"
            )
    yield f"modules with diagnostics: {not_clean} of {len(modules)}"


def after_an_edit(modules: dict[Path, bytes]) -> Iterator[str]:
    """Yield a table: the cost of analysis after an inserted line, as a fraction of the cost of a fresh analysis."""
    texts = {path.name: source for path, source in modules.items() if len(source) >= ONE_MEGABYTE}
    line = "export const name%d = (a, b) => ({a, b, sum: a + b + %d, list: [a, b, %d]}); // one of many\n"
    many = "".join(line % (number, number, number) for number in range(11_000))
    texts["11,000 exports, made up"] = many.encode()
    function = "function name%d(a, b) { if (a) return [a, b, %d]; for (const c of b) f(c); }\n"
    texts["one statement, made up"] = ("(function () {\n" + "".join(function % (n, n) for n in range(13_000))).encode()
    texts["one statement, made up"] += b"})();\n"
    heads = f"{'scratch ms':>12}{'edit ms':>9}{'ratio':>7}{'worst':>7}{'kB parsed':>11}{'analysed':>10}"
    yield f"{'module':<26}{'kB':>7}{heads}"
    for name, source in texts.items():
        scratch_s, edit_s, parsed, analysed = [], [], [], []
        document = Document(source)
        document.analysis()
        for at, new in valid_edits(source):
            scratch_s.append(timed_analysis(source[:at] + new + source[at:]))
            edit_s.append(timed_edit(document, at, at, new))
            parsed.append(document.work.bytes_parsed)
            analysed.append(document.work.bytes_analysed)
            timed_edit(document, at, at + len(new), b"")
        scratch, edited = statistics.median(scratch_s), statistics.median(edit_s)
        yield (
            f"{name:<26}{len(source) / 1000:>7.0f}{scratch * 1000:>12.1f}{edited * 1000:>9.1f}"
            f"{edited / scratch:>7.3f}{max(edit_s) / scratch:>7.3f}"
            f"{statistics.median(parsed) / 1000:>11.0f}{statistics.median(analysed) / 1000:>10.1f}"
        )


def valid_edits(source: bytes) -> list[tuple[int, bytes]]:
    """Return lines and random places in a module where each line can be inserted without an error."""
    chooser = random.Random(5)
    document = Document(source)
    document.analysis()
    found = []
    for number in range(20 * EDITS):
        at = source.find(b"\n", chooser.randrange(len(source) - 100)) + 1
        new = b"f(%d);\n" % number
        document.replace(at, at, new)
        if document.analysis().complete:
            found.append((at, new))
            if len(found) == EDITS:
                break
        document.replace(at, at + len(new), b"")
        document.analysis()
    return found


def timed_analysis(source: bytes) -> float:
    """Return the seconds of a fresh analysis."""
    return seconds(lambda: analyse_module(source), process_time)


def timed_edit(document: Document, start: int, end: int, new: bytes) -> float:
    """Return the seconds of an edit and the analysis after it."""

    def edit() -> None:
        document.replace(start, end, new)
        document.analysis()

    return seconds(edit, process_time)


# This script runs in Node and times each tool once over all files.
PEERS_SCRIPT = """
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
const {files, peers} = JSON.parse(readFileSync(0, 'utf8'));
const sources = files.map((file) => readFileSync(file, 'utf8'));
const from = createRequire(pathToFileURL(peers + '/'));
const load = async (name) => { try { return await import(pathToFileURL(from.resolve(name))) } catch { return null } };
const lexer = await load('es-module-lexer'), oxc = await load('oxc-parser'), acorn = await load('acorn');
if (lexer) await lexer.init;
const tools = {
  'es-module-lexer': lexer && ((source) => lexer.parse(source)),
  'oxc-parser, record alone': oxc && ((source) => oxc.parseSync('a.js', source).module),
  'acorn': acorn && ((source) => acorn.parse(source, {ecmaVersion: 'latest', sourceType: 'module'})),
};
const answer = {};
for (const [name, tool] of Object.entries(tools)) {
  if (!tool) continue;
  let failed = 0;
  const start = performance.now();
  for (const source of sources) { try { tool(source) } catch { failed++ } }
  answer[name] = [(performance.now() - start) / 1000, failed];
}
console.log(JSON.stringify(answer));
"""


def beside_peers(modules: dict[Path, bytes], node: Path) -> Iterator[str]:
    """Yield a table: files per second of this analysis and of other tools over the same files, in memory."""
    paths = list(modules)
    seconds_of: dict[str, list[float]] = {}
    tasks = [AnalysisTask(source, is_module=True) for source in modules.values()]
    for _ in range(ROUNDS):
        for label, processes in (("esmcache", 1), ("esmcache, two processes", 2)):
            seconds_of.setdefault(label, []).append(seconds(partial(analyse_all, tasks, processes)))
        for name, (elapsed, failed) in time_peers(paths, node).items():
            label = f"{name} ({failed} failed)" if failed else name
            seconds_of.setdefault(label, []).append(elapsed)
        sample = random.Random(3).sample(paths, CHECKED_FILES)
        elapsed = seconds(partial(check, node, sample))
        seconds_of.setdefault("node --check", []).append(elapsed * len(paths) / len(sample))
    yield f"{len(paths)} files, {sum(map(len, modules.values())) / 1e6:.0f} MB; medians of {ROUNDS} rounds"
    ours = statistics.median(seconds_of["esmcache"])
    for name, each in seconds_of.items():
        median = statistics.median(each)
        yield f"{name:<40}{len(paths) / median:>10.0f} files/s{ours / median:>9.2f} times esmcache"


def time_peers(paths: Sequence[Path], node: Path) -> dict[str, tuple[float, int]]:
    """Return the seconds and the number of failures of each installed tool.

    Raises:
        Failure: If Node cannot run the script.
    """
    asked = json.dumps({"files": [str(path) for path in paths], "peers": str(PEERS)})
    command = [str(node), "--input-type=module", "-e", PEERS_SCRIPT]
    result = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise Failure(f"the other tools did not run:\n{result.stderr.strip()[-600:]}")
    return {name: (elapsed, failed) for name, (elapsed, failed) in json.loads(result.stdout).items()}


def check(node: Path, paths: Sequence[Path]) -> None:
    """Run `node --check` for each file, one after the other."""
    for path in paths:
        subprocess.run([str(node), "--check", str(path)], capture_output=True, check=False)


def seconds(action: Callable[[], object], clock: Callable[[], float] = perf_counter) -> float:
    """Return how long an action takes."""
    start = clock()
    action()
    return clock() - start


def package_of(path: Path) -> str:
    """Return the name of the package that a file below node_modules belongs to."""
    parts = path.relative_to(PACKAGES).parts
    return "/".join(parts[:2]) if parts[0].startswith("@") else parts[0]


if __name__ == "__main__":
    sys.exit(main())
