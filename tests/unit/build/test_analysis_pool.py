"""Several processes analyse many sources with the same results as one, and the failure of any process is harmless."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from esmcache.build import analysis_pool
from esmcache.build.analysis_pool import AnalysisTask, analyse_all

LINE = "export const a{0} = async () => await import('./{0}.js'); const b{0} = require('c{0}');\n"


@pytest.fixture(scope="module")
def tasks() -> list[AnalysisTask]:
    """Return enough tasks for two processes, of every kind; most of them are quick."""
    texts = ["".join(LINE.format(number) for number in range(start, start + 20)) for start in range(40)]
    sources = [text.encode() + b"x = '\\ud800'; \xff" * (index % 7 == 0) for index, text in enumerate(texts)]
    padding = b" " * 110_000
    return [AnalysisTask(source + padding, is_module=index % 3 != 0) for index, source in enumerate(sources)]


@pytest.fixture(scope="module")
def results(tasks: list[AnalysisTask]) -> list[object]:
    """Return the results of all tasks, from this process."""
    return [task.run() for task in tasks]


def processor_seconds_of_children() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def test_several_processes_give_the_same_results_as_one(
    tasks: list[AnalysisTask], results: list[object], capfd: pytest.CaptureFixture[str]
) -> None:
    before = processor_seconds_of_children()
    found = analyse_all(tasks, 2)
    assert processor_seconds_of_children() > before
    assert found == results
    assert capfd.readouterr() == ("", "")


def test_little_is_done_here(tasks: list[AnalysisTask], results: list[object]) -> None:
    before = processor_seconds_of_children()
    assert analyse_all(tasks[:3], 8) == results[:3]
    assert analyse_all([], 8) == []
    assert analyse_all(tasks, 1) == results
    assert processor_seconds_of_children() == before


@pytest.mark.parametrize(
    "script",
    ["exit 1", "echo; exec cat >/dev/null", "echo; head -c 100 >/dev/null", "echo; echo nonsense", "printf x"],
)
def test_unfinished_tasks_of_a_worker_process_are_done_here(
    script: str, tasks: list[AnalysisTask], results: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert analyse_all(tasks, 2) == results


def test_analysis_works_without_worker_processes(
    tasks: list[AnalysisTask], results: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    assert analyse_all(tasks, 2) == results


def test_a_process_ends_with_its_input() -> None:
    command = [sys.executable, "-P", "-m", analysis_pool.__name__]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
    assert result.stdout == b"\n"
    assert result.stderr == b""
