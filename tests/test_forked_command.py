"""A fork of the process that has imported everything ends, prints and is waited for as a process that Python starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from forked_command import ForkedCommand, PlainPopen


@pytest.mark.parametrize("arguments", [["--version"], ["no-such-command"], ["explain", "absent.mjs"], ["analyze", "-"]])
def test_results_are_those_of_a_started_process(
    forked_command: ForkedCommand,
    esmcache_home: EsmcacheHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    (tmp_path / "a.mjs").write_text("import './b.mjs';\n")
    forked = forked_command.run(arguments, tmp_path, esmcache_home.environment, stdin="a.mjs\nabsent.mjs\n")
    monkeypatch.setattr(subprocess, "Popen", PlainPopen)
    plain = subprocess.run(
        [sys.executable, "-m", "esmcache", *arguments],
        cwd=tmp_path,
        env=esmcache_home.environment,
        input="a.mjs\nabsent.mjs\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_a_fork_is_a_child_of_the_tests_that_signals_end(tmp_path: Path, forked_command: ForkedCommand) -> None:
    popen = forked_command.popen("esmcache_lsp")
    command = [sys.executable, "-m", "esmcache_lsp", "--stdio"]
    with popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as server:
        # A started process would have its own arguments there.
        assert b"forked_command.py" in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert int(Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
        server.kill()
        assert server.wait(60) == -signal.SIGKILL


def test_an_interpreter_with_other_settings_is_started(tmp_path: Path, forked_command: ForkedCommand) -> None:
    popen = forked_command.popen("esmcache")
    command = [sys.executable, "-m", "esmcache", "--version"]
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    with popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert b"import time:" in process.communicate()[1]
