"""Write permissions: everything that others can change is refused, and others cannot write what esmcache makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from esmcache.doctor import Health, examine
from esmcache.errors import CacheError
from esmcache.launch import quick_start
from esmcache.launch.program import installed_hook
from esmcache.serving.names import RUNTIME
from forked_command import ForkedCommand

ME = os.geteuid()
# A user who is neither this one nor root.
SOMEBODY = ME + 1000


@pytest.fixture
def program(tmp_path: Path) -> Path:
    entry = tmp_path / "program" / "app.mjs"
    entry.parent.mkdir(mode=0o700)
    (entry.parent / "part.mjs").write_text("export const part = 'part';\n")
    entry.write_text("import {part} from './part.mjs';\nconsole.log(part);\n")
    return entry


@dataclass(frozen=True)
class Starter:
    """Starts commands and programs in a user's home, under a umask, with `variables` added to those of the home."""

    home: EsmcacheHome
    node: Path
    forked_command: ForkedCommand
    umask: int = 0o022
    variables: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        given = {**self.home.environment, **self.variables}
        return {name: value for name, value in given.items() if value is not None}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment,
            umask=self.umask,
            cwd=self.home.root.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def esmcache(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        named = [str(argument) for argument in arguments]
        return self.forked_command.run(named, self.home.root.parent, self.environment, umask=self.umask)

    def hook(self) -> str:
        answer = self.esmcache("hook")
        assert (answer.returncode, answer.stderr) == (0, "")
        return answer.stdout.rstrip("\n")


def those_that_others_can_write(root: Path) -> list[str]:
    found = []
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            status = os.lstat(os.path.join(folder, name))
            if status.st_mode & 0o022 and not os.path.islink(os.path.join(folder, name)):
                found.append(f"{os.path.join(folder, name)} {status.st_mode & 0o7777:04o}")
    return found


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_files_are_private_under_any_umask(
    esmcache_home: EsmcacheHome, any_node: Path, program: Path, forked_command: ForkedCommand, umask: int
) -> None:
    log = esmcache_home.root / "log"
    # The default cache directory is used, so that its parents must be made, too.
    given = {"ESMCACHE_DIR": None, "ESMCACHE_NODE": str(any_node), "ESMCACHE_LOG": str(log)}
    starter = Starter(esmcache_home, any_node, forked_command, umask, given)
    hook = starter.hook()
    for command in (
        ["warm", program],
        ["run", "--no-warm", program],
        ["get", program, "-o", esmcache_home.root / "record"],
        ["export", "--node-compile-cache", esmcache_home.root / "exported", program],
        ["stats"],
        ["doctor"],
        ["verify"],
        ["gc"],
        ["warm", program],
    ):
        assert starter.esmcache(*command).stderr == ""
    for _ in range(3):
        assert starter.run(any_node, "--require", hook, program).stdout == "part\n"
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2
    assert list(esmcache_home.root.glob(".cache/esmcache/v8/*/*"))
    assert those_that_others_can_write(esmcache_home.root) == []
    # If a program changes to another user, its workers must still be able to load the preload.
    assert [oct(os.stat(path).st_mode & 0o777) for path in (hook, Path(hook).parent)] == ["0o644", "0o755"]


def test_files_that_an_older_esmcache_left_writable_become_private(
    esmcache_home: EsmcacheHome, node: Path, program: Path, forked_command: ForkedCommand
) -> None:
    starter = Starter(esmcache_home, node, forked_command)
    hook = Path(starter.hook())
    starter.esmcache("warm", program)
    for path in (hook.parent.parent, hook.parent, hook, *esmcache_home.cache_dir.glob("[!.]*/")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert starter.hook() == str(hook)
    assert starter.esmcache("warm", program).returncode == 0
    assert those_that_others_can_write(esmcache_home.root) == []


@pytest.fixture
def foreign_home(esmcache_home: EsmcacheHome) -> EsmcacheHome:
    """Return a home that others can change: another user's if this is root (`sudo -E`), else a writable one.

    Its configuration names a program, and its cache and hook would run code.
    """
    root = esmcache_home.root
    (root / "planted").write_text("#!/bin/sh\necho planted\n")
    (root / "planted").chmod(0o755)
    for name, content in {
        ".config/esmcache/config.json": json.dumps({"node": str(root / "planted")}),
        ".local/share/esmcache/hook/register.cjs": "console.log('planted');\n",
        ".cache/esmcache/nodes.json": "{}",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    if ME == 0:
        for folder, directories, files in os.walk(root):
            for name in (".", *directories, *files):
                os.chown(os.path.join(folder, name), SOMEBODY, -1)
    else:
        root.chmod(0o777)
    return esmcache_home


def everything_below(root: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_uid, path.read_bytes() if path.is_file() else b"")
        for path in sorted(root.rglob("*"))
    }


def test_the_home_of_another_user_is_neither_read_nor_written(
    foreign_home: EsmcacheHome, node: Path, program: Path, forked_command: ForkedCommand
) -> None:
    before = everything_below(foreign_home.root)
    starter = Starter(foreign_home, node, forked_command, variables={"ESMCACHE_DIR": None})
    for command in (
        ["warm", program],
        ["stats"],
        ["clear"],
        ["hook"],
        ["warm", "--missed"],
        ["doctor"],
        ["explain", program],
    ):
        answer = starter.esmcache(*command)
        assert answer.returncode == 1 and "planted" not in answer.stdout + answer.stderr, command
        assert str(foreign_home.root) in answer.stderr + answer.stdout and answer.stderr.count("\n") <= 1
        if ME == 0:
            assert "sudo -H" in answer.stderr + answer.stdout
    # The program itself runs natively.
    answer = starter.esmcache("run", "-v", program)
    assert (answer.returncode, answer.stdout) == (0, "part\n")
    assert answer.stderr.startswith("esmcache: not served: ") and answer.stderr.count("\n") == 1
    assert everything_below(foreign_home.root) == before


def test_root_can_use_another_cache_with_the_home_of_a_user(
    foreign_home: EsmcacheHome, node: Path, program: Path, forked_command: ForkedCommand, tmp_path: Path
) -> None:
    before = everything_below(foreign_home.root)
    starter = Starter(
        foreign_home, node, forked_command, variables={"ESMCACHE_DIR": str(tmp_path / "mine"), "ESMCACHE_NODE": None}
    )
    starter = replace(starter, variables={**starter.variables, "PATH": f"{node.parent}:{os.environ['PATH']}"})
    answer = starter.esmcache("warm", program)
    assert (answer.returncode, answer.stderr) == (0, "") and "planted" not in answer.stdout
    assert everything_below(foreign_home.root) == before


@pytest.mark.parametrize("opened", ["cache", "parent", "link"])
def test_commands_and_starts_refuse_a_cache_that_others_can_write(
    esmcache_home: EsmcacheHome, node: Path, program: Path, forked_command: ForkedCommand, tmp_path: Path, opened: str
) -> None:
    parent, log = tmp_path / "parent", tmp_path / "log"
    parent.mkdir(mode=0o700)
    cache_path = parent / "cache"
    starter = Starter(
        esmcache_home, node, forked_command, variables={"ESMCACHE_DIR": str(cache_path), "ESMCACHE_LOG": str(log)}
    )
    assert starter.esmcache("warm", program).returncode == 0
    hook = starter.hook()
    place = parent if opened == "parent" else cache_path
    if opened == "link":
        (tmp_path / "open").mkdir()
        (tmp_path / "open" / "link").symlink_to(parent)
        place = tmp_path / "open"
        starter = replace(starter, variables={**starter.variables, "ESMCACHE_DIR": str(place / "link" / "cache")})
    place.chmod(0o777)
    before = everything_below(cache_path)
    for command in ("warm", "stats", "verify", "clear"):
        answer = starter.esmcache(command)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr == f"esmcache: cache directory refused: {place} can be written by others (mode 0777)\n"
    answer = starter.esmcache("run", "-v", program)
    assert answer.stdout == "part\n"
    assert answer.stderr == f"esmcache: not served: {place} can be written by others (mode 0777)\n"
    assert starter.run(node, "--require", hook, program).stdout == "part\n"
    said = json.loads(log.read_text().splitlines()[-1])
    assert (said["served"], said["reason"]) == (0, f"cache directory: {place} can be written by others")
    assert everything_below(cache_path) == before


@pytest.mark.parametrize("name", ["manifests", "packs", "starts", "events"])
@pytest.mark.parametrize("how", ["open", "link"])
def test_starts_check_the_directories_of_a_cache(
    esmcache_home: EsmcacheHome,
    node: Path,
    program: Path,
    forked_command: ForkedCommand,
    tmp_path: Path,
    name: str,
    how: str,
) -> None:
    log = tmp_path / "log"
    starter = Starter(esmcache_home, node, forked_command, variables={"ESMCACHE_LOG": str(log)})
    starter.esmcache("warm", program)
    hook = starter.hook()
    for _ in range(2):
        starter.run(node, "--require", hook, program)
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2
    place = esmcache_home.cache_dir / name
    if how == "open":
        place.chmod(0o777)
    else:
        # In a cache that was made elsewhere, such a link could lead to any of the user's files.
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    before = everything_below(tmp_path / "elsewhere")
    assert starter.run(node, "--require", hook, program).stdout == "part\n"
    said = json.loads(log.read_text().splitlines()[-1])
    why = "can be written by others" if how == "open" else "is a link"
    assert (said["served"], said["reason"]) == (0, f"cache directory: {place} {why}")
    assert everything_below(tmp_path / "elsewhere") == before
    # The next command repairs the modes and the link.
    assert starter.esmcache("warm", program).returncode == 0
    assert not place.is_symlink() and those_that_others_can_write(esmcache_home.cache_dir) == []


@pytest.mark.parametrize("place", ["directory", "file", "parent"])
def test_the_preload_loads_no_files_that_others_can_write(
    esmcache_home: EsmcacheHome,
    any_node: Path,
    program: Path,
    forked_command: ForkedCommand,
    tmp_path: Path,
    place: str,
) -> None:
    installed = tmp_path / "installed" / "runtime"
    shutil.copytree(RUNTIME, installed)
    for path in (installed.parent, installed, *installed.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (installed / "starting.cjs").write_text("console.log('loaded'); module.exports = () => false;\n")
    hook = tmp_path / "register.cjs"
    content = (RUNTIME / "register.cjs").read_text().replace("'@RUNTIME@'", json.dumps(str(installed)))
    hook.write_text(content)
    starter = Starter(esmcache_home, any_node, forked_command, variables={"ESMCACHE_LOG": "debug"})
    assert starter.run(any_node, "--require", hook, program).stdout == "loaded\npart\n"
    opened = {"directory": installed, "file": installed / "starting.cjs", "parent": installed.parent}[place]
    opened.chmod(0o777)
    answer = starter.run(any_node, "--require", hook, program)
    assert (answer.returncode, answer.stdout) == (0, "part\n")
    assert place == "file" or answer.stderr == f"esmcache: not trusted: {opened}\n"


def test_commands_say_that_the_preload_is_not_loaded(
    esmcache_home: EsmcacheHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "runtime"
    shutil.copytree(RUNTIME, installed)
    monkeypatch.setattr(quick_start, "RUNTIME", installed)
    for path in (installed, *installed.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert quick_start.why_untrusted(esmcache_home.cache_dir) == ""
    opened = installed / "hooks.cjs"
    opened.chmod(0o666)
    why = f"esmcache is not loaded into programs, since {opened} can be written by others (mode 0666)"
    assert quick_start.why_untrusted(esmcache_home.cache_dir) == why
    with pytest.raises(CacheError, match="is not loaded into programs"):
        installed_hook(esmcache_home.environment)
    checks = examine(esmcache_home.environment)
    assert [(one.health, one.found) for one in checks if one.name == "preload"] == [(Health.FAILED, why)]
