"""The rules of trust.py: the Python half and the preload's half give the same answers for made-up trees."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from esmcache import trust
from esmcache.serving.names import RUNTIME
from esmcache.trust import find_untrusted

ME = os.geteuid()
# A user who is neither this one nor root.
SOMEBODY = ME + 1000

# This calls the function of the preload's file, which finds no files of esmcache to load here. It does so with Node's
# binding, and without it as under --pending-deprecation, where Node's own function warns and inherits from the
# binding's.
ASK = """
const fs = require('node:fs');
const [source, questions, owners, uidMap, groups] = JSON.parse(fs.readFileSync(0, 'utf8'));
delete process.env.ESMCACHE_DISABLE;
const { lstat } = process.binding('fs');
const own = (numbers) => {
  if (numbers === undefined) return undefined;
  const [dev, mode, nlink, uid, gid] = numbers;
  return [dev, mode, nlink, owners[uid] ?? uid, groups[gid] ?? gid];
};
const quiet = () => ({ lstat: (...args) => own(lstat(...args)) });
const warning = Object.setPrototypeOf(() => { throw new Error('warned'); }, quiet);
const files = {
  lstatSync(path, options) {
    const status = fs.lstatSync(path, options);
    if (status !== undefined) [, , , status.uid, status.gid] = own([0, 0, 0, status.uid, status.gid]);
    return status;
  },
  readlinkSync: fs.readlinkSync,
  readFileSync: () => uidMap,
};
process.getBuiltinModule = () => files;
const answers = [quiet, warning].map((binding) => {
  process.binding = binding;
  const find = new Function('module', 'require', '__filename', `${source}; return findUntrusted`)({}, {cache: {}}, '');
  return questions.map(([below, path, isInstalled, user]) => {
    process.geteuid = () => user;
    try {
      return find(files, below, path, isInstalled);
    } catch (error) {
      return error.path;
    }
  });
});
process.stdout.write(JSON.stringify(answers));
"""


@dataclass(frozen=True)
class Question:
    """A question for both halves, and the expected first untrusted place ('' if all are trusted)."""

    path: str
    expected: str
    below: str = ""
    is_installed: bool = False
    user: int = ME


def ask_preload(
    node: Path,
    questions: list[Question],
    owners: Mapping[int, int] | None = None,
    uid_map: str = "",
    groups: Mapping[int, int] | None = None,
) -> list[str]:
    asked = [[one.below, one.path, one.is_installed, one.user] for one in questions]
    source = (RUNTIME / "register.cjs").read_text()
    given = json.dumps([source, asked, owners or {}, uid_map, groups or {}])
    answer = subprocess.run([node, "-e", ASK], input=given, capture_output=True, text=True, check=True)
    by_binding: list[str]
    by_binding, by_stats = json.loads(answer.stdout)
    assert by_binding == by_stats
    return by_binding


def ask_python(questions: list[Question]) -> list[str]:
    found = [
        find_untrusted(one.path, below=one.below, is_installed=one.is_installed, uid=one.user) for one in questions
    ]
    return ["" if one is None else one.place for one in found]


def made_up_trees(root: Path) -> dict[str, Question]:
    """Return the questions by their subjects, and create the files that they are about."""

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
    """Return the question with the answer for this user, since files of root are trusted and may be shared."""
    if question.user == SOMEBODY and ME != 0:
        # The first part of the path that belongs to this user.
        parts = Path(question.path).parents
        first = next(part for part in reversed(parts) if part.stat().st_uid == ME)
        return Question(question.path, str(first), user=SOMEBODY)
    if question.is_installed and question.expected and ME == 0:
        return Question(question.path, "", is_installed=True)
    return question


@pytest.mark.parametrize("is_private", [False, True], ids=["a group of others", "a private group"])
def test_python_and_the_preload_agree_on_generated_trees(
    any_node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_private: bool
) -> None:
    trees = made_up_trees(tmp_path)
    questions = [of_their_owners(one, tmp_path) for one in trees.values()]
    if is_private:
        # A private group's write permission is trusted.
        shared = (str(tmp_path / "group"), str(tmp_path / "plain" / "shared"))
        questions = [replace(one, expected="") if one.expected in shared else one for one in questions]
    groups = {os.getegid(): ME if is_private else ME + 1}
    monkeypatch.setattr(os, "lstat", lstat_with({}, groups))
    expected = dict(zip(trees, (one.expected for one in questions), strict=True))
    assert dict(zip(trees, ask_python(questions), strict=True)) == expected
    assert dict(zip(trees, ask_preload(any_node, questions, groups=groups), strict=True)) == expected


@pytest.mark.parametrize(
    ("uid_map", "is_own"),
    [
        ("         0          0 4294967295\n", True),
        ("0 100000 65536\n", True),
        ("0 1000 1\n1 100000 65533\n", False),
        ("0 1000 1\n65534 100000 1\n", True),
        ("70000 100000 65536\n", False),
        ("", False),
    ],
)
def test_uid_65534_is_a_user_only_if_it_is_mapped(
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


def lstat_with(owners: Mapping[int, int], groups: Mapping[int, int] | None = None) -> Callable[..., os.stat_result]:
    lstat = os.lstat
    others = groups or {}

    def look(path: str, **named: int) -> os.stat_result:
        status = lstat(path, **named)
        owner, group = owners.get(status.st_uid, status.st_uid), others.get(status.st_gid, status.st_gid)
        return os.stat_result((*status[:4], owner, group, *status[6:10]))

    return look


def test_an_owner_other_than_user_and_root_is_untrusted(node: Path, tmp_path: Path) -> None:
    """If this user is root, the tree is given to another user; else another user asks about this user's tree."""
    if ME == 0:
        os.chown(tmp_path, SOMEBODY, -1)
    user = 0 if ME == 0 else SOMEBODY
    first = next(one for one in reversed((tmp_path, *tmp_path.parents)) if one.stat().st_uid not in (user, 0))
    question = Question(str(tmp_path), str(first), user=user)
    assert ask_python([question]) == ask_preload(node, [question]) == [question.expected]
