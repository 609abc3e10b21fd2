"""`verify` compares the code caches that Node would read with those that a warm stored, whatever a seal says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from esmcache.maintain.verify import Finding
from program import Program, code_cache_entry

FILES = {
    "package.json": '{"type": "module"}',
    "app.mjs": "import { a } from './a.mjs';\nimport { b } from './b.mjs';\nconsole.log(a(), b());\n",
    "a.mjs": "export const a = () => 'a';\n",
    "b.mjs": "export const b = () => 'b';\n",
}
MODULES = 3


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    made.write(FILES)
    made.warm()
    assert verify(made) == []
    return made


def verify(program: Program, *, repair: bool = False) -> list[Finding]:
    with program.cache() as cache:
        return cache.verify(repair=repair)


def links(program: Program) -> list[Path]:
    return sorted(program.home.cache_dir.glob("v8/*/*/*"))


def seal_as_it_is(program: Program) -> None:
    """Make the seal say that the directory is unchanged since a warm."""
    (seal,) = program.home.cache_dir.glob("seals/*-*")
    (directory,) = program.home.cache_dir.glob("v8/*/*")
    directory.chmod(0o500)
    status = directory.stat()
    seconds, rest = divmod(status.st_ctime_ns, 1_000_000_000)
    _, _, digest = seal.read_text().partition("\n")
    seal.write_text(f"{status.st_ino}-{seconds * 1000 + rest / 1_000_000!r}\n{digest}")


def check_is_mended(program: Program) -> None:
    assert all(finding.removed for finding in verify(program, repair=True))
    assert verify(program) == []
    program.warm()
    report = program.check_same()
    assert (report["served"], report["codeCaches"]) == (MODULES, "enabled")


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_verify_finds_a_damaged_or_missing_code_cache(program: Program, damage: str) -> None:
    entry = code_cache_entry(program, "app.mjs")
    (path,) = (path for path in program.home.cache_dir.glob("code/*/*") if path.samefile(entry))
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "cut" else content[:-9] + bytes(byte ^ 1 for byte in content[-9:]))
    found = {finding.place: finding.fault for finding in verify(program)}
    place = str(path.relative_to(program.home.cache_dir))
    assert found[place] == ("is gone" if damage == "gone" else "differs from its checksum")
    check_is_mended(program)


@pytest.mark.parametrize("which", ["another module's", "an entry of no module"])
def test_verify_finds_forged_entries_with_a_matching_seal(program: Program, which: str) -> None:
    one, other = links(program)[:2]
    one.parent.chmod(0o700)
    target = one.with_name("01234567") if which == "an entry of no module" else one
    target.unlink(missing_ok=True)
    target.write_bytes(other.read_bytes())
    seal_as_it_is(program)
    fault = "belongs to no module" if which == "an entry of no module" else "differs from what was stored"
    place = str(target.relative_to(program.home.cache_dir))
    assert verify(program) == [Finding(place, "code cache", fault, False)]
    check_is_mended(program)


def test_verify_accepts_copies_instead_of_hard_links(program: Program) -> None:
    for link in links(program):
        content = link.read_bytes()
        link.parent.chmod(0o700)
        link.unlink()
        link.write_bytes(content)
    seal_as_it_is(program)
    assert verify(program) == []


def test_verify_finds_a_missing_entry(program: Program) -> None:
    link = links(program)[0]
    link.parent.chmod(0o700)
    link.unlink()
    place = str(link.relative_to(program.home.cache_dir))
    assert verify(program) == [Finding(place, "code cache", "is gone", False)]
    check_is_mended(program)


def test_verify_finds_an_invalid_seal(program: Program) -> None:
    (seal,) = program.home.cache_dir.glob("seals/*-*")
    seal.write_text("no seal\n")
    assert verify(program) == [Finding(f"seals/{seal.name}", "seal", "is damaged", False)]
    check_is_mended(program)


def test_repair_removes_entries_that_node_wrote(program: Program) -> None:
    links(program)[0].parent.chmod(0o700)
    written = links(program)[0].with_name("01234567")
    written.write_bytes(links(program)[0].read_bytes())
    assert verify(program) == verify(program, repair=True) == []
    assert not written.exists()
    assert program.check_same()["codeCaches"] == "enabled"


def test_verify_and_gc_touch_no_files_outside_the_cache(program: Program, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "v24.0.0-x64-1a2b3c4d-0").mkdir(parents=True)
    (victim / "v24.0.0-x64-1a2b3c4d-0" / "file").write_bytes(b"")
    up = os.path.relpath(victim, program.home.cache_dir / "v8")
    with program.cache() as cache:
        cache.index.execute("update code_cache_links set directory = ?", (f"{up}/v24.0.0-x64-1a2b3c4d-0",))
    for _ in range(2):
        verify(program, repair=True)
        with program.cache() as cache:
            cache.collect()
    assert (victim / "v24.0.0-x64-1a2b3c4d-0" / "file").exists()


def test_one_warm_repairs_code_caches_whose_damage_left_no_trace_in_size_and_mtime(program: Program) -> None:
    program.warm()
    for path in sorted(program.home.cache_dir.glob("code/*/*")):
        status, content = path.stat(), bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)
        path.chmod(status.st_mode & 0o777)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert verify(program)
    program.warm()
    assert verify(program) == []
    assert program.check_same()["served"] == MODULES
    # The first start finds out that the code caches load.
    assert program.check_same()["codeCaches"] == "enabled"
