"""`esmcache run` and `esmcache hook`: the program behaves as without them, and its second start is served."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache
from esmcache.launch.background import background_stamp, lock_stamp

DEADLINE_S = 120
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    entry = tmp_path / "program" / "app.mjs"
    entry.parent.mkdir()
    (entry.parent / "greeting.mjs").write_text("export const greeting = 'hello';\n")
    entry.write_text("import {greeting} from './greeting.mjs';\nconsole.log(greeting, ...process.argv.slice(2));\n")
    return entry


def write_configuration(home: EsmcacheHome, content: str) -> Path:
    """Write the user's configuration with private modes under any umask; otherwise it would not be read."""
    path = home.root / ".config" / "esmcache" / "config.json"
    for directory in (path.parent.parent, path.parent):
        directory.mkdir(0o700)
    path.touch(0o600)
    path.write_text(content)
    return path


def wait_for_warm(cache_dir: Path) -> None:
    """Return when a manifest exists and no background warm is running."""
    deadline = time.monotonic() + DEADLINE_S
    while not list(cache_dir.glob("manifests/*.manifest")) or list(cache_dir.glob(".tmp-warming-*")):
        assert time.monotonic() < deadline, "the background warm did not end"
        time.sleep(0.02)


def test_second_start_is_served(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first = run_esmcache("run", program)
    wait_for_warm(esmcache_home.cache_dir)
    second = run_esmcache("run", program, env={"ESMCACHE_LOG": str(log)})
    assert (first.returncode, first.stdout, first.stderr) == (0, "hello\n", "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "hello\n", "")
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2


@pytest.mark.parametrize("command", ["stats", "gc", "doctor"])
def test_a_command_that_reads_reports_keeps_requests_for_a_warm(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, tmp_path: Path, command: str
) -> None:
    log = tmp_path / "log"
    assert run_esmcache("warm", program).returncode == 0
    (program.parent / "greeting.mjs").write_text("export const greeting = 'hi';\n")
    run_esmcache("run", program, env={"ESMCACHE_LOG": str(log)})
    assert json.loads(log.read_text().splitlines()[-1])["stale"]
    run_esmcache(command)
    run_esmcache("run", program)
    wait_for_warm(esmcache_home.cache_dir)
    deadline = time.monotonic() + DEADLINE_S
    while list(esmcache_home.cache_dir.glob("events/*.wanted")):
        assert time.monotonic() < deadline, "no warm was begun in the background"
        time.sleep(0.02)
    run_esmcache("run", program, env={"ESMCACHE_LOG": str(log)})
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2


def test_conditions_of_node_options_are_warmed(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, tmp_path: Path
) -> None:
    (program.parent / "esmcache.json").write_text('{"conditions": ["another"]}')
    log = tmp_path / "log"
    environment = {"NODE_OPTIONS": "--conditions=one -C two", "ESMCACHE_LOG": str(log)}
    run_esmcache("run", program, env=environment)
    wait_for_warm(esmcache_home.cache_dir)
    run_esmcache("run", program, env=environment)
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2


def test_no_warm_option_starts_no_background_warm(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path
) -> None:
    assert run_esmcache("run", "--no-warm", program).stdout == "hello\n"
    stamp = background_stamp(esmcache_home.cache_dir, str(program), os.environ["ESMCACHE_NODE"], [])
    # A warm takes the stamp first, so none has begun. The explicit warm below removes its stamp at the end.
    assert not stamp.exists()
    assert run_esmcache("warm", "--background", "--node", os.environ["ESMCACHE_NODE"], program).returncode == 0
    assert list(esmcache_home.cache_dir.glob("manifests/*.manifest")) and not stamp.exists()


def test_one_warm_at_a_time(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path) -> None:
    node = os.environ["ESMCACHE_NODE"]
    lock = lock_stamp(background_stamp(esmcache_home.cache_dir, str(program), node, []))
    assert lock is not None
    answer = run_esmcache("warm", "--background", "--node", node, program)
    os.close(lock)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert not list(esmcache_home.cache_dir.glob("manifests/*"))


def test_a_background_warm_closes_inherited_pipes_and_outlives_the_program(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path
) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "esmcache", "run", program],
            env=dict(esmcache_home.environment),
            capture_output=True,
            close_fds=False,
            check=True,
            timeout=DEADLINE_S,
        )
    finally:
        os.close(writing)
    assert result.stdout == b"hello\n"
    os.set_blocking(reading, False)
    # An empty read means end of file: no process holds the other end of the pipe.
    assert os.read(reading, 1) == b""
    os.close(reading)
    wait_for_warm(esmcache_home.cache_dir)


