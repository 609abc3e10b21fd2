"""A cache that was made elsewhere and restored: its content can at worst cause misses.

No path outside the cache is written or removed, and no program is started that the user has not named.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest

from conftest import EVERYTHING, EsmcacheHome
from esmcache.cache import Cache
from esmcache.cache_files import remove_any
from esmcache.errors import CacheError
from esmcache.store.rows import ROW_TABLES
from program import Program
from removing import remove_tree

MODULES = 2
# The columns whose values are file names or paths.
NAMES_AND_PATHS = {
    "modules": ["url", "path", "package"],
    "analyses": ["blob_key"],
    "requests": ["url", "resolved_url"],
    "resolution_inputs": ["path", "detail"],
    "packages": ["root"],
    "blobs": ["key"],
    "code_cache_links": ["directory", "name", "url"],
    "pack_entries": ["pack"],
    "packs": ["pack"],
    "entry_points": ["manifest", "path", "domain", "engine_tag", "node_version", "arch"],
    "misses": ["entry", "executable"],
    "replaced_functions": ["manifest"],
    "entry_modules": ["manifest", "url"],
}
# All other texts name no file: kinds, messages, names of exports, and our own JSON.
OTHER_TEXTS = {
    "kind",
    "problem",
    "requests",
    "bindings",
    "diagnostics",
    "engine_tag",
    "outcome",
    "detail",
    "specifier",
    "attributes",
    "error_code",
    "error_message",
    "input_set",
    "export_name",
    "module_name",
    "import_name",
    "name",
    "version",
    "conditions",
    "functions",
    "url",
    "reason",
}


def test_every_column_with_file_names_is_forged_in_these_tests() -> None:
    for row_type, table in ROW_TABLES.items():
        texts = {field.name for field in fields(row_type) if field.type == "str"}
        assert texts - set(NAMES_AND_PATHS.get(table, ())) <= OTHER_TEXTS, table


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a directory of the user's with a file, and a program that leaves a mark if it is started."""
    directory = tmp_path / "outside"
    directory.mkdir(mode=0o700)
    (directory / "file").write_text("mine")
    (directory / "file.manifest").write_text("mine")
    planted = directory / "planted"
    planted.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    planted.chmod(0o700)
    return directory


@pytest.fixture
def program(esmcache_home: EsmcacheHome, node: Path, tmp_path: Path) -> Program:
    program = Program(tmp_path / "program", node, esmcache_home)
    program.write(
        {"app.mjs": "import {part} from './part.mjs';\nconsole.log(part);\n", "part.mjs": "export let part;\n"}
    )
    program.warm()
    program.served()
    return program


def restore(program: Program, copy: Callable[[str, str], object] = shutil.copy2) -> Path:
    """Replace the cache by a copy of itself, as CI restores it, and return its path."""
    made, cache_path = program.home.cache_dir.with_name("made"), program.home.cache_dir
    cache_path.rename(made)
    shutil.copytree(made, cache_path, symlinks=True, copy_function=copy)
    return cache_path


def use(program: Program) -> None:
    """Run everything that reads names from the cache, and start the program."""
    steps: tuple[Callable[[Cache], object], ...] = (
        lambda cache: cache.collect(),
        lambda cache: cache.statistics(),
        lambda cache: cache.explain(str(program.root / "app.mjs")),
        lambda cache: cache.warm_missed(),
        lambda cache: cache.verify(repair=False),
        lambda cache: cache.forget_gone([program.root]),
        lambda cache: cache.update([program.root / "part.mjs"]),
        lambda cache: cache.warm([program.root / "app.mjs"]),
        lambda cache: cache.collect(),
        lambda cache: cache.verify(repair=True),
    )
    for step in steps:
        with Cache.open(node=str(program.node), jobs=1, max_size=1, environment=program.home.environment) as cache:
            try:
                step(cache)
            except CacheError as error:
                assert "\n" not in str(error)
    program.check_same()
    with program.cache() as cache:
        cache.clear()


def forget(program: Program) -> None:
    """Forget a program whose files were removed."""
    program.root.rename(program.root.with_name("gone"))
    with program.cache() as cache, contextlib.suppress(CacheError):
        cache.forget_gone([program.root])
        cache.collect()
    program.root.with_name("gone").rename(program.root)


def check_untouched(outside: Path) -> None:
    assert sorted(path.name for path in outside.iterdir()) == ["file", "file.manifest", "planted"]
    assert (outside / "file").read_text() == (outside / "file.manifest").read_text() == "mine"
    assert not (outside.parent / "started").exists()


