"""Node restarts a served program, or a test file, after the same edits as without the cache."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import EsmcacheHome, node_of, some
from program import Program

_DEADLINE_S = 120
# The watcher may not have heard of a file yet that is edited for the first time. So an edit is repeated.
_PATIENCE_S = 3

_FILES = {
    "app.mjs": """\
import { a } from './a.mjs';
import c from './c.cjs';
import data from './data.json' with { type: 'json' };
const { late } = await import('./late.mjs');
console.log(`a=${a};c=${c.value};d=${c.d};data=${data.value};late=${late};`);
""",
    "a.mjs": "export const a = 0;\n",
    "c.cjs": "exports.value = 0;\nexports.d = require('./d.cjs').value;\n",
    "d.cjs": "exports.value = 0;\n",
    "data.json": '{ "value": 0 }',
    "late.mjs": "export const late = 0;\n",
}
_EDITS = {"a": "a.mjs", "c": "c.cjs", "d": "d.cjs", "data": "data.json", "late": "late.mjs"}
_PRINT = "console.log(`a=${a};c=${c.value};`);\n"
_TYPESCRIPT = {
    "app.mts": f"import {{ a }} from './a.mts';\nimport c from './c.cts';\n{_PRINT}",
    "app.cts": f"const {{ a }} = require('./a.mts');\nconst c = require('./c.cts');\n{_PRINT}",
    "a.mts": "export const a: number = 0;\n",
    "c.cts": "exports.value = 0 as number;\n",
}


@dataclass
class _Watched:
    """A process that runs under Node's watcher; `lines` holds what it has printed and nobody has read."""

    root: Path
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    def wait_for(self, wanted: str, seconds: float) -> bool:
        """Return whether the process prints a text within some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                if wanted in self.lines.get(timeout=left):
                    return True
            except queue.Empty:
                break
        return False

    def edit(self, name: str, variable: str) -> None:
        """Give a file another value until the process prints it."""
        path = self.root / name
        text = path.read_text()
        end = time.monotonic() + _DEADLINE_S
        for value in range(1, 1000):
            path.write_text(text.replace(" 0", f" {value}"))
            if self.wait_for(f"{variable}={value};", _PATIENCE_S):
                path.write_text(text)
                return
            assert time.monotonic() < end, f"Node has not noticed that {name} was edited"


@contextmanager
def _watched(program: Program, flags: Sequence[str], *, is_served: bool) -> Iterator[_Watched]:
    hook = {"NODE_OPTIONS": f"--require {program.hook()}"} if is_served else {}
    log = program.home.root / "runner.log"
    started = subprocess.Popen(
        [program.node, *flags],
        cwd=program.root,
        env={**program.home.environment, **hook, "ESMCACHE_LOG": str(log)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    watched = _Watched(program.root)

    def read() -> None:
        assert started.stdout is not None
        for line in started.stdout:
            watched.lines.put(line)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield watched
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        reader.join()
        assert started.stdout is not None
        started.stdout.close()


_NODES = some(["node26", "node22", "node24", "node22ts"], 2)
_TYPESCRIPT_NODES = some(["node24", "node22ts", "node26"], 1)


@pytest.fixture
def program(request: pytest.FixtureRequest, tmp_path: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node_of(request.param), esmcache_home)
    made.write(_FILES)
    return made


def _served(program: Program) -> bool:
    return '"served":0' not in (text := (program.home.root / "runner.log").read_text()) and '"served":' in text


@pytest.mark.parametrize("is_served", [False, True], ids=["native", "served"])
@pytest.mark.parametrize("program", _NODES, indirect=True)
def test_a_program_is_restarted_after_each_edit(program: Program, is_served: bool) -> None:
    program.warm()
    with _watched(program, ["--watch", "--no-warnings", "app.mjs"], is_served=is_served) as watched:
        assert watched.wait_for("late=0;", _DEADLINE_S)
        for variable, name in _EDITS.items():
            watched.edit(name, variable)
    assert not is_served or _served(program)


@pytest.mark.parametrize("is_served", [False, True], ids=["native", "served"])
@pytest.mark.parametrize("program", _NODES, indirect=True)
def test_a_test_file_is_started_again_after_each_edit(program: Program, is_served: bool) -> None:
    (program.root / "app.mjs").rename(program.root / "app.test.mjs")
    program.warm("app.test.mjs")
    with _watched(program, ["--test", "--watch", "--test-reporter=tap"], is_served=is_served) as watched:
        assert watched.wait_for("late=0;", _DEADLINE_S)
        for variable, name in _EDITS.items():
            watched.edit(name, variable)
    assert not is_served or _served(program)


@pytest.mark.parametrize("entry", ["app.mts", "app.cts"])
@pytest.mark.parametrize("is_served", [False, True], ids=["native", "served"])
@pytest.mark.parametrize("program", _TYPESCRIPT_NODES, indirect=True)
def test_a_program_in_typescript_is_restarted_after_each_edit(program: Program, entry: str, is_served: bool) -> None:
    program.write(_TYPESCRIPT)
    program.warm(entry)
    with _watched(program, ["--watch", "--no-warnings", entry], is_served=is_served) as watched:
        assert watched.wait_for("c=0;", _DEADLINE_S)
        watched.edit("a.mts", "a")
        watched.edit("c.cts", "c")
    assert not is_served or _served(program)
