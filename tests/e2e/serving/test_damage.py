"""A program behaves the same, whatever damage the cache has."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import EVERYTHING, EsmcacheHome
from program import Program
from served_program import MODULES


def _cache_files(home: EsmcacheHome) -> list[Path]:
    return sorted(path for path in home.cache_dir.rglob("*") if path.is_file())


_DAMAGES = ("delete", "truncate", "overwrite", "grow", "alter")


@pytest.mark.parametrize("damage", _DAMAGES)
def test_damaged_cache_files_do_not_change_the_program(program: Program, damage: str) -> None:
    program.warm()
    expected = program.plain()
    hook = program.hook()
    files = _cache_files(program.home)
    assert {path.parent.name for path in files} >= {"manifests", "packs", "esmcache"}
    # `make test` damages each file in one of these ways.
    for path in files if EVERYTHING else files[_DAMAGES.index(damage) :: len(_DAMAGES)]:
        content, status = path.read_bytes(), path.stat()
        if damage == "delete":
            # Directories that Node uses as compile cache are not writable.
            path.parent.chmod(0o700)
            path.unlink()
        else:
            damaged = {
                "truncate": content[: len(content) // 2],
                "overwrite": bytes(byte ^ 0x55 for byte in content),
                "grow": content + b"\0more",
                "alter": bytes(byte ^ (i % 100 == 70) for i, byte in enumerate(content)),
            }
            path.write_bytes(damaged[damage])
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        result = subprocess.run(
            [program.node, "--require", hook, program.entry],
            cwd=program.root,
            env=program.home.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        seen = (result.stdout, result.stderr, result.returncode)
        assert seen == (expected.stdout, expected.stderr, 0), path
        path.write_bytes(content)


def test_warm_and_verify_repair_a_damaged_cache(program: Program) -> None:
    program.warm()
    with program.cache() as cache:
        assert cache.verify() == []
    for path in _cache_files(program.home):
        if path.parent.name in ("packs", "manifests") or path.parent.parent.name in ("blobs", "code"):
            path.write_bytes(b"garbage" + path.read_bytes()[7:])
    with program.cache() as cache:
        findings = cache.verify(repair=True)
        assert {finding.kind for finding in findings} == {"pack", "manifest", "blob", "code cache"}
        assert cache.verify() == []
    program.warm()
    report = program.check_same()
    assert (report["served"], report["faults"], report["codeCaches"]) == (MODULES, 0, "enabled")


def test_an_index_that_is_not_a_database_is_recreated(program: Program) -> None:
    program.warm()
    for path in program.home.cache_dir.glob("index.db*"):
        path.unlink()
    (program.home.cache_dir / "index.db").write_bytes(b"this is not a database" * 100)
    assert program.warm().modules == MODULES
    assert program.check_same()["served"] == MODULES


def test_an_index_with_damaged_pages_is_recreated(program: Program) -> None:
    program.warm()
    with program.cache() as cache:
        assert cache.statistics().modules == MODULES
    path = program.home.cache_dir / "index.db"
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 997):
        content[at] ^= 0xFF
    path.write_bytes(content)
    with program.cache() as cache:
        assert [finding.kind for finding in cache.verify()] == ["index"]
    with program.cache() as cache:
        assert cache.statistics().modules == 0
        assert cache.verify() == []
    assert program.warm().modules == MODULES
    assert program.check_same()["served"] == MODULES


def test_a_cache_that_others_can_write_is_refused(program: Program) -> None:
    program.warm()
    program.home.cache_dir.chmod(0o777)
    assert program.check_same()["reason"] == f"cache directory: {program.home.cache_dir} can be written by others"
    assert not (program.home.cache_dir / "events").exists()
    with program.cache() as cache, pytest.raises(Exception, match="can be written by others"):
        cache.warm([program.root / program.entry])
    program.home.cache_dir.chmod(0o700)
    assert program.check_same()["served"] == MODULES


def test_fifos_in_the_cache_are_not_opened(program: Program) -> None:
    program.warm()
    for directory in ("manifests", "packs"):
        for path in list((program.home.cache_dir / directory).glob("*.[mp]a*")):
            content = path.read_bytes()
            path.unlink()
            os.mkfifo(path, 0o600)
            program.check_same()
            with program.cache() as cache:
                assert [one.fault for one in cache.verify()] == ["is not a regular file"]
            path.unlink()
            path.write_bytes(content)
            path.chmod(0o600)


def test_links_to_endless_files_are_not_read(program: Program) -> None:
    program.warm()
    program.served()
    for path in (program.home.cache_dir / "starts").iterdir():
        path.unlink()
        path.symlink_to("/dev/zero")
    assert program.check_same()["served"] == MODULES


def test_a_relative_cache_directory_is_not_used(program: Program) -> None:
    # A repository could contain a cache at such a path.
    program.warm()
    relative = {"ESMCACHE_DIR": os.path.relpath(program.home.cache_dir, program.root)}
    assert program.check_same(env=relative) == {}
    assert not (program.home.cache_dir / "events").exists()


def test_a_cache_directory_that_cannot_be_created_serves_nothing(program: Program) -> None:
    # Node would try endlessly to make directories below it.
    assert program.check_same(env={"ESMCACHE_DIR": "/proc"}).get("served", 0) == 0


@pytest.mark.parametrize("offset", [0, 40], ids=["trust domain", "directory"])
@pytest.mark.parametrize("damaged", [bytes(9), b"/../../..", "\u00e9".encode("latin-1"), b"\n" * 9])
def test_a_damaged_mark_of_a_start_costs_one_proof(program: Program, damaged: bytes, offset: int) -> None:
    program.warm()
    program.served()
    (mark,) = (program.home.cache_dir / "starts").glob("*")
    whole = mark.read_bytes()
    assert b" loaded " in whole
    at = whole.index(b" loaded ") + len(b" loaded ") + offset
    mark.write_bytes(whole[:at] + damaged + whole[at + len(damaged) :])
    report = program.check_same()
    assert (report["served"], report["codeCaches"]) == (MODULES, "enabled")
    # The start has proven the code caches again.
    assert mark.read_bytes() == whole


def test_a_damaged_description_of_a_node_is_not_believed(program: Program) -> None:
    program.warm()
    nodes = program.home.cache_dir / "nodes.json"
    whole = nodes.read_text()
    (tag,) = set(re.findall(r'"v8_tag": (\d+)', whole))
    nodes.write_text(whole.replace(tag, str(int(tag) ^ 1)))
    program.write({"lib/b.js": "export const b = 'changed', cycle = 1;\n"})
    program.warm()
    assert program.check_same()["codeCaches"] == "enabled"
    assert nodes.read_text() == whole
