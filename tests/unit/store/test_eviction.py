"""The size limit over a made-up index and files: what is removed, in which order, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest

from esmcache.serving.pack import scan_pack
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheLinkRow,
    CodeCacheRow,
    EntryPointRow,
    ExportRow,
    InputRow,
    ModuleRow,
    PackEntryRow,
    RequestRow,
    VerdictRow,
)
from made_up_cache import MadeUpCache

OF_SOURCES = (AnalysisRow, BlobRow, CodeCacheRow, ExportRow, PackEntryRow, VerdictRow)
OF_MODULES = (InputRow, ModuleRow, RequestRow)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[MadeUpCache]:
    made = MadeUpCache(tmp_path / "cache")
    yield made
    made.index.close()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}.mjs" for number in range(count)]


def add_program(cache: MadeUpCache, prefix: str, count: int, used_at: float) -> str:
    """Store modules and an entry point that contains them all; return the manifest's name."""
    members = names(prefix, count)
    cache.save({name: name for name in members})
    return cache.add_entry_point(f"{prefix}app.mjs", members, used_at)


def manifests(cache: MadeUpCache) -> set[str]:
    rows = {row.manifest for row in cache.index.all(EntryPointRow)}
    assert {path.name for path in cache.directory.manifests_path.iterdir()} == rows
    return rows


def check_files(cache: MadeUpCache) -> None:
    """Assert that every row has a file and every file has a row."""
    assert {path.name for path in cache.directory.blobs_path.glob("*/*")} == {
        row.key for row in cache.index.all(BlobRow)
    }
    assert len(list(cache.directory.code_path.glob("*/*"))) == sum(1 for _ in cache.index.all(CodeCacheRow))
    assert {path.name for path in (cache.directory.v8_path / cache.place).glob("*")} == {
        row.name for row in cache.index.all(CodeCacheLinkRow)
    }
    assert {path.name for path in cache.directory.packs_path.glob("*.pack")} == {
        row.pack for row in cache.index.all(PackEntryRow)
    }


def test_leftovers_of_earlier_saves_are_removed_below_the_limit(cache: MadeUpCache) -> None:
    add_program(cache, "a", 5, 1.0)
    for number in range(4):
        cache.save({"a0.mjs": f"edit {number}"})
    before = cache.counts(OF_SOURCES)
    assert set(before.values()) == {9}
    cache.collect()
    assert cache.counts(OF_SOURCES) == dict.fromkeys(before, 5)
    assert cache.counts(OF_MODULES) == {"InputRow": 5, "ModuleRow": 5, "RequestRow": 5}
    check_files(cache)


def test_old_saves_never_evict_modules_in_use(cache: MadeUpCache) -> None:
    manifest = add_program(cache, "a", 1, 1.0)
    live = cache.used
    for number in range(500):
        cache.save({"a0.mjs": f"edit {number}"})
    assert cache.used > 3 * live
    # The manifest still names an old text of the module, and is kept.
    cache.collect(live)
    assert manifests(cache) == {manifest}
    assert cache.counts(OF_SOURCES) == dict.fromkeys((row_type.__name__ for row_type in OF_SOURCES), 1)


def test_entry_points_are_evicted_by_their_last_use(cache: MadeUpCache) -> None:
    by_use = [add_program(cache, prefix, 40, used_at) for prefix, used_at in (("c", 1.0), ("a", 2.0), ("b", 3.0))]
    cache.collect()
    size = cache.used
    cache.collect(size - 10_000)
    assert manifests(cache) == set(by_use[1:])
    assert cache.counts((ModuleRow, CodeCacheRow, BlobRow)) == {"ModuleRow": 80, "CodeCacheRow": 80, "BlobRow": 80}
    check_files(cache)
    assert cache.used <= size - 10_000


def test_the_last_used_entry_point_stays_under_any_limit(cache: MadeUpCache) -> None:
    add_program(cache, "a", 20, 1.0)
    last = add_program(cache, "b", 20, 2.0)
    answer = cache.collect(0)
    assert (answer.entry_points, manifests(cache)) == (1, {last})
    check_files(cache)