def forge(cache_path: Path, table: str, column: str, value: str) -> None:
    with sqlite3.connect(cache_path / "index.db") as database:
        # The old times make the entry points candidates for removal.
        database.execute("update entry_points set used_at = 1, warmed_at = 1")
        database.execute(f"update or replace {table} set {column} = ?", (value,))
        if table == "misses" and not database.execute("select count(*) from misses").fetchone()[0]:
            names = {"entry": str(cache_path), "url": "", "executable": "/", "conditions": "", "reason": "x"}
            names |= {column: value}
            marks = ", ".join(":" + name for name in names)
            database.execute(f"insert into misses ({', '.join(names)}, count, seen_at) values ({marks}, 1, 1.0)", names)
    database.close()
    # The lock file records the state of our last write; without it an index is used if it is sound.
    (cache_path / ".index.lock").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in NAMES_AND_PATHS.items() for column in columns]
)
def test_forged_rows_reach_no_files_outside_the_cache(program: Program, outside: Path, table: str, column: str) -> None:
    cache_path = restore(program)
    relative = os.path.relpath(outside, cache_path / "packs")
    values = [f"{relative}/file", str(outside / "file"), relative, str(outside / "planted"), "", "."]
    # `make test` tries two of them for each column.
    for value in values if EVERYTHING else values[crc32(f"{table}.{column}".encode()) % 3 :: 3]:
        for step in (forget, use):
            remove_any(cache_path)
            shutil.copytree(cache_path.with_name("made"), cache_path, symlinks=True)
            forge(cache_path, table, column, value)
            step(program)
            check_untouched(outside)


def copy_as_new(source: str, target: str) -> None:
    """Copy a file without its times, as some stores of CI do."""
    shutil.copy(source, target)
    os.utime(target, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("copy", [shutil.copy2, copy_as_new])
def test_a_restored_cache_is_used(program: Program, copy: Callable[[str, str], object]) -> None:
    restore(program, copy)
    assert program.check_same()["served"] == MODULES
    with program.cache() as cache:
        assert cache.statistics().modules == MODULES
    assert program.warm().compiled == 0


@pytest.mark.parametrize("place", ["manifests", "packs", "code", "v8", "seals", "blobs", "events", "starts", "live"])
def test_links_reach_no_files_outside_the_cache(program: Program, outside: Path, place: str) -> None:
    path = restore(program) / place
    remove_tree(path)
    path.symlink_to(outside)
    program.check_same()
    check_untouched(outside)
    use(program)
    check_untouched(outside)


@pytest.mark.parametrize("place", ["starts", "events"])
def test_starts_write_through_no_links(program: Program, outside: Path, place: str) -> None:
    (name,) = (path.name for path in (program.home.cache_dir / "starts").iterdir())
    path = restore(program) / place / name
    # Only after a warm here has proven them are code caches used and starts recorded as loaded.
    program.warm()
    path.unlink(missing_ok=True)
    path.symlink_to(outside / "file")
    program.check_same()
    check_untouched(outside)
    use(program)
    check_untouched(outside)


def test_a_node_that_only_a_report_names_is_not_started(program: Program, outside: Path) -> None:
    planted = str(outside / "planted")
    report = {
        "time": time.time() * 1000,
        "entry": str(program.root / "app.mjs"),
        "execPath": planted,
        "served": 0,
        "reason": "no manifest",
    }
    (program.home.cache_dir / "events" / "0123").write_text(json.dumps(report) + "\n")
    with program.cache() as cache:
        problems = cache.warm_missed().problems
    assert [(problem.path, problem.is_error) for problem in problems] == [(planted, False)]
    assert problems[0].message == "was not named by you: start it once with `esmcache run --node`"
    check_untouched(outside)


def test_a_forged_nodes_json_starts_no_program_and_reaches_no_files(program: Program, outside: Path) -> None:
    cache_path = restore(program)
    nodes = json.loads((cache_path / "nodes.json").read_text())
    (outside.parent / "elsewhere").mkdir()
    for changed in (
        {"executable": str(outside / "planted")},
        {"version": "v24.0.0/../../../../elsewhere/x"},
        {"arch": "../../elsewhere/x"},
        {"v8_tag": "0/../../../../elsewhere"},
        {"v8_tag": -1},
        {"supported": None, "unknown": 1},
    ):
        forged = {name: {**one, "build": {**one["build"], **changed}} for name, one in nodes["nodes"].items()}
        # An attacker can compute the checksum, too.
        checksum = sha256(json.dumps(forged, sort_keys=True).encode()).hexdigest()
        (cache_path / "nodes.json").write_text(json.dumps({**nodes, "nodes": forged, "sha256": checksum}))
        report = program.warm()
        assert (report.served, report.problems) == (MODULES, [])
        assert json.loads((cache_path / "nodes.json").read_text()) == nodes
        check_untouched(outside)
        assert list((outside.parent / "elsewhere").iterdir()) == []
