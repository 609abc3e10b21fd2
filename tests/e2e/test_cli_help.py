"""The command line's help, and its failures, each with one line and the right exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome, RunEsmcache
from esmcache.cli.main import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run_esmcache: RunEsmcache, command: str) -> None:
    answer = run_esmcache(command, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Example" in answer.stdout and f"esmcache {command}" in answer.stdout
    for option in ("--cache-dir", "--node", "--jobs", "--verbose", "--quiet"):
        assert option in answer.stdout


def test_help_of_all(run_esmcache: RunEsmcache) -> None:
    answer = run_esmcache("--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    variables = ("DIR", "DISABLE", "NODE", "UNTESTED_NODE", "LOG")
    for word in (*COMMANDS, *(f"ESMCACHE_{name}" for name in variables)):
        assert word in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["warm", "--no-such-option"],
        ["warm", "--missed", "app.mjs"],
        ["--jobs", "0", "stats"],
        ["run"],
        ["run", "--no-such-option", "app.mjs"],
        ["run", "--jobs", "none", "app.mjs"],
        ["hook", "unexpected"],
        ["analyze"],
        ["resolve", "./b.mjs"],
        ["get"],
    ],
    ids=" ".join,
)
def test_wrong_usage(run_esmcache: RunEsmcache, arguments: list[str]) -> None:
    answer = run_esmcache(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("esmcache: ") and answer.stderr.count("\n") == 1


def test_a_call_without_a_command_fails_and_shows_help(run_esmcache: RunEsmcache) -> None:
    answer = run_esmcache()
    assert answer.returncode == 2
    assert "Commands:" in answer.stderr


def test_common_options_stand_before_or_after_the_command(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    for arguments in (["--cache-dir", str(there), "stats", "--json"], ["stats", "--json", "--cache-dir", str(there)]):
        assert json.loads(run_esmcache(*arguments).stdout)["directory"] == str(there)


ASKING_FOR_THE_CACHE = [
    ["warm", "app.mjs"],
    ["get", "app.mjs"],
    ["inspect", "app.mjs"],
    ["explain", "app.mjs"],
    ["verify"],
    ["stats"],
    ["gc"],
    ["clear"],
]


@pytest.mark.parametrize("arguments", ASKING_FOR_THE_CACHE, ids=lambda arguments: arguments[0])
def test_refused_cache_directory(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "app.mjs").write_text("export {};")
    esmcache_home.cache_dir.mkdir()
    esmcache_home.cache_dir.chmod(0o777)
    answer = run_esmcache(*arguments)
    assert (answer.returncode, answer.stdout) == (1, "")
    path = esmcache_home.cache_dir
    assert answer.stderr == f"esmcache: cache directory refused: {path} can be written by others (mode 0777)\n"
    assert list(path.iterdir()) == []


def test_a_directory_with_other_files_is_refused_as_cache(run_esmcache: RunEsmcache, tmp_path: Path) -> None:
    path = tmp_path / "project"
    (path / "packs").mkdir(parents=True)
    kept = [path / "packs" / "mine.pack", path / "src.mjs"]
    for file in kept:
        file.write_text("mine")
    for command in (["stats"], ["clear"], ["verify", "--repair"]):
        answer = run_esmcache(*command, "--cache-dir", str(path))
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr == f"esmcache: cache directory refused: {path} is no cache: it holds src.mjs\n"
    assert [file.read_text() for file in kept] == ["mine", "mine"]
    assert sorted(file.name for file in path.iterdir()) == ["packs", "src.mjs"]


@pytest.mark.parametrize("arguments", ASKING_FOR_THE_CACHE, ids=lambda arguments: arguments[0])
def test_cache_directory_that_cannot_be_made(run_esmcache: RunEsmcache, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "app.mjs").write_text("export {};")
    (tmp_path / "file").touch()
    answer = run_esmcache(*arguments, "--cache-dir", tmp_path / "file" / "cache")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("esmcache: cache directory refused: ")
    assert answer.stderr.count("\n") == 1


def test_user_configuration_that_is_wrong(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome) -> None:
    config = esmcache_home.root / ".config" / "esmcache" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"cachDir": "/tmp"}')
    for command in (["stats"], ["hook"]):
        answer = run_esmcache(*command)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr.startswith(f"esmcache: {config}: ") and "cachDir" in answer.stderr
        assert answer.stderr.count("\n") == 1


def test_user_configuration_names_the_cache_directory(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, tmp_path: Path
) -> None:
    config = esmcache_home.root / ".config" / "esmcache" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"cacheDir": str(tmp_path / "mine")}))
    answer = run_esmcache("stats", "--json", env={"ESMCACHE_DIR": ""})
    assert json.loads(answer.stdout)["directory"] == str(tmp_path / "mine")
    hook = run_esmcache("hook", env={"ESMCACHE_DIR": ""}).stdout.strip()
    assert str(tmp_path / "mine") in Path(hook).read_text()


def test_a_closed_pipe_is_not_reported_as_an_error(esmcache_home: EsmcacheHome, tmp_path: Path) -> None:
    (tmp_path / "app.mjs").write_text("export {};")
    with subprocess.Popen(
        [sys.executable, "-m", "esmcache", "analyze", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=dict(esmcache_home.environment),
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        # Each answer is written before the next question is read.
        process.stdin.write(b"app.mjs\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["path"] == "app.mjs"
        process.stdout.close()
        process.stdin.write(b"app.mjs\n")
        process.stdin.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def in_shell(home: EsmcacheHome, cwd: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Users have buffered output: at exit, Python tries again to write what is left in a buffer.
    environment = {name: value for name, value in home.environment.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "esmcache", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


_CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")


@pytest.mark.parametrize("closed", _CLOSED)
def test_commands_work_with_closed_standard_streams(esmcache_home: EsmcacheHome, tmp_path: Path, closed: str) -> None:
    (tmp_path / "app.mjs").write_text("import {writeFileSync} from 'node:fs';\nwriteFileSync('ran', '');\n")
    commands = [
        ["warm", "app.mjs"],
        ["run", "-v", "app.mjs"],
        ["hook"],
        ["analyze", "app.mjs"],
        ["analyze", "-"],
        ["resolve", "-"],
        ["resolve", "fs", "--from", "app.mjs"],
        ["get", "app.mjs", "-o", "out.cache"],
        ["inspect", "app.mjs"],
        ["explain", "app.mjs"],
        ["export", "--node-compile-cache", "out", "app.mjs"],
        ["stats"],
        ["verify"],
        ["gc"],
        ["--version"],
    ]
    # `make test` runs each command with one of these closed.
    tried = commands if EVERYTHING else commands[_CLOSED.index(closed) :: len(_CLOSED)]
    for command in tried:
        answer = in_shell(esmcache_home, tmp_path, closed, *command)
        assert (answer.returncode, answer.stderr) == (0, ""), command
        assert (command[-1] == "-" and "<&-" in closed) or bool(answer.stdout) == (
            ">&-" not in closed.split() and command[0] not in ("run", "get") and command[-1] != "-"
        )
    names = {command[0] for command in tried}
    assert "warm" not in names or list(esmcache_home.cache_dir.glob("manifests/*.manifest"))
    for name, made in {"run": "ran", "get": "out.cache", "export": "out"}.items():
        assert name not in names or (tmp_path / made).exists()
    assert in_shell(esmcache_home, tmp_path, closed, "warm", "absent.mjs").returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["warm", "app.mjs"], ["hook"], ["hook", "--json"], ["stats"], ["get", "app.mjs"]],
    ids=" ".join,
)
def test_output_that_cannot_be_written_is_one_line(
    esmcache_home: EsmcacheHome, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "app.mjs").write_text("export {};")
    answer = in_shell(esmcache_home, tmp_path, "> /dev/full", *arguments)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "esmcache: standard output: No space left on device\n"


def test_exit_codes_do_not_depend_on_a_writable_stderr(esmcache_home: EsmcacheHome, tmp_path: Path) -> None:
    (tmp_path / "app.mjs").write_text("import 'absent';")
    assert in_shell(esmcache_home, tmp_path, "2> /dev/full", "warm", "app.mjs").returncode == 0
    assert in_shell(esmcache_home, tmp_path, "2> /dev/full", "warm", "absent.mjs").returncode == 1
    assert in_shell(esmcache_home, tmp_path, "2> /dev/full", "no-such-command").returncode == 2


def test_interrupt(esmcache_home: EsmcacheHome, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "esmcache", "analyze", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=dict(esmcache_home.environment),
        # A shell makes its background jobs ignore SIGINT, and their child processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        (tmp_path / "app.mjs").write_text("export {};")
        process.stdin.write(b"app.mjs\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"app.mjs\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        # At most the line end after the terminal's ^C is written.
        assert process.stderr.read().strip() == b""
