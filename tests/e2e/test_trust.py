"""Who may write: the rules of trust.py, by its Python half and by the preload's, and all that goes by them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from conftest import EsmcacheHome
from esmcache import trust
from esmcache.engine.starting import RUNTIME
from esmcache.trust import find_untrusted

ME = os.geteuid()
# Anybody but this user and root.
SOMEBODY = ME + 1000

# Calls the function of the installed file, which itself does nothing here.
ASK = """
const fs = require('node:fs');
const [source, questions, owners, uidMap] = JSON.parse(fs.readFileSync(0, 'utf8'));
process.env.ESMCACHE_DISABLE = '1';
const find = new Function('module', 'require', '__filename', `${source}; return findUntrusted`)({}, {cache: {}}, '');
const looking = {
  lstatSync(path, options) {
    const status = fs.lstatSync(path, options);
    if (status !== undefined && status.uid in owners) status.uid = owners[status.uid];
    return status;
  },
  readlinkSync: fs.readlinkSync,
  readFileSync: () => uidMap,
};
const answers = questions.map(([below, path, isInstalled, user]) => {
  process.geteuid = () => user;
  try {
    return find(looking, below, path, isInstalled);
  } catch (error) {
    return error.path;
  }
});
process.stdout.write(JSON.stringify(answers));
"""


@dataclass(frozen=True)
class Question:
    """What is asked of both halves, and the first place that is not trusted, '' where all of it is."""

    path: str
    expected: str
    below: str = ""
    is_installed: bool = False
    user: int = ME


def ask_preload(
    node: Path, questions: list[Question], owners: Mapping[int, int] | None = None, uid_map: str = ""
) -> list[str]:
    asked = [[one.below, one.path, one.is_installed, one.user] for one in questions]
    source = (RUNTIME / "register.cjs").read_text()
    given = json.dumps([source, asked, owners or {}, uid_map])
    answer = subprocess.run([node, "-e", ASK], input=given, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(answer.stdout)
    return found


def ask_python(questions: list[Question]) -> list[str]:
    found = [
        find_untrusted(one.path, below=one.below, is_installed=one.is_installed, uid=one.user) for one in questions
    ]
    return ["" if one is None else one.place for one in found]


def made_up_trees(root: Path) -> dict[str, Question]:
    """Return questions by what they are about, and make what they ask for."""

    def directory(name: str, mode: int = 0o755) -> str:
        path = root / name
        path.mkdir()
        path.chmod(mode)
        return str(path)

    def file(path: str, mode: int = 0o644) -> str:
        Path(path).write_text("")
        os.chmod(path, mode)
        return path

    def link(name: str, target: str) -> str:
        (root / name).symlink_to(target)
        return str(root / name)

    plain, open_to_group, open_to_all = directory("plain"), directory("group", 0o775), directory("all", 0o777)
    closed, sticky = directory("closed", 0o700), directory("sticky", 0o1777)
    for parent in (plain, open_to_group, open_to_all, closed, sticky):
        os.mkdir(f"{parent}/child", 0o755)
        os.chmod(f"{parent}/child", 0o755)
    return {
        "a plain directory": Question(f"{plain}/child", ""),
        "a closed one": Question(f"{closed}/child", ""),
        "a file": Question(file(f"{plain}/file"), ""),
        "a file that others can write": Question(file(f"{plain}/open", 0o646), f"{plain}/open"),
        "a file that the group can write": Question(file(f"{plain}/shared", 0o664), f"{plain}/shared"),
        "nothing": Question(f"{plain}/absent/child", f"{plain}/absent"),
        "below a file": Question(f"{plain}/file/child", f"{plain}/file/child"),
        "a parent that the group can write": Question(f"{open_to_group}/child", open_to_group),
        "a parent that all can write": Question(f"{open_to_all}/child", open_to_all),
        "a sticky parent": Question(f"{sticky}/child", ""),
        "a sticky directory itself": Question(sticky, sticky),
        "a sticky directory, with a slash": Question(f"{sticky}/", f"{sticky}/"),
        "slashes and dots": Question(f"{root}//./plain/../plain/child/", ""),
        "dots through what all can write": Question(f"{open_to_all}/../plain/child", open_to_all),
        "somebody else's": Question(f"{plain}/child", "", user=SOMEBODY),
        "a link": Question(link("to-plain", plain) + "/child", ""),
        "a relative link": Question(link("relative", "plain/../plain") + "/child", ""),
        "a link to where all can write": Question(link("to-all", open_to_all) + "/child", open_to_all),
        "a relative link through where all can write": Question(link("through", "all/../plain"), open_to_all),
        "a link that lies where all can write": Question(link("all/link", plain), open_to_all),
        "a link that lies in a sticky directory": Question(link("sticky/link", plain) + "/child", ""),
        "a link to a link": Question(link("to-link", link("to-all-too", "all")), open_to_all),
        "a link to itself": Question(link("loop", "loop"), str(root / "loop")),
        "a dangling link": Question(link("dangling", "absent"), str(root / "absent")),
        "a link that is the last part": Question(link("last", "sticky"), sticky),
        "below a directory": Question("child", "", below=plain),
        "below a directory, a file": Question("open", f"{plain}/open", below=plain),
        "below a cache, a link": Question("link", f"{sticky}/link", below=sticky),
        "below what is installed, a link": Question("link", "", below=sticky, is_installed=True),
        "what is installed and shared with a group": Question(open_to_group, open_to_group, is_installed=True),
    }


def of_their_owners(question: Question, root: Path) -> Question:
    """Return the question with the answer for this user: what belongs to root is everybody's, and may be shared."""
    if question.user == SOMEBODY and ME != 0:
        # The first part that is this user's own.
        parts = Path(question.path).parents
        first = next(part for part in reversed(parts) if part.stat().st_uid == ME)
        return Question(question.path, str(first), user=SOMEBODY)
    if question.is_installed and question.expected and ME == 0:
        return Question(question.path, "", is_installed=True)
    return question


