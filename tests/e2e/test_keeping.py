"""A cache on a full disk, one that is cleared during writes, and one with irregular files are all repaired."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache
from program import Program, age, code_cache_entry

pytestmark = pytest.mark.usefixtures("forked_starts")

MODULES = 4
FILES = {
    "package.json": '{"type": "module"}',
    "app.mjs": "import { a } from './a.mjs';\nconsole.log(a);\n",
    "a.mjs": "import { b } from './b.mjs';\nimport c from './c.cjs';\nexport const a = () => b + c;\n",
    "b.mjs": "export const b = 'b';\nexport function unused() { return b; }\n",
    "c.cjs": "module.exports = 'c';\n",
}
CONTENTS = ("manifests", "packs", "v8", "blobs", "events", "starts")


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    made.write(FILES)
    age(*(made.root / name for name in FILES))
    return made


def run(
    program: Program, *arguments: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that has called `before`; a timeout ends it if it waits for a FIFO."""
    return subprocess.run(
        [sys.executable, "-m", "esmcache", *arguments],
        cwd=program.root,
        env=program.home.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        preexec_fn=before,
    )


def room_for(size: int) -> Callable[[], None]:
    """Return a function that limits a process's files to `size` bytes, as a full disk would."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def files_in(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if not path.is_dir())


def check_is_whole(program: Program) -> None:
    """Assert that a warm repairs everything, and that the next one has nothing to do."""
    program.warm()
    report = program.warm()
    assert (report.modules, report.read, report.analysed, report.compiled, report.rows_written) == (MODULES, 0, 0, 0, 0)
    with program.cache() as cache:
        assert cache.verify() == []
    assert program.check_same()["served"] == MODULES


def test_clear_works_on_a_full_disk(program: Program) -> None:
    program.warm()
    program.served()
    cleared = run(program, "clear", before=room_for(0))
    assert (cleared.returncode, cleared.stderr) == (0, "")
    assert [path for name in (*CONTENTS, "index.db") for path in files_in(program.home.cache_dir / name)] == []
    check_is_whole(program)


def test_clearing_an_empty_cache_reports_no_freed_bytes(program: Program) -> None:
    program.warm()
    first, second = (json.loads(run(program, "clear", "--json").stdout) for _ in range(2))
    assert first["bytes_after"] < first["bytes_before"]
    assert second["bytes_after"] == second["bytes_before"] == first["bytes_after"]


def test_an_index_that_cannot_be_used_is_cleared_with_the_rest(program: Program) -> None:
    program.warm()
    # The index looks as if a newer esmcache had made it.
    database = sqlite3.connect(program.home.cache_dir / "index.db")
    (version,), (mark,) = (database.execute(f"pragma {name}").fetchone() for name in ("user_version", "application_id"))
    database.execute("pragma user_version = 99")
    database.execute(f"pragma application_id = {mark - version + 99}")
    database.close()
    (program.home.cache_dir / ".index.lock").unlink()
    assert run(program, "stats").returncode == 1
    assert run(program, "clear").returncode == 0
    check_is_whole(program)


@pytest.mark.parametrize("command", ["gc", "verify", "stats"])
def test_commands_report_a_full_disk_in_one_line(program: Program, command: str) -> None:
    program.warm()
    answer = run(program, command, before=room_for(0))
    assert answer.returncode == 1 and answer.stderr.count("\n") == 1 and "index.db" in answer.stderr
    check_is_whole(program)
    assert program.warm().code_caches_written == 0


def test_gc_removes_abandoned_files_on_a_full_disk(program: Program) -> None:
    program.warm()
    left = program.home.cache_dir / "packs" / ".tmp-1-1"
    left.write_bytes(b"left over")
    age(left, seconds=10_000)
    run(program, "gc", before=room_for(0))
    assert not left.exists()


def test_verify_lists_and_gc_removes_packs_of_another_version(program: Program) -> None:
    program.warm()
    (pack, *_) = (program.home.cache_dir / "packs").glob("*.pack")
    other = pack.with_name("other.pack")
    other.write_bytes(pack.read_bytes()[:4] + (99).to_bytes(4, "little") + pack.read_bytes()[8:])
    other.chmod(0o600)
    age(other, seconds=10_000)
    age(pack, seconds=10_000)
    assert "other.pack: the pack of sources is damaged: not a pack of this version" in run(program, "verify").stdout
    assert run(program, "gc").returncode == 0
    assert (other.exists(), pack.exists()) == (False, True)


def test_a_warm_recreates_files_that_are_cleared_while_it_runs(program: Program) -> None:
    cleared: list[int] = []

    def clear(stage: str, done: int, total: int) -> None:
        if done == total and not cleared:
            with program.cache() as other:
                cleared.append(other.clear().files)

    with program.cache() as cache:
        cache.warm([program.root / "app.mjs"], clear)
    assert cleared[0] > 0
    with program.cache() as cache:
        assert cache.verify() == []
    assert len(files_in(program.home.cache_dir / "blobs")) == MODULES - 1
    check_is_whole(program)


def test_two_concurrent_warms_leave_nothing_to_compile(program: Program) -> None:
    others: list[int] = []

    def warm_beside(stage: str, done: int, total: int) -> None:
        if not others:
            others.append(program.warm().compiled)

    with program.cache() as cache:
        # The inner warm replaces the outer warm's first code cache, with different bytes, before the outer writes its
        # row.
        cache.warm([program.root / "app.mjs"], warm_beside)
    assert others == [MODULES]
    with program.cache() as cache:
        assert cache.verify() == []
    assert program.warm().compiled == 0


def test_a_failed_append_leaves_the_pack_as_it_was(program: Program) -> None:
    program.warm()
    (pack,) = (program.home.cache_dir / "packs").glob("*.pack")
    before = pack.read_bytes()
    room = 1_000_000
    # This source is too large for the limit; everything else fits.
    program.write({"large.mjs": f"export const large = 1; // {'x' * 2 * room}\n"})
    program.write({"app.mjs": FILES["app.mjs"] + "import './large.mjs';\n"})
    failed = run(program, "warm", "app.mjs", before=room_for(room))
    assert failed.returncode == 1
    assert failed.stderr == f"esmcache: {pack}: File too large\n"
    assert pack.read_bytes() == before
    assert program.warm().modules == MODULES + 1
    with program.cache() as cache:
        assert cache.verify() == []


def test_a_failed_first_append_leaves_no_pack(program: Program) -> None:
    program.write({"app.mjs": f"export const large = 1; // {'x' * 2_000_000}\n"})
    assert run(program, "warm", "app.mjs", before=room_for(1_000_000)).returncode == 1
    assert list((program.home.cache_dir / "packs").glob("*.pack")) == []


def make_directory(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"")


def make_socket(path: Path) -> None:
    # A socket's path must be short.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{directory}/.socket")
        path.with_name(".socket").rename(path)
    finally:
        os.close(directory)


ALIENS: dict[str, Callable[[Path], None]] = {
    "directory": make_directory,
    "FIFO": os.mkfifo,
    "socket": make_socket,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to what has no end": lambda path: path.symlink_to("/dev/zero"),
}


def put_one_each(cache_dir: Path, make: Callable[[Path], None]) -> set[str]:
    """Replace one file of each kind in the cache by an irregular one, and return the paths."""
    paths = [cache_dir / name for name in ("nodes.json", "index.db", ".collected")]
    # Reports are included: a runner leaves them, and the next command reads them.
    for name in CONTENTS:
        contents = (path for path in files_in(cache_dir / name) if path.name != ".lock")
        paths.append(next(contents, cache_dir / name / "0123456789abcdef"))
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        mode = path.parent.stat().st_mode
        # Directories that Node uses as compile cache are not writable.
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)
        make(path)
        path.parent.chmod(mode)
    return {str(path.relative_to(cache_dir)) for path in paths}


@pytest.mark.parametrize("kind", ALIENS)
def test_verify_finds_and_removes_irregular_files(program: Program, kind: str) -> None:
    program.warm()
    places = put_one_each(program.home.cache_dir, ALIENS[kind])
    with program.cache() as cache:
        found = cache.verify()
        assert {one.place: one.fault for one in found} == dict.fromkeys(places, "is not a regular file")
        repaired = cache.verify(repair=True)
        assert [one.place for one in repaired[: len(places)]] == [one.place for one in found]
        assert all(one.removed for one in repaired)
        assert cache.verify() == []
    check_is_whole(program)


@pytest.mark.parametrize("name", ["manifests", "packs"])
def test_files_that_others_can_write_are_refused_and_replaced(program: Program, name: str) -> None:
    program.warm()
    (path,) = (one for one in files_in(program.home.cache_dir / name) if one.name != ".lock")
    path.chmod(0o666)
    assert program.check_same()["served"] < MODULES
    with program.cache() as cache:
        assert [(one.place, one.fault) for one in cache.verify()] == [
            (str(path.relative_to(program.home.cache_dir)), "can be written by others")
        ]
    program.warm()
    assert program.check_same()["served"] == MODULES
    check_is_whole(program)


@pytest.mark.parametrize("kind", [*(kind for kind in ALIENS if kind != "directory"), "file"])
def test_verify_finds_and_removes_files_in_place_of_directories(program: Program, kind: str) -> None:
    program.warm()
    for name in CONTENTS:
        path = program.home.cache_dir / name
        if path.exists():
            path.rename(program.home.root / name)
        (ALIENS.get(kind) or Path.touch)(path)
    with program.cache() as cache:
        found = cache.verify()
        assert [(one.place, one.fault) for one in found[: len(CONTENTS)]] == [
            (name, "is not a directory") for name in CONTENTS
        ]
        assert all(one.removed for one in cache.verify(repair=True))
        assert cache.verify() == []
    check_is_whole(program)


@pytest.mark.parametrize("command", [["warm", "app.mjs"], ["clear"], ["verify", "--repair"]], ids=" ".join)
@pytest.mark.parametrize("kind", ALIENS)
def test_commands_work_with_irregular_files_in_the_cache(program: Program, kind: str, command: list[str]) -> None:
    program.warm()
    put_one_each(program.home.cache_dir, ALIENS[kind])
    answer = run(program, *command)
    assert (answer.returncode, answer.stderr) == (0, "")
    with program.cache() as cache:
        cache.verify(repair=True)
    check_is_whole(program)


@pytest.mark.parametrize("kind", ["directory", "FIFO", "link to what has no end"])
def test_reading_commands_do_not_wait_for_irregular_files(program: Program, kind: str) -> None:
    program.warm()
    put_one_each(program.home.cache_dir, ALIENS[kind])
    for arguments in (
        ["doctor"],
        ["stats"],
        ["explain", "a.mjs"],
        ["gc"],
        ["inspect", "a.mjs"],
    ):
        assert "Traceback" not in run(program, *arguments).stderr
    for arguments in (["run", "--no-warm", "app.mjs"], ["run", "app.mjs"]):
        assert run(program, *arguments).stdout == program.plain().stdout


def test_a_warm_replaces_links_in_place_of_directories(program: Program) -> None:
    program.warm()
    for name in CONTENTS:
        path = program.home.cache_dir / name
        if path.exists():
            path.rename(program.home.root / name)
        path.symlink_to("nowhere")
    check_is_whole(program)


def test_files_that_node_is_writing_are_no_damage_and_are_collected(program: Program) -> None:
    program.warm()
    entry = code_cache_entry(program, "app.mjs")
    entry.parent.chmod(0o700)
    # A Node that root runs can write even into read-only directories.
    temporary, whole = entry.with_name(f"{entry.name}.aB3xYz"), entry.with_name("01234567")
    temporary.write_bytes(entry.read_bytes()[:30])
    whole.write_bytes(entry.read_bytes())
    for path in (temporary, whole):
        path.chmod(0o600)
    with program.cache() as cache:
        assert cache.verify() == []
        cache.collect()
    assert not temporary.exists() and not whole.exists()
    assert program.check_same()["codeCaches"] == "enabled"


def lose_privileges() -> None:
    """Make file modes effective for this process even if it is root's, which could bypass them (CAP_DAC_OVERRIDE)."""
    pr_capbset_drop, cap_dac_override = 24, 1
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


def test_doctor_warns_of_an_own_read_only_cache(program: Program) -> None:
    program.warm()
    program.hook()
    served = program.served()
    program.home.cache_dir.chmod(0o500)
    answer = run(program, "doctor", "--json", before=lose_privileges)
    checks = {one["name"]: one for one in json.loads(answer.stdout)}
    assert checks["cache directory"]["health"] == "warning"
    assert "nothing can be warmed into it" in checks["cache directory"]["found"]
    assert answer.returncode == 0
    assert program.served().report["served"] == served.report["served"] == MODULES
    program.home.cache_dir.chmod(0o700)


def test_a_cache_that_others_can_write_is_still_recognised(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome
) -> None:
    esmcache_home.cache_dir.mkdir(mode=0o700)
    esmcache_home.cache_dir.chmod(0o777)
    answer = run_esmcache("doctor", "--json")
    checks = {one["name"]: one for one in json.loads(answer.stdout)}
    assert (answer.returncode, checks["cache directory"]["health"]) == (1, "failed")