def test_arguments_after_the_entry_point_are_passed_to_the_program(run_esmcache: RunEsmcache, program: Path) -> None:
    arguments = ["--no-warm", "--node", "x", "-v", "--", "-q", "--help", ""]
    answer = run_esmcache("run", "--no-warm", program, *arguments)
    assert answer.stdout == "hello " + " ".join(arguments) + "\n"
    assert run_esmcache("-q", "run", "--no-warm", "--", program, "--", "x").stdout == "hello -- x\n"


def test_entry_that_looks_like_an_option(run_esmcache: RunEsmcache, program: Path) -> None:
    (program.parent / "-odd.mjs").write_text("console.log('odd');")
    assert run_esmcache("run", "--no-warm", "--", "-odd.mjs", cwd=program.parent).stdout == "odd\n"


def test_stdin_and_exit_code_belong_to_the_program(run_esmcache: RunEsmcache, program: Path) -> None:
    program.write_text(
        "for await (const chunk of process.stdin) process.stdout.write(chunk);\nprocess.exitCode = 41;\n"
    )
    answer = run_esmcache("run", "--no-warm", program, stdin="given")
    assert (answer.returncode, answer.stdout, answer.stderr) == (41, "given", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGPIPE])
def test_the_program_gets_signals(
    esmcache_home: EsmcacheHome, program: Path, node: Path, number: signal.Signals
) -> None:
    program.write_text("setInterval(() => {}, 1000);\nconsole.log('ready');\n")

    def ends_with(*command: str | Path) -> int:
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(esmcache_home.environment)) as process:
            assert process.stdout and process.stdout.readline() == b"ready\n"
            process.send_signal(number)
            if number is signal.SIGPIPE:
                process.send_signal(signal.SIGTERM)
            return process.wait(60)

    run = ends_with(sys.executable, "-m", "esmcache", "run", "--no-warm", program)
    assert run == ends_with(node, program)


def test_the_program_gets_the_environment(esmcache_home: EsmcacheHome, program: Path, node: Path) -> None:
    program.write_text("console.log(JSON.stringify(process.env, Object.keys(process.env).sort()));\n")
    # In this locale Python sets LC_CTYPE for its child processes.
    kept = {name: value for name, value in esmcache_home.environment.items() if not name.startswith(("LC_", "LANG"))}
    environment = {**kept, "LANG": "C"}
    command: list[str | Path] = [sys.executable, "-m", "esmcache", "run", "--no-warm", program]
    ours = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert ours == subprocess.run([node, program], env=environment, capture_output=True, check=True).stdout


def test_cache_dir_reaches_the_program(run_esmcache: RunEsmcache, program: Path, tmp_path: Path) -> None:
    program.write_text("console.log(process.env.ESMCACHE_DIR);\n")
    there = tmp_path / "elsewhere"
    answer = run_esmcache("run", "--no-warm", "--cache-dir", "elsewhere", program, cwd=tmp_path)
    assert answer.stdout == f"{there}\n"


def test_node_reports_a_missing_entry_point(run_esmcache: RunEsmcache, tmp_path: Path, node: Path) -> None:
    answer = run_esmcache("run", tmp_path / "absent.mjs")
    natively = subprocess.run([node, tmp_path / "absent.mjs"], capture_output=True, encoding="utf-8", check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.split("\n")[-4:] == natively.stderr.split("\n")[-4:]
    assert "ERR_MODULE_NOT_FOUND" in answer.stderr or "MODULE_NOT_FOUND" in answer.stderr


def test_missing_node(run_esmcache: RunEsmcache, program: Path) -> None:
    answer = run_esmcache("run", "--node", "no-such-node", program)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "esmcache: no Node to start: no no-such-node in PATH\n"


def check_runs_natively(run_esmcache: RunEsmcache, program: Path, why: str, **environment: str) -> None:
    program.write_text("console.log(JSON.stringify(process.execArgv));\n")
    quiet = run_esmcache("run", program, env=environment)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "[]\n", "")
    verbose = run_esmcache("run", "-v", program, env=environment)
    assert (verbose.returncode, verbose.stdout) == (0, "[]\n")
    assert verbose.stderr.startswith("esmcache: not served: ") and why in verbose.stderr
    assert verbose.stderr.count("\n") == 1


def test_refused_cache_directory(run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path) -> None:
    esmcache_home.cache_dir.mkdir()
    esmcache_home.cache_dir.chmod(0o777)
    check_runs_natively(run_esmcache, program, f"{esmcache_home.cache_dir} can be written by others (mode 0777)")
    assert list(esmcache_home.cache_dir.iterdir()) == []


def test_cache_directory_that_cannot_be_made(run_esmcache: RunEsmcache, program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o600)
    check_runs_natively(run_esmcache, program, "cannot be made", ESMCACHE_DIR=str(tmp_path / "file" / "cache"))


