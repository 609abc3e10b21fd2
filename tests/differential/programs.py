"""Reads programs from Markdown cases: how each is started, and what its record says. It starts nothing.

All blocks of a case are files, except for these:

`run`: a TOML table that says how the program is started; every key is optional:
    command   the arguments of `node` after the preload; by default the case's first file
    tool      the name of a tool of the benchmark, which gives the command and the input files
    copied    the package of node_modules that the program gets a copy of, so that it can be edited
    large     true: starts or warms take seconds, so the program runs in fewer states than others
    warm      the files that are warmed as entry points; by default the case's first file
    edited    the file that is edited to make the cache stale; by default one of those that can be
    nodes     the Nodes that the case is about, of which node22ts is the newest 22; by default NODES
    env, stdin, cwd    the environment, input and directory; in a value of `env`, `{root}` is the program's
              directory, `{bin}` that of Node, and `{temporary}` an empty one with a short path for this start alone
    by        `environment`: NODE_OPTIONS names the preload instead of the command line, so that children get it
    frames    true: the program shows stacks with the frames of docs/reference/serving.md, item 5
`setup.mjs`: a program that runs once natively before all else, makes what Markdown cannot hold, and is removed.

Real tools are the cases below tools/. They find the packages of benchmarks/tools one directory above their own, and the
first word of their command is warmed.

The record says how each Node ends natively, and how many modules are served at the warm start or why none. For a tool
it also says how many are served later, after `esmcache warm --missed` has added modules with computed names and those
of child processes.
"""

from __future__ import annotations

import fcntl
import re
import shlex
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_file import Case, read_cases, rewrite_block
from startup_programs import TOOL_COMMANDS, TOOLS

PROGRAMS = Path(__file__).parent
# Separates the record of a tool's first warm start from that of a start after all knowable modules are warmed.
LATER = "; later "
NODES = ("node22", "node24", "node26")

_EDITABLE = re.compile(r".*\.[mc]?[jt]s")
_RUN_KEYS = {
    *("command", "tool", "copied", "large", "warm", "edited", "nodes", "env", "stdin", "cwd", "by", "frames"),
}


@dataclass(frozen=True)
class DifferentialProgram:
    """One program of a case file, and how it is started."""

    case: Case
    files: Mapping[str, str]
    command: tuple[str, ...]
    warmed: tuple[str, ...]
    edited: str
    nodes: tuple[str, ...]
    env: Mapping[str, str]
    stdin: str
    cwd: str
    by_environment: bool
    has_frames: bool
    copied: str = ""
    is_large: bool = False

    @property
    def number(self) -> int:
        """Return a number that depends on the name alone, so that it does not change when programs are added."""
        return zlib.crc32(self.case.name.encode())

    @property
    def edits_what_is_copied(self) -> bool:
        """Return whether the edited module belongs to the tool, and not to its configuration or input."""
        return self.edited.startswith("node_modules/")

    @property
    def setup(self) -> str | None:
        """Return the text of the setup program, or None if the case has none."""
        return self.case.files.get("setup.mjs")

    @property
    def records(self) -> dict[str, str]:
        """Return the record of each Node."""
        return records_in(self.case, self.nodes)


def records_in(case: Case, nodes: tuple[str, ...]) -> dict[str, str]:
    """Return what a case's record says about each of these Nodes."""
    block = case.expected.get("record")
    lines = [] if block is None else block.text.splitlines()
    named = dict(line.split(": ", 1) for line in lines)
    if "every node" in named:
        return dict.fromkeys(nodes, named["every node"])
    return named


def record_text(nodes: tuple[str, ...], records: Mapping[str, str]) -> str:
    """Return the text of a record block, with a single line if all Nodes agree."""
    known = {node: records[node] for node in nodes if node in records}
    if len(known) == len(nodes) and len(set(known.values())) == 1:
        return f"every node: {known[nodes[0]]}\n"
    return "".join(f"{node}: {record}\n" for node, record in known.items())


def check_record(
    program: DifferentialProgram, version: str, record: str, *, update: bool, is_whole: bool = True
) -> None:
    """Assert that `record` is what the program's record says about a Node (or its first part); or write it there."""
    if update:
        path = program.case.path
        # Several processes may run the tests, and each rewrites the whole file.
        with path.open("rb") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            case = next(case for case in read_cases(path) if case.name == program.case.name)
            text = record_text(program.nodes, {**records_in(case, program.nodes), version: record})
            rewrite_block(path, case.name, "record", text)
        return
    expected = program.records.get(version)
    if expected is not None and not is_whole:
        expected = expected.partition(LATER)[0]
    assert record == expected, f"{program.case.path}: {program.case.name} (pytest --update-golden rewrites it)"


def all_programs() -> list[DifferentialProgram]:
    """Return the programs of all case files; raises ValueError for a malformed one."""
    return [_program(case) for path in sorted(PROGRAMS.glob("*.md")) for case in read_cases(path)]


def all_tools() -> list[DifferentialProgram]:
    """Return the real tools; raises ValueError for a malformed one."""
    return [_program(case) for path in sorted(PROGRAMS.glob("tools/*.md")) for case in read_cases(path)]


def _program(case: Case) -> DifferentialProgram:
    run: dict[str, Any] = tomllib.loads(case.files.get("run", ""))
    if unknown := run.keys() - _RUN_KEYS:
        raise ValueError(f"{case.path}: {case.name}: {sorted(unknown)} mean nothing here")
    files = {name: text for name, text in case.files.items() if name not in ("run", "setup.mjs")}
    first = next(iter(files), "")
    command = shlex.split(run.get("command", shlex.quote(first)))
    if tool := run.get("tool"):
        packages = "node_modules" if "copied" in run else "../node_modules"
        entry, *arguments = TOOL_COMMANDS[tool]
        command = [f"{packages}/{entry}", *arguments]
        files = {**_benchmark_inputs(), **files}
    if case.path.parent != PROGRAMS:
        first = command[0]
    warmed = tuple(run.get("warm", [first]))
    return DifferentialProgram(
        case=case,
        files=files,
        command=tuple(command),
        warmed=warmed,
        edited=run.get("edited") or _one_to_edit(files, warmed),
        nodes=tuple(run.get("nodes", NODES)),
        env=run.get("env", {}),
        stdin=run.get("stdin", ""),
        cwd=run.get("cwd", "."),
        by_environment=run.get("by") == "environment",
        has_frames=run.get("frames", False),
        copied=run.get("copied", ""),
        is_large=run.get("large", False),
    )


def _benchmark_inputs() -> dict[str, str]:
    inputs = TOOLS / "inputs"
    # The benchmark's own starts leave a node_modules there.
    paths = [path for path in inputs.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    return {str(path.relative_to(inputs)): path.read_text("utf-8") for path in sorted(paths)}


def _one_to_edit(files: Mapping[str, str], warmed: tuple[str, ...]) -> str:
    """Return a module that is not an entry point if there is one; the choice depends on the sizes of the files."""
    modules = [name for name in files if _EDITABLE.fullmatch(name)]
    inner = [name for name in modules if name not in warmed] or modules
    return inner[sum(map(len, files.values())) % len(inner)] if inner else ""
