"""The inputs of an answer are complete: while all of them hold, the answer does not change."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from conftest import some
from esmcache.file_source import DiskFileSource, file_url_from_path, path_from_file_url
from esmcache.records import InputKind, Resolution, ResolutionFailure, ResolutionInput
from esmcache.resolution import Resolver
from unit.resolution.memory_files import MemoryFiles
from unit.resolution.node_answers import ask_node

Answer = Resolution | ResolutionFailure

_DIRECTORIES = [
    "/p", "/p/a", "/p/lib", "/p/node_modules", "/p/node_modules/x", "/p/node_modules/@s/y",
    "/p/a/node_modules",
    "/p/a/node_modules/x", "/node_modules/x", "/s", "/s/lib", "/p/node_modules/x/lib",
    "/home/.node_modules",
]  # fmt: skip
_NAMES = [
    "m.js",
    "m",
    "m.json",
    "index.js",
    "package.json",
    "lib",
    "lib.js",
    "x",
    "r.js",
    "@s",
    "node_modules",
]
_PACKAGES = [
    b"{}", b"{", b'{"main":"m"}', b'{"main":"./lib"}', b'{"exports":"./m.js"}',
    b'{"exports":{"./*":"./*.js"}}',
    b'{"type":"module"}', b'{"type":"commonjs","main":"lib"}',
    b'{"name":"x","exports":{".":"./m.js","./m":"./lib.js"}}',
    b'{"imports":{"#i":"x"}}', b'{"imports":{"#i":"./m.js","#j/*":"./lib/*"}}',
    b'{"exports":{"import":"./m.js","require":"./lib"}}',
]  # fmt: skip
_LINKS = [
    "m.js",
    "lib",
    "x",
    "../x",
    "../lib",
    "/s",
    "/p/a",
    "/s/lib",
    "..",
    "lib/../m.js",
    "/p/node_modules/x",
    "absent",
    "m.js/",
]
_SPECIFIERS = [
    "./m.js", "./m", "../m.js", "./lib", ".", "x", "x/m", "x/m.js", "x/lib", "@s/y", "@s/y/m.js", "#i",
    "#j/m.js", "/p/m.js",
               "./m.js?q", "./x/m.js", "fs"]  # fmt: skip
_REFERRERS = ["/p/a/r.js", "/p/node_modules/x/r.js", "/p/r.js", "/s/r.js"]


def _change(files: MemoryFiles, chance: random.Random) -> str:
    directory = chance.choice(_DIRECTORIES)
    path = f"{directory}/{chance.choice(_NAMES)}"
    kind = chance.choice(["file", "file", "package", "package", "directory", "link", "remove", "remove-directory"])
    if kind == "remove":
        files.remove(path)
    elif kind == "remove-directory":
        files.remove(directory)
        path = directory
    elif kind == "directory":
        files.remove(path)
        files.make_directory(path)
    elif kind == "link":
        text = chance.choice(_LINKS)
        files.remove(path)
        files.make_link(path, text)
        kind += " " + text
    elif kind == "package":
        path = f"{directory}/package.json"
        content = chance.choice(_PACKAGES)
        files.remove(path)
        files.write(path, content)
        kind += " " + content.decode()
    else:
        files.remove(path)
        files.write(path, b"")
    return f"{kind} {path}"


def _answers(files: MemoryFiles) -> dict[tuple[str, str, str], Answer]:
    resolver = Resolver(files, environment={"HOME": "/home"})
    answers: dict[tuple[str, str, str], Answer] = {}
    for referrer in _REFERRERS:
        for specifier in _SPECIFIERS:
            answers["import", specifier, referrer] = resolver.resolve_import(specifier, "file://" + referrer)
            answers["require", specifier, referrer] = resolver.resolve_require(specifier, referrer)
    for path in ("/p/m", "/p/lib", "/p/m.js", "/s"):
        answers["entry", path, ""] = resolver.resolve_entry(path)
    return answers


def _holds(fact: ResolutionInput, before: MemoryFiles, after: MemoryFiles) -> bool:
    status = after.lstat(fact.path)
    if fact.kind is InputKind.ABSENT:
        return status is None
    if status is None:
        return False
    if fact.kind is InputKind.DIRECTORY:
        return stat.S_ISDIR(status.st_mode)
    if fact.kind is InputKind.SYMLINK:
        return stat.S_ISLNK(status.st_mode) and after.readlink(fact.path) == fact.detail
    if not stat.S_ISREG(status.st_mode):
        return False
    return fact.kind is InputKind.FILE or before.read(fact.path) == after.read(fact.path)


def _all_hold(answer: Answer, before: MemoryFiles, after: MemoryFiles) -> bool:
    facts = list(answer.inputs)
    # The serving code checks the resolved file itself.
    if isinstance(answer, Resolution) and (path := path_from_file_url(answer.resolved_url)) is not None:
        facts.append(ResolutionInput(InputKind.FILE, path))
    return all(_holds(fact, before, after) for fact in facts)


@pytest.mark.parametrize("seed", some(range(40), 10))
def test_answers_stay_the_same_while_their_inputs_hold(seed: int) -> None:
    chance = random.Random(seed)
    changed = 0
    for _ in range(10):
        files = MemoryFiles()
        made = [_change(files, chance) for _ in range(chance.randrange(8, 40))]
        before = _answers(files)
        for answer in before.values():
            assert _all_hold(answer, files, files), (made, answer)
        for _ in range(3):
            later = files.copy()
            mutation = [_change(later, chance) for _ in range(chance.choice((1, 1, 2)))]
            for request, answer in _answers(later).items():
                old = before[request]
                if request[0] == "require" and _differ_in_format_alone(old, answer):
                    continue
                if old != answer:
                    changed += 1
                    assert not _all_hold(old, files, later), (made, mutation, request, old, answer)
    assert changed > 20


def _differ_in_format_alone(old: Answer, new: Answer) -> bool:
    """Return whether `require` finds the same file, or fails only because it reads the file's format."""
    if isinstance(old, Resolution) and isinstance(new, Resolution):
        return old.resolved_url == new.resolved_url
    failures = [answer for answer in (old, new) if isinstance(answer, ResolutionFailure)]
    return any(failure.code == "ERR_INVALID_PACKAGE_CONFIG" for failure in failures)


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}" if name.endswith(".json") else "")