def test_modules_without_an_entry_point_are_evicted_first(cache: MadeUpCache) -> None:
    kept = {add_program(cache, "a", 20, 1.0), add_program(cache, "b", 20, 2.0)}
    cache.collect()
    size = cache.used
    cache.save({name: name for name in names("alone", 40)})
    cache.collect()
    assert cache.counts((ModuleRow,)) == {"ModuleRow": 80}
    cache.collect(size * 10 // 9 + 60_000)
    assert manifests(cache) == kept
    assert cache.counts((ModuleRow,)) == {"ModuleRow": 40}
    check_files(cache)


def test_shared_modules_are_evicted_with_their_last_entry_point(cache: MadeUpCache) -> None:
    cache.save({name: name for name in (*names("shared", 20), *names("own", 20))})
    cache.add_entry_point("one.mjs", names("shared", 20) + names("own", 20), 1.0)
    other = cache.add_entry_point("other.mjs", names("shared", 20), 2.0)
    cache.collect(0)
    assert manifests(cache) == {other}
    assert {row.path for row in cache.index.all(ModuleRow)} == {f"/project/{name}" for name in names("shared", 20)}
    check_files(cache)


def test_no_more_is_evicted_than_the_limit_requires(cache: MadeUpCache) -> None:
    for number in range(20):
        add_program(cache, f"p{number}-", 10, float(number))
    cache.collect()
    limit = cache.used * 3 // 4
    cache.collect(limit)
    assert limit * 3 // 4 < cache.used <= limit
    assert manifests(cache) >= {row.manifest for row in cache.index.all(EntryPointRow) if row.used_at > 10.0}


def test_a_pack_is_written_again_once_a_third_of_it_is_dead(cache: MadeUpCache) -> None:
    manifest = add_program(cache, "a", 10, 1.0)
    cache.save({name: f"edited {name}" for name in names("a", 4)})
    (before,) = cache.directory.packs_path.glob("*.pack")
    cache.collect()
    assert [path.name for path in cache.directory.packs_path.glob("*.pack")] == [before.name]
    cache.save({name: f"edited again {name}" for name in names("a", 3)})
    cache.add_entry_point("aapp.mjs", names("a", 10), 1.0)
    cache.collect()
    (after,) = cache.directory.packs_path.glob("*.pack")
    assert after.name != before.name
    entries = [found for found in scan_pack(after) if isinstance(found, tuple)]
    assert {digest for digest, _ in entries} == {row.source_sha256 for row in cache.index.all(ModuleRow)}
    assert manifests(cache) == {manifest}
    content = (cache.directory.manifests_path / manifest).read_bytes()
    assert after.name.encode() in content and before.name.encode() not in content
    check_files(cache)


def test_a_source_that_comes_after_compaction_is_appended_to_the_new_pack(cache: MadeUpCache) -> None:
    add_program(cache, "a", 4, 1.0)
    cache.save({name: f"edited {name}" for name in names("a", 4)})
    cache.collect()
    (pack,) = cache.directory.packs_path.glob("*.pack")
    cache.save({"a0.mjs": "edited last"})
    assert list(cache.directory.packs_path.glob("*.pack")) == [pack]
    assert sum(1 for _ in scan_pack(pack)) == 5


def test_files_that_node_wrote_are_removed_and_evict_no_modules(cache: MadeUpCache) -> None:
    kept = {add_program(cache, "a", 10, 1.0), add_program(cache, "b", 10, 2.0)}
    cache.collect()
    size = cache.used
    place = cache.directory.v8_path / cache.place
    place.chmod(0o700)
    for number in range(20):
        (place / f"{number:08x}").write_bytes(bytes(10_000))
    elsewhere = cache.directory.v8_path / ("f" * 32) / place.name
    elsewhere.mkdir(parents=True)
    (elsewhere / "01234567").write_bytes(bytes(10_000))
    (cache.directory.v8_path / "v24.0.0-x64-1a2b3c4d-0").mkdir()
    (cache.directory.v8_path / "v24.0.0-x64-1a2b3c4d-0" / "01234567").write_bytes(bytes(10_000))
    assert cache.used > size + 200_000
    cache.collect(size + 10_000)
    assert manifests(cache) == kept
    assert [path.name for path in cache.directory.v8_path.iterdir()] == [place.parent.name]
    assert place.stat().st_mode & 0o777 == 0o500
    check_files(cache)
    assert cache.used <= size + 10_000


def test_hard_links_are_counted_once(cache: MadeUpCache) -> None:
    add_program(cache, "a", 10, 1.0)
    links = list((cache.directory.v8_path / cache.place).iterdir())
    assert len(links) == 10
    assert cache.used == sum(
        path.stat().st_size
        for path in cache.path.rglob("*")
        if path.is_file() and path.parent.parent.parent.name != "v8" and path.name != "index.db-shm"
    )


def test_an_interrupted_collection_leaves_no_row_without_its_file(
    cache: MadeUpCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection that stops before it removes any file leaves too many files, and never too few."""
    for prefix, used_at in (("a", 1.0), ("b", 2.0)):
        add_program(cache, prefix, 6, used_at)
    cache.save({name: f"edited {name}" for name in names("b", 4)})
    remove = type(cache.directory).remove_files

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(cache.directory), "remove_files", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.collect(0)
    monkeypatch.setattr(type(cache.directory), "remove_files", remove)
    for row in cache.index.all(BlobRow):
        assert (cache.directory.blobs_path / row.key[:2] / row.key).exists()
    for entry in cache.index.all(PackEntryRow):
        assert (cache.directory.packs_path / entry.pack).exists()
    cache.collect(0)
    check_files(cache)


def test_two_thousand_modules_take_a_moment(cache: MadeUpCache) -> None:
    cache.save({name: name for name in names("m", 2000)})
    for number in range(5):
        cache.add_entry_point(f"app{number}.mjs", names("m", 1000 + 200 * number), float(number))
    started = process_time()
    cache.collect(1)
    # This took 0.4 s, and 10.7 s when each entry point was compared with all modules.
    assert process_time() - started < 4
    assert len(manifests(cache)) == 1
