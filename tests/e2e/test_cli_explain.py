"""`esmcache explain` says of each module what the next start does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import EsmcacheHome, RunEsmcache
from program import Program, age

_FILES = {
    "package.json": '{"name": "app", "type": "module"}',
    "src/app.js": (
        "import './b.js';\nimport 'dep';\nimport 'linked';\nimport './c.cjs';\nimport './d.json' with {type: 'json'};\n"
    ),
    "src/b.js": "export const b = 1;\n",
    "src/c.cjs": "require('./e.cjs');\n",
    "src/d.json": "{}\n",
    "src/e.cjs": "exports.e = 1;\n",
    "src/other.js": "import './b.js';\n",
    "node_modules/dep/package.json": '{"name": "dep", "version": "1.0.0", "type": "module", "exports": "./index.js"}',
    "node_modules/dep/index.js": "export {};\n",
    "node_modules/dep/second.js": "export {};\n",
    "one/index.mjs": "export {};\n",
    "one/package.json": '{"name": "linked", "version": "1.0.0", "exports": "./index.mjs"}',
    "two/index.mjs": "export {};\n",
    "two/package.json": '{"name": "linked", "version": "1.0.0", "exports": "./index.mjs"}',
}
_MODULES = (
    "src/app.js",
    "src/b.js",
    "src/c.cjs",
    "src/d.json",
    "src/e.cjs",
    "node_modules/dep/index.js",
    "one/index.mjs",
)
_DEP = "node_modules/dep/package.json"


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home, "src/app.js")
    made.write(_FILES)
    (made.root / "node_modules" / "linked").symlink_to("../one")
    made.warm()
    return made


def _manifests(program: Program) -> list[Path]:
    return list(program.home.cache_dir.glob("manifests/*.manifest"))


def _packs(program: Program) -> list[Path]:
    return list(program.home.cache_dir.glob("packs/*.pack"))


def _damage(paths: list[Path]) -> None:
    for path in paths:
        content = bytearray(path.read_bytes())
        content[-9] ^= 0xFF
        path.write_bytes(content)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


def _relink(program: Program) -> None:
    link = program.root / "node_modules" / "linked"
    link.unlink()
    link.symlink_to("../two")


def _warm_another_entry_after_an_edit(program: Program) -> None:
    program.write({"src/b.js": "export const b = 2;\n"})
    program.warm("src/other.js")


_CHANGES: dict[str, Callable[[Program], None]] = {
    "nothing": lambda program: None,
    "other times": lambda program: age(*(program.root / name for name in _MODULES)),
    "an edited module": lambda program: program.write({"src/b.js": "export const b = 2;\n"}),
    "a removed module": lambda program: (program.root / "src/e.cjs").unlink(),
    "a package.json with another version": lambda program: program.write({_DEP: _FILES[_DEP].replace("1.0", "2.0")}),
    "a package.json with other exports": lambda program: program.write({_DEP: _FILES[_DEP].replace("index", "second")}),
    "a package.json without exports": lambda program: program.write({_DEP: '{"name": "dep", "type": "module"}'}),
    "a package.json of the program with another type": lambda program: program.write({"package.json": "{}"}),
    "a removed package.json": lambda program: (program.root / _DEP).unlink(),
    "a nearer package of the same name": lambda program: program.write(
        {f"src/{name}": _FILES[name] for name in (_DEP, "node_modules/dep/index.js")}
    ),
    "a nearer directory of packages": lambda program: program.write({"src/node_modules/more/index.js": ""}),
    "a link to another package": _relink,
    "a damaged manifest": lambda program: _damage(_manifests(program)),
    "no manifest": lambda program: _remove(_manifests(program)),
    "damaged packs": lambda program: _damage(_packs(program)),
    "no packs": lambda program: _remove(_packs(program)),
    "another entry point that was warmed": _warm_another_entry_after_an_edit,
}


def _explain(run_esmcache: RunEsmcache, program: Program, name: str) -> dict[str, Any]:
    answer = run_esmcache("explain", "--json", name, cwd=program.root)
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def _reason(said: dict[str, Any]) -> str:
    """Return what a start of the program does, if its entry points differ, or else what all starts do."""
    of_program: list[str] = [one for one in said["starts"] if "/src/app.js (" in one]
    return of_program[0] if of_program else str(said["reason"])


@pytest.mark.parametrize("change", _CHANGES)
def test_explain_says_what_the_next_start_does(run_esmcache: RunEsmcache, program: Program, change: str) -> None:
    _CHANGES[change](program)
    said = {name: _explain(run_esmcache, program, name) for name in _MODULES}
    reasons = [_reason(each) for each in said.values() if each["served"] or each["partly"]]
    report = program.served().report
    assert report["served"] == sum("source" in reason for reason in reasons), said
    # A start answers requests for a module before it finds that the file has changed.
    changed = sum("changed since it was warmed: its content" in str(each) for each in said.values())
    in_packs = sum("its source in the cache" in each["reason"] for each in said.values())
    resolved = sum("resolution" in reason for reason in reasons)
    assert report.get("resolved", 0) == resolved + changed + in_packs, said
    assert (change in ("nothing", "other times")) == all(each["served"] for each in said.values())


def test_explain_tells_entry_points_apart(run_esmcache: RunEsmcache, program: Program) -> None:
    _warm_another_entry_after_an_edit(program)
    printed = run_esmcache("explain", "src/b.js", cwd=program.root).stdout
    assert "  partly served: completely at starts of 1 of 2 entry points\n" in printed
    assert "src/app.js (Node v24.19.0 x64): not served: changed since it was warmed: its content\n" in printed
    assert "src/other.js (Node v24.19.0 x64): served: resolution and source, with a code cache\n" in printed


def test_explain_names_what_has_changed_and_what_to_do(run_esmcache: RunEsmcache, program: Program) -> None:
    program.write({_DEP: _FILES[_DEP].replace("1.0", "2.0")})
    said = _explain(run_esmcache, program, "node_modules/dep/index.js")
    assert said["reason"] == (
        "source, with a code cache; Node resolves it itself:"
        f" {program.root / _DEP} has changed since it was warmed; `esmcache warm` renews the answer"
    )
    program.write({_DEP: _FILES[_DEP].replace("index", "second")})
    said = _explain(run_esmcache, program, "node_modules/dep/index.js")
    second = (program.root / "node_modules/dep/second.js").as_uri()
    assert said["reason"] == f"{program.root / _DEP} has changed since it was warmed, so Node finds {second} for 'dep'"
    _damage(_manifests(program))
    said = _explain(run_esmcache, program, "src/b.js")
    entry = program.root / "src/app.js"
    assert said["reason"] == f"the manifest of {entry} is damaged; `esmcache warm {entry}` makes it again"


def test_explain_says_that_code_caches_are_in_quarantine(run_esmcache: RunEsmcache, program: Program) -> None:
    assert program.served().report["codeCaches"] == "enabled"
    (mark,) = (program.home.cache_dir / "starts").iterdir()
    said, identity = mark.read_text().split("\n", 1)
    no_process = 2**22 + 1
    mark.write_text(f"{said.split()[0]} {no_process}\n{identity}")
    reason = _explain(run_esmcache, program, "src/b.js")["reason"]
    assert reason.startswith("resolution and source, without a code cache: a start ended while it loaded")
    assert program.served().report["codeCaches"] == "quarantined"
