"""The public Python functions: one module by path or URL, a program, and their answers to bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

import esmcache
from conftest import EsmcacheHome
from esmcache import CacheError, CacheState

SOURCE = "import a from './b.js';\nexport const x = a;\n"


@pytest.fixture
def module(tmp_path: Path, esmcache_home: EsmcacheHome) -> Path:
    path = tmp_path / "dir with space" / "a.mjs"
    path.parent.mkdir()
    path.write_text(SOURCE)
    return path


def test_a_path_and_its_url_are_one_module(module: Path) -> None:
    assert esmcache.lookup(str(module)).state is CacheState.COLD
    by_path = esmcache.generate(str(module))
    by_url = esmcache.generate(module.as_uri())
    assert by_path == by_url
    assert by_path.state is CacheState.FRESH
    assert esmcache.lookup(module.as_uri()) == by_path
    assert by_path.blob_path is not None
    file = esmcache.decode(by_path.blob_path.read_bytes())
    assert isinstance(file, esmcache.BmesFile)
    assert [request.specifier for request in file.requests] == ["./b.js"]


def test_a_source_that_is_not_on_disk_has_a_cache_of_its_own(module: Path) -> None:
    on_disk = esmcache.generate(str(module))
    unsaved = esmcache.generate(str(module), SOURCE.encode() + b"export default 1;\n")
    assert unsaved.key != on_disk.key
    assert esmcache.lookup(str(module)).key == on_disk.key
    assert esmcache.generate("/nowhere/at/all.mjs", b"export {};").state is CacheState.FRESH


def test_an_edited_module_is_stale(module: Path) -> None:
    esmcache.generate(str(module))
    module.write_text(SOURCE + "\n")
    assert esmcache.lookup(str(module)).state is CacheState.STALE
    esmcache.generate(str(module))
    assert esmcache.lookup(str(module)).state is CacheState.FRESH


def test_inspect_shows_record_and_bytecode(module: Path, tmp_path: Path) -> None:
    inspection = esmcache.inspect(module)
    assert [entry.export_name for entry in inspection.file.exports] == ["x"]
    assert len(inspection.file.bytecode) > 0
    assert inspection.validation.level is esmcache.ValidationLevel.INTEGRITY
    other = tmp_path / "other.cache"
    other.write_bytes(b"SEMB\1\0\0\0 and nothing more")
    with pytest.raises(CacheError, match="not a BMES file"):
        esmcache.inspect(other)


def test_warm_reports_what_it_did(module: Path) -> None:
    (module.parent / "b.js").write_text("export default 1;\n")
    (module.parent / "package.json").write_text('{"type": "module"}')
    report = esmcache.warm([module])
    assert (report.entries, report.modules, report.problems) == (1, 2, [])


@pytest.mark.parametrize(
    ("source", "message"),
    [(b"export default = 1;", r":1:16: "), (b"\xff\xfe not text \x00 import", "a.mjs")],
)
def test_generate_fails_for_sources_that_are_not_modules(module: Path, source: bytes, message: str) -> None:
    with pytest.raises(CacheError, match=message) as caught:
        esmcache.generate(str(module), source)
    assert "\n" not in str(caught.value)


def test_generate_fails_for_files_that_cannot_be_read(tmp_path: Path, esmcache_home: EsmcacheHome) -> None:
    with pytest.raises(CacheError, match="no such file"):
        esmcache.generate(str(tmp_path / "absent.mjs"))
    with pytest.raises(CacheError, match="not a regular file"):
        esmcache.generate(str(tmp_path))
    with pytest.raises(CacheError, match="no Node to serve"):
        esmcache.generate(str(tmp_path), node="/no/such/node")


@pytest.mark.parametrize(("old", "new"), [("Engine", esmcache.Cache), ("EngineError", CacheError)])
def test_names_of_the_last_release_are_deprecated_aliases(old: str, new: type) -> None:
    with pytest.warns(DeprecationWarning, match=f"esmcache.{old} is now esmcache.{new.__name__}"):
        assert getattr(esmcache, old) is new
