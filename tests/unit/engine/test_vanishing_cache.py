"""A cache directory that is removed again and again, while processes open the index in it."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from pathlib import Path

from esmcache.engine.facade import Engine, EngineError


def test_the_index_is_opened_in_a_directory_that_vanishes(tmp_path: Path) -> None:
    directory, done = tmp_path / "cache", threading.Event()

    def remove() -> None:
        for number in itertools.count():
            if done.wait(0.03):
                return
            if directory.exists():
                directory.rename(tmp_path / f"removed-{number}")

    remover = threading.Thread(target=remove)
    remover.start()
    failures: Counter[str] = Counter()
    try:
        for _ in range(150):
            try:
                with Engine.open(cache_dir=str(directory), environment={}) as engine:
                    assert engine.index.version()
            except EngineError as error:
                failures[str(error).rpartition(": ")[2]] += 1
    finally:
        done.set()
        remover.join()
    # The directory itself may vanish between being made and being looked at.
    assert not failures.keys() - {"No such file or directory"}, failures