def _relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _to_link(path: Path, target: str) -> None:
    path.rename(path.with_name(path.name + "-moved"))
    path.symlink_to(target)


_DEP_PACKAGE = "app/node_modules/dep/package.json"
_CHANGES: dict[str, Callable[[Path], object]] = {
    "a package shadows": lambda root: _write(root, "app/src/node_modules/dep/index.js"),
    "a package shadows within": lambda root: _write(root, "app/node_modules/host/node_modules/dep/index.js"),
    "package.json is edited": lambda root: (root / _DEP_PACKAGE).write_text('{"main":"b"}'),
    "package.json goes": lambda root: (root / "app/node_modules/dep/package.json").unlink(),
    "package.json comes": lambda root: _write(root, "app/src/package.json"),
    "the scope's package.json is edited": lambda root: (root / "app/package.json").write_text("{}"),
    "a file is deleted": lambda root: (root / "app/src/b.js").unlink(),
    "an earlier extension comes": lambda root: _write(root, "app/src/c.js"),
    "a file takes the place of a directory": lambda root: _write(root, "app/src/d.js"),
    "a link is retargeted": lambda root: _relink(root / "app/node_modules/linked", "../../store/linked@2"),
    "a link dangles": lambda root: _relink(root / "app/node_modules/linked", "nowhere"),
    "a directory becomes a link": lambda root: _to_link(root / "app/node_modules/dep", "host"),
    "an ancestor becomes a link": lambda root: _to_link(root / "app", "other"),
    "a package goes": lambda root: shutil.rmtree(root / "app/node_modules/dep"),
    "node_modules goes": lambda root: shutil.rmtree(root / "app/node_modules"),
}  # fmt: skip


