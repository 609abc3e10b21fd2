"""The size limit over months of work: saves, warms, starts and `gc`, with a real Node."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import esmcache.cache
from conftest import EVERYTHING, EsmcacheHome, RunEsmcache, some
from esmcache.cache import Cache
from program import Program, age

LIBRARIES = 60
MODULES = LIBRARIES + 1
EDITS = 2000 if EVERYTHING else 100
# This makes a source large enough to matter.
FILLING = "".join(f"export const unused{number} = () => 'text {number}';\n" for number in range(20))


def library(number: int, edit: int = 0, imports: str = "") -> str:
    return f"{imports}export const value = {number} + {edit};\n{FILLING}"


def write_program(program: Program) -> None:
    of_program = f"// {program.root}\n"
    files = {f"lib/{number}.mjs": of_program + library(number) for number in range(LIBRARIES)}
    imports = [f"import {{ value as v{number} }} from './lib/{number}.mjs';\n" for number in range(LIBRARIES)]
    total = " + ".join(f"v{number}" for number in range(LIBRARIES))
    program.write(
        {"package.json": '{"type": "module"}', **files, "app.mjs": f"{''.join(imports)}console.log({total});"}
    )
    age(*(program.root / name for name in ("app.mjs", *files)))


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    write_program(made)
    return made


def cache_with(program: Program, max_size: int | None = None) -> Cache:
    return Cache.open(node=str(program.node), jobs=1, max_size=max_size, environment=program.home.environment)


def save(cache: Cache, program: Program, name: str, text: str) -> None:
    """Do what the language server does when a file is saved."""
    path = program.root / name
    path.write_text(text)
    for conditions, entries in cache.update([path]).to_warm.items():
        cache.warm([Path(entry) for entry in entries], conditions=conditions)


def used(program: Program) -> int:
    """Return the size of all files in bytes; hard links count once."""
    files = (
        path.lstat() for path in program.home.cache_dir.rglob("*") if not path.is_dir() and path.suffix != ".db-shm"
    )
    return sum({status.st_ino: status.st_size for status in files}.values())


def describe(program: Program, edit: int, live: int) -> str:
    """Return the sizes of the cache's parts as text."""
    sizes: Counter[str] = Counter()
    for path in program.home.cache_dir.rglob("*"):
        if not path.is_dir():
            sizes[path.relative_to(program.home.cache_dir).parts[0]] += path.lstat().st_size
    return f"{dict(sizes)} after {edit} edits; {live} are needed"


def check_served_whole(program: Program) -> None:
    report = program.check_same()
    assert (report["served"], report["faults"], report["stale"]) == (MODULES, 0, [])
    assert report["codeCaches"] == "enabled"


def needed(program: Program) -> int:
    with cache_with(program) as cache:
        cache.collect()
    return used(program)


