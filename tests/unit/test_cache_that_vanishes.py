"""A cache directory that is removed at any moment of an operation in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from esmcache.cache import Cache
from esmcache.store.index import Index
from esmcache.store.index_file import IndexVanished
from esmcache.store.rows import PackageRow

_ROUNDS = 60


class _Remover(threading.Thread):
    """Moves a directory away once per request, after a varying delay."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._asked = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._is_over = threading.Event()

    def ask(self) -> None:
        self._asked.release()

    def wait(self) -> None:
        self._done.acquire()

    def end(self) -> None:
        self._is_over.set()
        self._asked.release()
        self.join()

    def run(self) -> None:
        for number in range(10_000):
            self._asked.acquire()
            # The delays reach from before a database is opened until after it is closed.
            if self._is_over.wait(0.001 * (number % 12)):
                return
            if self._directory.exists():
                self._directory.rename(self._directory.with_name(f"removed-{number}"))
            self._done.release()


@pytest.mark.parametrize(
    "what_is_done",
    [Cache.statistics, Cache.verify, Cache.collect, Cache.clear, lambda cache: cache.forget([Path("a.mjs")])],
    ids=["statistics", "verify", "collect", "clear", "forget"],
)
def test_a_directory_that_vanishes_is_recreated(tmp_path: Path, what_is_done: Callable[[Cache], object]) -> None:
    directory = tmp_path / "cache"
    remover = _Remover(directory)
    remover.start()
    try:
        for _ in range(_ROUNDS):
            with Cache.open(cache_dir=str(directory), environment={}) as cache:
                remover.ask()
                for _ in range(3):
                    what_is_done(cache)
                remover.wait()
    finally:
        remover.end()


def test_an_index_whose_directory_vanished_is_not_damaged(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    with Index(directory / "index.db") as index:
        directory.rename(tmp_path / "removed")
        with pytest.raises(IndexVanished), index.transaction():
            index.put([PackageRow("/a", "a", "1")])
        assert not index.is_there
    assert not directory.exists()


def test_closing_an_index_leaves_its_successor_alone(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    path = directory / "index.db"
    old, also_old = Index(path), Index(path)
    directory.rename(tmp_path / "removed")
    directory.mkdir()
    with Index(path) as new:
        with new.transaction():
            new.put([PackageRow("/a", "a", "1")])
        old.discard()
        also_old.close()
        with Index(path) as another:
            assert list(another.all(PackageRow)) == [PackageRow("/a", "a", "1")]
        with new.transaction():
            new.put([PackageRow("/b", "b", "1")])
    with Index(path) as another:
        assert len(list(another.all(PackageRow))) == 2
        assert (another.check(), another.replaced) == ([], "")