def test_both_halves_say_the_same_of_made_up_trees(any_node: Path, tmp_path: Path) -> None:
    trees = made_up_trees(tmp_path)
    questions = [of_their_owners(one, tmp_path) for one in trees.values()]
    expected = dict(zip(trees, (one.expected for one in questions), strict=True))
    assert dict(zip(trees, ask_python(questions), strict=True)) == expected
    assert dict(zip(trees, ask_preload(any_node, questions), strict=True)) == expected


@pytest.mark.parametrize(
    ("uid_map", "is_own"),
    [
        ("         0          0 4294967295\n", True),
        ("0 100000 65536\n", True),
        ("0 1000 1\n1 100000 65533\n", False),
        ("0 1000 1\n65534 100000 1\n", True),
        ("", False),
    ],
)
def test_the_number_of_nobody_is_a_users_only_where_it_has_a_meaning(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid_map: str, is_own: bool
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir(0o700)
    owners = {ME: 65534} if ME else {}
    if ME == 0:
        os.chown(tree, 65534, -1)
    first = tree if ME == 0 else next(one for one in reversed((tree, *tree.parents)) if one.stat().st_uid == ME)
    question = Question(str(tree), "" if is_own else str(first), user=65534)
    assert ask_preload(node, [question], owners, uid_map) == [question.expected]
    (tmp_path / "uid_map").write_text(uid_map)
    monkeypatch.setattr(trust, "_UID_MAP", str(tmp_path / "uid_map"))
    monkeypatch.setattr(os, "lstat", lstat_with(owners))
    assert ask_python([question]) == [question.expected]


def lstat_with(owners: Mapping[int, int]) -> Callable[..., os.stat_result]:
    lstat = os.lstat

    def look(path: str, **named: int) -> os.stat_result:
        status = lstat(path, **named)
        return os.stat_result((*status[:4], owners.get(status.st_uid, status.st_uid), *status[5:10]))

    return look


def test_owners_as_root_sees_them(node: Path, tmp_path: Path) -> None:
    """Where this user is root the trees can really be somebody else's; else everything below is this user's own."""
    if ME == 0:
        os.chown(tmp_path, SOMEBODY, -1)
    user = 0 if ME == 0 else SOMEBODY
    first = next(one for one in reversed((tmp_path, *tmp_path.parents)) if one.stat().st_uid not in (user, 0))
    question = Question(str(tmp_path), str(first), user=user)
    assert ask_python([question]) == ask_preload(node, [question]) == [question.expected]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    entry = tmp_path / "program" / "app.mjs"
    entry.parent.mkdir(mode=0o700)
    (entry.parent / "part.mjs").write_text("export const part = 'part';\n")
    entry.write_text("import {part} from './part.mjs';\nconsole.log(part);\n")
    return entry


@dataclass(frozen=True)
class Starter:
    """Starts commands and programs in a user's home, under a umask, with `variables` besides those of the home."""

    home: EsmcacheHome
    node: Path
    umask: int = 0o022
    variables: Mapping[str, str | None] = field(default_factory=dict)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**self.home.environment, **self.variables}
        kept = {name: value for name, value in environment.items() if value is not None}
        return subprocess.run(
            ["sh", "-c", f'umask {self.umask:03o}; exec "$@"', "sh", *command],
            env=kept,
            cwd=self.home.root.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def esmcache(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "esmcache", *arguments)

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
def test_what_is_made_is_the_users_alone_whatever_the_umask(
    esmcache_home: EsmcacheHome, any_node: Path, program: Path, umask: int
) -> None:
    log = esmcache_home.root / "log"
    # The cache, too, lies where its parents have to be made.
    given = {"ESMCACHE_DIR": None, "ESMCACHE_NODE": str(any_node), "ESMCACHE_LOG": str(log)}
    starter = Starter(esmcache_home, any_node, umask, given)
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
    # A program that goes on as another user has its workers load the preload again.
    assert [oct(os.stat(path).st_mode & 0o777) for path in (hook, Path(hook).parent)] == ["0o644", "0o755"]


def test_what_an_older_esmcache_left_open_is_closed(esmcache_home: EsmcacheHome, node: Path, program: Path) -> None:
    starter = Starter(esmcache_home, node)
    hook = Path(starter.hook())
    starter.esmcache("warm", program)
    for path in (hook.parent.parent, hook.parent, hook, *esmcache_home.cache_dir.glob("[!.]*/")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert starter.hook() == str(hook)
    assert starter.esmcache("warm", program).returncode == 0
    assert those_that_others_can_write(esmcache_home.root) == []


@pytest.fixture
def foreign_home(esmcache_home: EsmcacheHome) -> EsmcacheHome:
    """Return a home that somebody else can change: theirs where this user is root (`sudo -E`), else an open one.

    Its configuration names a program, and its cache and hook would have code run.
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


def test_nothing_of_another_users_home_is_followed_or_written(
    foreign_home: EsmcacheHome, node: Path, program: Path
) -> None:
    before = everything_below(foreign_home.root)
    starter = Starter(foreign_home, node, variables={"ESMCACHE_DIR": None})
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
    # The program itself runs, natively.
    answer = starter.esmcache("run", "-v", program)
    assert (answer.returncode, answer.stdout) == (0, "part\n")
    assert answer.stderr.startswith("esmcache: not served: ") and answer.stderr.count("\n") == 1
    assert everything_below(foreign_home.root) == before


def test_a_cache_elsewhere_is_how_to_go_on_with_another_users_home(
    foreign_home: EsmcacheHome, node: Path, program: Path, tmp_path: Path
) -> None:
    before = everything_below(foreign_home.root)
    starter = Starter(foreign_home, node, variables={"ESMCACHE_DIR": str(tmp_path / "mine"), "ESMCACHE_NODE": None})
    starter = replace(starter, variables={**starter.variables, "PATH": f"{node.parent}:{os.environ['PATH']}"})
    answer = starter.esmcache("warm", program)
    assert (answer.returncode, answer.stderr) == (0, "") and "planted" not in answer.stdout
    assert everything_below(foreign_home.root) == before


@pytest.mark.parametrize("opened", ["cache", "parent", "link"])
def test_a_cache_that_others_can_change_is_refused_by_every_door(
    esmcache_home: EsmcacheHome, node: Path, program: Path, tmp_path: Path, opened: str
) -> None:
    parent, log = tmp_path / "parent", tmp_path / "log"
    parent.mkdir(mode=0o700)
    cache = parent / "cache"
    starter = Starter(esmcache_home, node, variables={"ESMCACHE_DIR": str(cache), "ESMCACHE_LOG": str(log)})
    assert starter.esmcache("warm", program).returncode == 0
    hook = starter.hook()
    place = parent if opened == "parent" else cache
    if opened == "link":
        (tmp_path / "open").mkdir()
        (tmp_path / "open" / "link").symlink_to(parent)
        place = tmp_path / "open"
        starter = replace(starter, variables={**starter.variables, "ESMCACHE_DIR": str(place / "link" / "cache")})
    place.chmod(0o777)
    before = everything_below(cache)
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
    assert everything_below(cache) == before


@pytest.mark.parametrize("name", ["manifests", "packs", "starts", "events"])
@pytest.mark.parametrize("how", ["open", "link"])
def test_directories_of_a_cache_are_looked_at_by_starts(
    esmcache_home: EsmcacheHome, node: Path, program: Path, tmp_path: Path, name: str, how: str
) -> None:
    log = tmp_path / "log"
    starter = Starter(esmcache_home, node, variables={"ESMCACHE_LOG": str(log)})
    starter.esmcache("warm", program)
    hook = starter.hook()
    for _ in range(2):
        starter.run(node, "--require", hook, program)
    assert json.loads(log.read_text().splitlines()[-1])["served"] == 2
    place = esmcache_home.cache_dir / name
    if how == "open":
        place.chmod(0o777)
    else:
        # A cache that was made elsewhere could have it lead to anything of the user's.
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    before = everything_below(tmp_path / "elsewhere")
    assert starter.run(node, "--require", hook, program).stdout == "part\n"
    said = json.loads(log.read_text().splitlines()[-1])
    why = "can be written by others" if how == "open" else "is a link"
    assert (said["served"], said["reason"]) == (0, f"cache directory: {place} {why}")
    assert everything_below(tmp_path / "elsewhere") == before
    # The next command mends it.
    assert starter.esmcache("warm", program).returncode == 0
    assert not place.is_symlink() and those_that_others_can_write(esmcache_home.cache_dir) == []


@pytest.mark.parametrize("place", ["directory", "file", "parent"])
def test_what_the_preload_loads_is_looked_at(
    esmcache_home: EsmcacheHome, any_node: Path, program: Path, tmp_path: Path, place: str
) -> None:
    installed = tmp_path / "installed" / "runtime"
    shutil.copytree(RUNTIME, installed)
    for path in (installed.parent, installed, *installed.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (installed / "starting.cjs").write_text("console.log('loaded'); module.exports = () => false;\n")
    hook = tmp_path / "register.cjs"
    content = (RUNTIME / "register.cjs").read_text().replace("'@RUNTIME@'", json.dumps(str(installed)))
    hook.write_text(content)
    starter = Starter(esmcache_home, any_node, variables={"ESMCACHE_LOG": "debug"})
    assert starter.run(any_node, "--require", hook, program).stdout == "loaded\npart\n"
    opened = {"directory": installed, "file": installed / "starting.cjs", "parent": installed.parent}[place]
    opened.chmod(0o777)
    answer = starter.run(any_node, "--require", hook, program)
    assert (answer.returncode, answer.stdout) == (0, "part\n")
    assert place == "file" or answer.stderr == f"esmcache: not trusted: {opened}\n"