def test_hook_that_cannot_be_written(run_esmcache: RunEsmcache, program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_runs_natively(run_esmcache, program, "cannot be written", XDG_DATA_HOME=str(tmp_path / "file"))
    answer = run_esmcache("hook", env={"XDG_DATA_HOME": str(tmp_path / "file")})
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)


def test_a_relative_cache_directory_in_the_environment(run_esmcache: RunEsmcache, program: Path) -> None:
    environment = {"ESMCACHE_DIR": "./cache"}
    (program.parent / "cache").mkdir(mode=0o700)
    check_runs_natively(run_esmcache, program, "ESMCACHE_DIR: must be an absolute path", **environment)
    for command in ("warm", "stats", "doctor", "hook"):
        answer = run_esmcache(command, env=environment, cwd=program.parent)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr == "esmcache: ESMCACHE_DIR: must be an absolute path, not ./cache\n"
    assert list((program.parent / "cache").iterdir()) == []


def test_a_relative_node_in_the_environment_is_not_started(run_esmcache: RunEsmcache, program: Path) -> None:
    planted = program.parent / "node"
    planted.write_text("#!/bin/sh\necho planted\n")
    planted.chmod(0o700)
    for command in ("run", "warm"):
        answer = run_esmcache(command, program, env={"ESMCACHE_NODE": "./node"}, cwd=program.parent)
        assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
        assert "ESMCACHE_NODE" in answer.stderr and "must be an absolute path" in answer.stderr


def test_disabled(run_esmcache: RunEsmcache, program: Path) -> None:
    check_runs_natively(run_esmcache, program, "ESMCACHE_DISABLE", ESMCACHE_DISABLE="1")


@pytest.mark.parametrize(("content", "why"), [('{"cachDir": "/tmp"}', "cachDir"), ("{bad", "is not valid JSON")])
def test_user_configuration_that_is_wrong(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, node: Path, content: str, why: str
) -> None:
    write_configuration(esmcache_home, content)
    check_runs_natively(run_esmcache, program, why)
    # The program is also not served if only the configuration could have named a Node.
    (esmcache_home.root / "bin").mkdir()
    (esmcache_home.root / "bin" / "node").symlink_to(node)
    check_runs_natively(run_esmcache, program, why, ESMCACHE_NODE="", PATH=str(esmcache_home.root / "bin"))
    answer = run_esmcache("run", program, env={"ESMCACHE_NODE": "", "PATH": str(esmcache_home.root)})
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
    assert "no node in PATH" in answer.stderr and why in answer.stderr


def test_a_relative_cache_directory_in_the_user_configuration(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path
) -> None:
    config = write_configuration(esmcache_home, '{"cacheDir": "relative"}')
    check_runs_natively(run_esmcache, program, f"{config}: cacheDir: must be an absolute path")


def test_hook_serves_a_plain_node(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, node: Path, tmp_path: Path
) -> None:
    assert run_esmcache("warm", program).returncode == 0
    hook = run_esmcache("hook")
    assert (hook.returncode, hook.stderr) == (0, "")
    assert run_esmcache("hook", "--json").stdout == json.dumps({"path": hook.stdout.rstrip("\n")}, indent=2) + "\n"
    log = tmp_path / "log"
    started = subprocess.run(
        [node, "--require", hook.stdout.rstrip("\n"), program],
        env={**esmcache_home.environment, "ESMCACHE_LOG": str(log)},
        capture_output=True,
        check=True,
    )
    assert (started.stdout, started.stderr) == (b"hello\n", b"")
    assert json.loads(log.read_text())["served"] == 2


def test_the_hook_in_node_options_from_a_home_with_a_space(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, any_node: Path, tmp_path: Path
) -> None:
    """The command is README's, run by a real shell with every Node."""
    (line,) = (line for line in README.read_text().splitlines() if "export NODE_OPTIONS=" in line)
    log = tmp_path / "log"
    environment = {
        "XDG_DATA_HOME": str(tmp_path / "a home"),
        "ESMCACHE_NODE": str(any_node),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    assert run_esmcache("warm", program, env=environment).returncode == 0
    started = subprocess.run(
        ["sh", "-c", f'{line.split("  #")[0]}; exec "$@"', "sh", any_node, program],
        env={**esmcache_home.environment, **environment, "ESMCACHE_LOG": str(log)},
        capture_output=True,
        check=True,
    )
    assert (started.stdout, started.stderr) == (b"hello\n", b"")
    assert json.loads(log.read_text())["served"] == 2


def test_a_broken_package_json_in_the_working_directory_stops_no_program(
    run_esmcache: RunEsmcache, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "app.mjs").write_text("console.log('fine');\n")
    (tmp_path / "package.json").write_text("<<<<<<< HEAD")
    result = run_esmcache("run", "elsewhere/app.mjs", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "fine\n")
