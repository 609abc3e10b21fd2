"""Paths that are not regular files, and files that are endless or too large: nothing waits for them or reads them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from esmcache.build.freshness import UnreadableFile, read_file
from esmcache.build.targets import find_targets
from esmcache.file_source import LARGEST_FILE, DiskFileSource, file_url_from_path
from esmcache.launch.program import Program
from esmcache.records import ResolutionFailure
from esmcache.regular_files import read_regular_file
from esmcache.resolution import Resolver

_WATCHDOG_S = 60


def ends(work: Callable[[], object]) -> object:
    """Return the result or the OSError of `work`, which must not wait for anything."""
    answers: list[object] = []

    def run() -> None:
        try:
            answers.append(work())
        except OSError as error:
            answers.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_WATCHDOG_S)
    assert answers, "something waits for a file"
    return answers[0]


@pytest.fixture(params=["fifo", "device", "huge", "directory"])
def irregular(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "project" / "odd"
    path.parent.mkdir()
    if request.param == "fifo":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "huge":
        with path.open("wb") as file:
            file.truncate(LARGEST_FILE + 1)
    else:
        path.mkdir()
    return path


def test_a_source_is_read_from_a_regular_file_alone(irregular: Path) -> None:
    assert isinstance(ends(lambda: DiskFileSource().read(str(irregular))), OSError)
    assert isinstance(ends(lambda: read_file(DiskFileSource(), str(irregular))), UnreadableFile)


def test_files_without_a_true_size_are_not_read() -> None:
    # The files in /proc report no size. An endless one is opened without waiting.
    assert "changing" in str(ends(lambda: read_file(DiskFileSource(), "/proc/self/status")))
    assert isinstance(ends(lambda: read_regular_file("/proc/self/status", 10)), OSError)


@pytest.mark.parametrize("name", ["package.json", "esmcache.json"])
def test_settings_and_packages_are_read_from_regular_files_alone(irregular: Path, name: str) -> None:
    directory = irregular.parent
    irregular.rename(directory / name)
    (directory / "app.mjs").write_text("")
    assert ends(lambda: find_targets([directory])) is not None


def test_a_start_does_not_wait_for_an_irregular_package_json(
    irregular: Path, monkeypatch: pytest.MonkeyPatch, esmcache_home: object
) -> None:
    directory = irregular.parent
    irregular.rename(directory / "package.json")
    (directory / "app.mjs").write_text("")
    monkeypatch.chdir(directory)
    assert ends(lambda: Program("app.mjs", [], warms=False).command(os.environ)) is not None
    assert ends(lambda: Program(".", [], warms=False).command(os.environ)) is not None


def test_resolution_does_not_wait_for_an_irregular_package_json(irregular: Path) -> None:
    directory = irregular.parent / "node_modules" / "odd"
    directory.mkdir(parents=True)
    irregular.rename(directory / "package.json")
    url = file_url_from_path(str(irregular.parent / "app.mjs"))
    answer = ends(lambda: Resolver(DiskFileSource()).resolve_import("odd", url))
    assert isinstance(answer, ResolutionFailure)