@pytest.mark.parametrize("max_size", some([3_000_000, 0, 1 << 30], 1))
def test_edits_do_not_grow_the_cache_without_bound(program: Program, max_size: int) -> None:
    program.warm()
    live = needed(program)
    # A cache far below its limit must not grow without bound either.
    most = live * 2 if max_size == 1 << 30 else max(max_size * 11 // 10, live * 3 // 2)
    with cache_with(program, max_size) as cache:
        for edit in range(1, EDITS + 1):
            number = edit * 7 % LIBRARIES
            # Every tenth edit changes the module's imports, so that the program is warmed.
            imports = f"import './{(number + 1) % LIBRARIES}.mjs';\n" if edit % 10 == 0 else ""
            save(cache, program, f"lib/{number}.mjs", library(number, edit, imports))
            assert used(program) <= most, describe(program, edit, live)
            if edit % (EDITS // 10) == 0:
                check_served_whole(program)
    assert used(program) <= most
    check_served_whole(program)
    with program.cache() as cache:
        assert cache.verify() == []


def test_gc_between_saves_keeps_the_program_served(program: Program, run_esmcache: RunEsmcache) -> None:
    program.warm()
    with cache_with(program) as cache:
        for edit in some(range(1, 13), 4):
            for number in range(edit, edit + 20):
                save(cache, program, f"lib/{number}.mjs", library(number, edit))
            run_esmcache("gc")
            check_served_whole(program)
    with program.cache() as cache:
        assert cache.verify() == []
    report = program.warm()
    assert (report.compiled, report.sources_packed, report.code_caches_written) == (0, 0, 0)


def test_concurrent_saves_and_gc_keep_the_program_served(program: Program) -> None:
    program.warm()
    done = threading.Event()
    collected: list[bool] = []

    def collect() -> None:
        with cache_with(program, 0) as cache:
            while not done.is_set():
                collected.append(cache.collect().busy)

    for edit in some(range(1, 6), 2):
        done.clear()
        collector = threading.Thread(target=collect)
        collector.start()
        with cache_with(program) as cache:
            for number in range(0, LIBRARIES, 2):
                save(cache, program, f"lib/{number}.mjs", library(number, edit))
        done.set()
        collector.join()
        check_served_whole(program)
    assert False in collected
    with program.cache() as cache:
        assert cache.verify() == []


def test_gc_removes_no_files_during_a_warm(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.warm()
    for number in range(LIBRARIES):
        program.write({f"lib/{number}.mjs": library(number, 1)})
    monkeypatch.setattr(esmcache.cache, "_WAIT_TO_COLLECT_S", 0.0)
    busy: list[bool] = []

    def collect(stage: str, done: int, total: int) -> None:
        if done == total:
            with cache_with(program, 0) as other:
                busy.append(other.collect().busy)

    with cache_with(program) as cache:
        cache.warm([program.root / "app.mjs"], collect)
    assert busy and all(busy)
    check_served_whole(program)


def test_gc_says_that_a_warm_is_running(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.warm()
    said: list[str] = []

    def collect(stage: str, done: int, total: int) -> None:
        if done == total and not said:
            code = (
                "import sys, esmcache.cache as facade; facade._WAIT_TO_COLLECT_S = 0.0\n"
                "from esmcache.cli.main import run_command_line; sys.exit(run_command_line(['gc']))"
            )
            answer = subprocess.run(
                [sys.executable, "-c", code],
                env=program.home.environment,
                capture_output=True,
                encoding="utf-8",
                check=True,
            )
            said.append(answer.stdout)

    with cache_with(program) as cache:
        cache.warm([program.root / "app.mjs"], collect)
    assert "another process is writing the cache" in said[0]


@pytest.fixture
def paused(program: Program) -> Iterator[subprocess.Popen[str]]:
    """Start the program with the cache, and yield it where it waits for a line before it imports the rest."""
    program.write({"app.mjs": PAUSING})
    age(program.root / "app.mjs")
    program.warm()
    process = subprocess.Popen(
        [program.node, "--require", program.hook(), "app.mjs"],
        cwd=program.root,
        env=program.home.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    yield process
    process.kill()
    process.communicate()


PAUSING = f"""
import {{ value }} from './lib/0.mjs';
import {{ once }} from 'node:events';
import {{ createInterface }} from 'node:readline';
console.log('waiting');
await once(createInterface(process.stdin), 'line');
let total = value;
{"".join(f"total += (await import('./lib/{number}.mjs')).value;" for number in range(1, LIBRARIES))}
console.log(total);
process.exit();
"""


@pytest.mark.parametrize("how", ["evicted", "compacted", "cleared"])
def test_a_running_program_survives_its_eviction(program: Program, paused: subprocess.Popen[str], how: str) -> None:
    if how == "evicted":
        program.write({"other.mjs": "console.log('other');\n"})
        with cache_with(program, 0) as cache:
            # This program is used after the running one, so the running one is removed.
            cache.warm([program.root / "other.mjs"])
            assert cache.collect().entry_points + cache.statistics().entry_points == 2
            assert cache.statistics().entry_points == 1
    elif how == "compacted":
        (before,) = program.home.cache_dir.glob("packs/*.pack")
        texts = {number: (program.root / f"lib/{number}.mjs").read_text() for number in range(LIBRARIES)}
        with cache_with(program) as cache:
            for edit in (1, 0):
                for number, text in texts.items():
                    save(cache, program, f"lib/{number}.mjs", library(number, 1) if edit else text)
            cache.collect()
        assert not before.exists()
    else:
        with cache_with(program) as cache:
            cache.clear()
    output, errors = paused.communicate("go\n", timeout=120)
    assert (output, errors, paused.returncode) == (f"{sum(range(LIBRARIES))}\n", "", 0)


def test_programs_are_evicted_by_their_last_start(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> None:
    programs = [Program(tmp_path / name, node, esmcache_home) for name in ("one", "two", "three")]
    for one in programs:
        write_program(one)
        one.warm()
    for one in (programs[1], programs[2], programs[0]):
        check_served_whole(one)
    limit = needed(programs[0]) - 20_000
    with cache_with(programs[0], limit) as cache:
        assert cache.collect().entry_points == 1
    assert used(programs[0]) <= limit
    assert programs[1].served().report.get("served", 0) == 0
    check_served_whole(programs[0])
    check_served_whole(programs[2])


def test_statistics_count_code_caches_once(program: Program, run_esmcache: RunEsmcache) -> None:
    program.warm()
    said = json.loads(run_esmcache("stats", "--json").stdout)
    assert said["files"]["code"] >= MODULES and said["files"]["v8"] >= MODULES
    assert (said["bytes"]["code"] > 0, said["bytes"]["v8"]) == (True, 0)
    cache_path = program.home.cache_dir
    assert said["bytes"]["code"] == sum(path.stat().st_size for path in cache_path.glob("code/*/*"))