@pytest.mark.parametrize("change", _CHANGES)
def test_each_kind_of_change_is_noticed(change: str, node: Path, tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    _write(root, "app/package.json", "app/src/main.mjs", "app/src/b.js", "app/src/c.json", "app/src/d/index.js")
    _write(root, "app/node_modules/host/index.js", "app/node_modules/dep/a.js", "app/node_modules/dep/b.js")
    _write(root, "store/linked@1/index.js", "store/linked@2/index.js", "other/src/b.js")
    (root / "app/package.json").write_text('{"imports":{"#own":"./src/b.js"}}')
    (root / "app/node_modules/dep/package.json").write_text('{"main":"a.js"}')
    (root / "app/node_modules/linked").symlink_to("../../store/linked@1")
    questions = []
    for referrer in ("app/src/main.mjs", "app/node_modules/host/index.js"):
        path = str(root / referrer)
        for specifier in ("dep", "dep/b.js", "linked", "./b.js", "./c", "./d", "#own"):
            questions.append({"kind": "import", "specifier": specifier, "referrer": file_url_from_path(path)})
            questions.append({"kind": "require", "specifier": specifier, "referrer": path})

    def ours(question: dict[str, str]) -> Answer:
        if question["kind"] == "import":
            return resolver.resolve_import(question["specifier"], question["referrer"])
        return resolver.resolve_require(question["specifier"], question["referrer"])

    resolver = Resolver(DiskFileSource())
    node_before = ask_node(node, questions, root)
    before = [ours(question) for question in questions]
    files_before = MemoryFiles.of_disk(root)
    _CHANGES[change](root)
    files_after = MemoryFiles.of_disk(root)
    node_after = ask_node(node, questions, root)
    changed = 0
    for question, answer, was, now in zip(questions, before, node_before, node_after, strict=True):
        if was != now:
            changed += 1
            assert not _all_hold(answer, files_before, files_after), (question, was, now)
    assert changed


def _read(path: Path) -> ResolutionInput:
    return ResolutionInput(InputKind.PACKAGE_JSON, str(path), sha256(path.read_bytes()).hexdigest())


def test_equal_facts_are_the_same_tuple(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    _write(
        root,
        "package.json",
        "src/a.mjs",
        "src/b.js",
        "src/c.js",
        "src/deep/d.js",
        "node_modules/dep/index.js",
    )
    resolver = Resolver(DiskFileSource())
    first = resolver.resolve_import("./b.js", f"file://{root}/src/a.mjs")
    second = resolver.resolve_import("../c.js?query", f"file://{root}/src/deep/d.js")
    assert first.inputs is second.inputs
    assert len(set(first.inputs)) == len(first.inputs)
    assert resolver.resolve_import("./b.js", f"file://{root}/src/c.js") is first
    dep = resolver.resolve_import("dep", f"file://{root}/src/a.mjs")
    assert dep.inputs is resolver.resolve_import("dep", f"file://{root}/src/b.js").inputs
    assert ResolutionInput(InputKind.ABSENT, f"{root}/src/node_modules") in dep.inputs
    assert _read(root / "package.json") in dep.inputs
    assert ResolutionInput(InputKind.ABSENT, f"{root}/node_modules/dep/package.json") in dep.inputs
    assert ResolutionInput(InputKind.DIRECTORY, f"{root}/node_modules/dep") in dep.inputs


def test_format_of_names_its_package(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    _write(root, "src/a.js", "src/a.css")
    (root / "package.json").write_text('{"type":"module"}')
    resolver = Resolver(DiskFileSource())
    module_format, inputs = resolver.format_of(f"{root}/src/a.js")
    assert module_format is not None and module_format.value == "module"
    assert _read(root / "package.json") in inputs
    assert ResolutionInput(InputKind.ABSENT, f"{root}/src/package.json") in inputs
    assert resolver.format_of(f"{root}/src/a.css")[0] is None
