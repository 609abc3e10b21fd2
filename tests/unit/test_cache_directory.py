"""The cache directory accepts only valid names, and never removes anything outside of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmcache.cache_directory import CacheDirectory, CacheDirectoryRefused, open_cache_directory
from esmcache.cache_files import plain_name, remove_any

FOREIGN_NAMES = ["", ".", "..", "/", "a/b", "/etc", "../kept", "a\0b", "x" * 256, "\ud800", None, 7, b"bytes"]


@pytest.fixture
def directory(tmp_path: Path) -> CacheDirectory:
    path = tmp_path / "cache"
    path.mkdir(0o700)
    return CacheDirectory(path)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a file outside the cache, in a directory next to it."""
    file = tmp_path / "kept" / "file"
    file.parent.mkdir()
    file.write_text("mine")
    return file


@pytest.mark.parametrize("name", FOREIGN_NAMES, ids=repr)
def test_a_name_with_more_than_one_component_is_refused(name: object) -> None:
    assert plain_name(name) is None


@pytest.mark.parametrize("name", ["a", ".hidden", "...", "ab cd", "é" * 127, "a\nb", "\udcff"], ids=repr)
def test_a_plain_name_is_accepted_unchanged(name: str) -> None:
    assert plain_name(name) == name


@pytest.mark.parametrize(
    "names", [("..", "kept", "file"), ("packs", "../../kept"), ("packs", "../../kept/file"), ("", "kept"), (), ("",)]
)
def test_remove_leaves_outside_files_alone(directory: CacheDirectory, kept: Path, names: tuple[str, ...]) -> None:
    (directory.path / "packs").mkdir()
    assert not directory.remove(*names)
    assert kept.read_text() == "mine"


def test_an_absolute_name_is_refused(directory: CacheDirectory, kept: Path) -> None:
    assert not directory.remove("packs", str(kept))
    assert not directory.remove(str(kept.parent))
    assert kept.exists()


def test_a_link_on_the_way_is_not_followed(directory: CacheDirectory, kept: Path) -> None:
    (directory.path / "packs").symlink_to(kept.parent)
    assert not directory.remove("packs", "file")
    assert kept.exists()
    assert directory.remove("packs")
    assert kept.exists() and not os.path.lexists(directory.path / "packs")


def test_a_link_within_a_removed_tree_is_not_followed(directory: CacheDirectory, kept: Path) -> None:
    (directory.path / "v8").mkdir()
    (directory.path / "v8" / "link").symlink_to(kept.parent)
    assert directory.remove("v8")
    assert kept.exists() and not directory.path.joinpath("v8").exists()


def test_an_absent_file_counts_as_removed(directory: CacheDirectory) -> None:
    assert directory.remove("packs", "some.pack")
    assert CacheDirectory(directory.path / "gone").remove("packs")


@pytest.mark.parametrize("mode", [0o700, 0o500])
def test_directories_that_cannot_be_written_are_removed_by_their_owner(directory: CacheDirectory, mode: int) -> None:
    tree = directory.path / "v8" / "domain" / "tag"
    tree.mkdir(parents=True)
    (tree / "entry").write_bytes(b"")
    tree.chmod(mode)
    tree.parent.chmod(mode)
    remove_any(directory.path / "v8")
    assert not (directory.path / "v8").exists()


def test_a_file_in_a_directory_that_cannot_be_written_is_removed_and_the_mode_stays(directory: CacheDirectory) -> None:
    tree = directory.path / "v8" / "domain"
    tree.mkdir(parents=True)
    (tree / "entry").write_bytes(b"")
    tree.chmod(0o500)
    assert directory.remove("v8", "domain", "entry")
    assert not (tree / "entry").exists()
    assert tree.stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("holds", ["code/src/main.c", "packs/notes.txt", "events/2026.txt", "code", "index.db"])
def test_a_directory_with_other_files_is_not_a_cache(holds: str, tmp_path: Path) -> None:
    file = tmp_path / "project" / holds
    file.parent.mkdir(parents=True)
    file.write_text("precious")
    opened = open_cache_directory(tmp_path / "project")
    assert isinstance(opened, CacheDirectoryRefused) and "is no cache: it holds" in opened.reason
    assert [path for path in (tmp_path / "project").rglob("*") if path.is_file()] == [file]


def test_a_directory_that_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o300)
    opened = open_cache_directory(tmp_path / "cache")
    (tmp_path / "cache").chmod(0o700)
    # Root can list every directory.
    assert os.geteuid() == 0 or "cannot be read" in (opened.reason if isinstance(opened, CacheDirectoryRefused) else "")


def test_a_cache_without_an_index_still_is_one(tmp_path: Path) -> None:
    assert isinstance(open_cache_directory(tmp_path / "cache"), CacheDirectory)
    (tmp_path / "cache" / "packs").mkdir()
    assert isinstance(open_cache_directory(tmp_path / "cache"), CacheDirectory)
