"""The next warm repairs any damage of the index, and no command ends with an internal error."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome
from index_damages import damage
from program import Program
from served_program import FILES, MODULES

# `make test-all` does all of them.
_DAMAGES = range(0, 300, 1 if EVERYTHING else 15)


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    made.write(FILES)
    made.warm()
    return made


def test_a_warm_repairs_any_damage_of_the_index(program: Program) -> None:
    expected = program.plain().stdout
    for number in _DAMAGES:
        damage(program.home.cache_dir / "index.db", number)
        assert program.warm().modules == MODULES, number
        with program.cache() as cache:
            assert cache.verify() == [], number
        if number % 30 == 0:
            assert program.served().stdout == expected, number


def test_damage_that_timestamps_do_not_show_is_repaired(program: Program) -> None:
    expected = program.plain().stdout
    for number in _DAMAGES[::4]:
        damage(program.home.cache_dir / "index.db", number)
        # A disk that loses writes leaves this state.
        (program.home.cache_dir / ".index.lock").unlink()
        assert program.warm().modules == MODULES, number
        with program.cache() as cache:
            cache.statistics()
            cache.explain(str(program.root / program.entry))
            cache.collect()
            cache.verify(repair=True)
        program.warm()
        with program.cache() as cache:
            assert cache.verify() == [], number
        if number % 30 == 0:
            assert program.served().stdout == expected, number


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_warm_repairs_damaged_files_beside_the_index(program: Program, tmp_path: Path, suffix: str) -> None:
    index = program.home.cache_dir / "index.db"
    # A killed process leaves this: a write-ahead log that is not in the database yet.
    with program.cache() as cache:
        cache.warm([program.root / program.entry])
        cache.statistics()
        (program.root / "lib/late.js").write_text("export default 'later';\n")
        cache.warm([program.root / program.entry])
        with cache.index.transaction():
            cache.index.count({"starts": 1})
        left = [(path.name, path.read_bytes()) for path in sorted(index.parent.glob("index.db*"))]
    for number in _DAMAGES[::4]:
        for name, content in left:
            (index.parent / name).write_bytes(content)
        (index.parent / ".index.lock").unlink(missing_ok=True)
        damaged = index.with_name(index.name + suffix)
        if not damaged.exists():
            damaged.write_bytes(left[0][1])
        damage(damaged, number)
        assert program.warm().modules == MODULES, number
        with program.cache() as cache:
            cache.verify(repair=True)
        program.warm()
        with program.cache() as cache:
            assert cache.verify() == [], number


def test_clear_repairs_any_damage_of_the_index(program: Program) -> None:
    for number in _DAMAGES[::5]:
        damage(program.home.cache_dir / "index.db", number)
        with program.cache() as cache:
            cache.clear()
            assert cache.statistics().modules == 0
            assert cache.index.check() == []
            assert cache.verify() == []
        program.warm()


def test_a_copied_cache_keeps_its_index(program: Program) -> None:
    index = program.home.cache_dir / "index.db"
    copied = index.with_name("copy")
    shutil.copy2(index, copied)
    copied.replace(index)
    assert program.warm().analysed == 0


def test_an_index_that_another_program_wrote_is_recreated(program: Program) -> None:
    database = sqlite3.connect(program.home.cache_dir / "index.db")
    database.execute("update modules set path = '/somewhere/else'")
    database.commit()
    database.close()
    with program.cache() as cache:
        (finding,) = cache.verify()
        assert (finding.kind, finding.removed) == ("index", True)
    assert program.warm().analysed == MODULES - 1


@pytest.mark.parametrize(
    "statement",
    [
        "update modules set path = 7",
        "update modules set path = x'00'",
        "update modules set source_sha256 = x'00'",
        "update modules set size = 'many'",
        "update modules set kind = cast(x'ff' as text)",
        "update analyses set requests = '[[1, 2'",
        "update analyses set requests = '[7]'",
        "update analyses set diagnostics = '{}'",
        "update analyses set bindings = '[]'",
        "update analyses set blob_key = '../../outside'",
        "update pack_entries set pack = '../outside.pack'",
        "update pack_entries set length = 9223372036854775807",
        "update entry_points set manifest = '../outside.manifest'",
        "update blobs set key = '/' || key",
        "drop table packs",
        "alter table blobs rename to others",
        "alter table requests drop column error_code",
    ],
)
def test_invalid_values_in_the_index_are_damage(program: Program, statement: str) -> None:
    database = sqlite3.connect(program.home.cache_dir / "index.db")
    database.execute(statement)
    database.commit()
    database.close()
    (program.home.cache_dir / ".index.lock").unlink()
    outside = program.home.cache_dir.parent / "outside.pack"
    outside.write_text("not the cache's")
    # The warm reads the row of a file whose times have changed.
    for path in program.root.rglob("*.js"):
        path.touch()
    assert program.warm().modules == MODULES
    with program.cache() as cache:
        cache.statistics()
        cache.explain(str(program.root / program.entry))
        cache.collect()
        cache.verify(repair=True)
    program.warm()
    with program.cache() as cache:
        assert cache.verify() == []
    assert outside.read_text() == "not the cache's"
    assert program.check_same()["served"] == MODULES
