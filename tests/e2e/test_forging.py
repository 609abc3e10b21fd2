"""No file gets the code cache of another, although Node identifies code caches by sums that can be forged."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache
from e2e.lsp.connection import User
from e2e.lsp.editor import an_editor, visual_studio_code
from esmcache.build.trust_domains import TrustDomains
from esmcache.cache_files import remove_any
from esmcache.engines.node.compile_cache_layout import entry_name
from esmcache.file_source import DiskFileSource
from esmcache.maintain.domain_directory import PRELOAD_FILES
from esmcache.records import ModuleFormat
from esmcache.serving.names import RUNTIME
from forging import forge_commonjs, tool_with_configuration
from program import Program

EVIL = b"console.log('EVIL');"
# A source must be this long for a forgery of the same size.
LONG = "// " + "This module is long enough to be forged. " * 8 + "\n"
GOOD = f"module.exports = 'good';\n{LONG}"
VICTIM = {
    "package.json": '{"type": "module"}',
    "app.mjs": "import good from './good.cjs';\nconsole.log(good);\n",
    "good.cjs": GOOD,
}
WATCHDOG_S = 120
PRELOAD = ("register", "starting", "deciding", "serving", "quarantine", "counting", "hooks", "reporting")


@pytest.fixture
def victim(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "victim", any_node, esmcache_home)
    made.write(VICTIM)
    return made


def evil_project(tmp_path: Path, victim: Program, of: Path, name: str = "evil") -> Program:
    """Return a project whose package.json names a forged file as its entry point, which passes for `of`."""
    made = Program(tmp_path / name, victim.node, victim.home)
    forgery = forge_commonjs(made.root, of, EVIL)
    made.entry = forgery.name
    made.write({"package.json": json.dumps({"main": f"./{forgery.name}"})})
    return made


def domain_entries(home: EsmcacheHome, name: str) -> list[Path]:
    """Return the files with this name in all directories that Node uses as compile cache."""
    return sorted(home.cache_dir.glob(f"v8/*/*/{name}"))


def domain_of(program: Program) -> str:
    """Return the name of a program's trust domain, which its directories have."""
    return TrustDomains(DiskFileSource()).domain_of(str(program.root / program.entry)).name


def check_served_with_code_caches(program: Program) -> None:
    """Assert twice that the program behaves as without the cache, with code caches in use."""
    for _ in range(2):
        assert program.check_same()["codeCaches"] == "enabled"


@pytest.mark.parametrize("first", ["the victim", "the forger"])
@pytest.mark.parametrize("by", ["file", "folder"])
def test_a_project_cannot_forge_a_module_of_another(victim: Program, tmp_path: Path, by: str, first: str) -> None:
    evil = evil_project(tmp_path, victim, victim.root / "good.cjs")

    def warm_evil() -> None:
        with evil.cache() as cache:
            assert cache.warm([evil.root / evil.entry if by == "file" else evil.root]).compiled > 0

    steps: list[Callable[[], object]] = [victim.warm, warm_evil]
    for step in steps if first == "the victim" else reversed(steps):
        step()
    evil.check_same()
    check_served_with_code_caches(victim)
    # An edited module has no entry of its own, and must not get another module's.
    (victim.root / "good.cjs").write_text(GOOD.replace("good", "well"))
    victim.check_same()


def test_a_project_cannot_forge_a_module_of_its_own(victim: Program) -> None:
    forgery = forge_commonjs(victim.root / "node_modules" / "evil", victim.root / "good.cjs", EVIL)
    assert victim.warm().served == 2
    name = entry_name(ModuleFormat.COMMONJS, str(victim.root / "good.cjs"))
    assert len(domain_entries(victim.home, name)) == 1
    victim.write({"app.mjs": f"import good from './good.cjs';\nimport 'evil/{forgery.name}';\nconsole.log(good);\n"})
    for _ in range(2):
        assert victim.warm().served == 3
        # Two modules claim the name, so neither gets it. Node would use the code cache of one for the other.
        assert domain_entries(victim.home, name) == []
        report = victim.check_same()
        assert (report["served"], report["codeCaches"]) == (3, "none")
        with victim.cache() as cache:
            assert "the same name as another module's" in cache.explain(str(forgery)).reason
    victim.write({"app.mjs": "import good from './good.cjs';\nconsole.log(good);\n"})
    victim.warm()
    assert len(domain_entries(victim.home, name)) == 1
    check_served_with_code_caches(victim)


@pytest.mark.parametrize("name", PRELOAD)
def test_a_project_cannot_forge_a_file_of_the_preload(victim: Program, tmp_path: Path, name: str) -> None:
    of = victim.hook() if name == "register" else RUNTIME / f"{name}.cjs"
    evil = evil_project(tmp_path, victim, of)
    victim.warm()
    evil.warm()
    entries = domain_entries(victim.home, entry_name(ModuleFormat.COMMONJS, str(of)))
    own = {path.read_bytes() for path in entries if path.parent.parent.name != domain_of(evil)}
    assert {path.read_bytes() for path in entries} == own
    for _ in range(2):
        check_served_with_code_caches(victim)
        # Node would use the code cache of the preload's file for the forgery.
        assert evil.check_same()["codeCaches"] == "none"


def test_a_tool_does_not_mix_up_configuration_files_of_two_projects(victim: Program, tmp_path: Path) -> None:
    tool = tool_with_configuration(tmp_path / "lib", victim)
    config = victim.root / "good.cjs"
    forgery = forge_commonjs(tmp_path / "evil", config, EVIL)
    assert "EVIL" in tool.plain(str(forgery)).stdout
    tool.warm()
    tool.check_same(str(forgery))
    for _ in range(2):
        with tool.cache() as cache:
            # The tool's manifest now contains the forgery, since a start has loaded it.
            assert cache.warm_missed().problems == []
        tool.check_same(str(forgery))
        assert "EVIL" not in tool.served(str(config)).stdout
        assert tool.check_same(str(config))["faults"] == 0
    assert domain_entries(victim.home, entry_name(ModuleFormat.COMMONJS, str(config))) == []
    with tool.cache() as cache:
        # Node 22.15 is answered requests only, and the manifest has no request for this file.
        outside = "without a code cache: it is outside of the program's workspace"
        expected = outside if cache.supported_node().answers_load else "the cache keeps no answer"
        assert expected in cache.explain(str(config)).reason


def test_a_changed_code_cache_directory_is_not_used(victim: Program) -> None:
    victim.warm()
    check_served_with_code_caches(victim)
    (directory,) = victim.home.cache_dir.glob("v8/*/*")
    mode = directory.stat().st_mode & 0o777
    assert mode == 0o500
    directory.chmod(0o700)
    name = entry_name(ModuleFormat.COMMONJS, str(victim.root / "good.cjs"))
    (directory / "0123abcd").write_bytes((directory / name).read_bytes())
    directory.chmod(0o500)
    for _ in range(2):
        assert victim.check_same()["codeCaches"] == "unsealed"
    with victim.cache() as cache:
        assert "its directory was written to" in cache.explain(str(victim.root / "good.cjs")).reason
    with victim.cache() as cache:
        assert cache.warm_missed().entries == 1
    assert not (directory / "0123abcd").exists()
    check_served_with_code_caches(victim)


def test_run_repairs_changed_directories_in_the_background(victim: Program, run_esmcache: RunEsmcache) -> None:
    victim.warm()
    (directory,) = victim.home.cache_dir.glob("v8/*/*")
    directory.chmod(0o700)
    (directory / "0123abcd").write_bytes(b"")
    assert victim.check_same()["codeCaches"] == "unsealed"
    run_esmcache("run", victim.root / "app.mjs", env={"ESMCACHE_NODE": str(victim.node)})
    deadline = time.monotonic() + WATCHDOG_S
    while (directory / "0123abcd").exists() or list(victim.home.cache_dir.glob(".tmp-warming-*")):
        assert time.monotonic() < deadline, "the background warm did not end"
        time.sleep(0.02)
    check_served_with_code_caches(victim)


def test_starts_never_read_code_caches_that_node_wrote(victim: Program) -> None:
    victim.write(
        {
            "app.mjs": "import good from './good.cjs';\nimport { createRequire } from 'node:module';\n"
            "console.log(good, createRequire(import.meta.url)(process.argv[2]));\n",
            "late.cjs": "module.exports = 'late';\n",
        }
    )
    victim.warm()
    (directory,) = victim.home.cache_dir.glob("v8/*/*")
    before = sorted(os.listdir(directory))
    report = victim.check_same("./late.cjs")
    assert report["codeCaches"] == "enabled"
    # Root may write into any directory, but then starts do not use the directory.
    written = sorted(os.listdir(directory)) != before
    assert victim.check_same("./late.cjs")["codeCaches"] == ("unsealed" if written else "enabled")
    if os.geteuid() != 0:
        assert not written


def test_the_workspace_of_a_monorepo_is_one_domain(victim: Program) -> None:
    victim.write(
        {
            "package.json": '{"type": "module", "workspaces": ["packages/*"]}',
            "packages/one/package.json": '{"name": "one", "type": "module", "exports": "./index.js"}',
            "packages/one/index.js": "import './start.js';\nexport default 1;\n",
            "packages/one/start.js": "console.log('one');\n",
            "app.mjs": "import one from 'one';\nconsole.log(one);\n",
        }
    )
    (victim.root / "node_modules").mkdir()
    (victim.root / "node_modules" / "one").symlink_to("../packages/one")
    victim.warm("app.mjs", "packages/one/start.js")
    (domain,) = (victim.home.cache_dir / "v8").iterdir()
    assert len(list(domain.glob("*/*"))) == 3 + len(PRELOAD_FILES)
    check_served_with_code_caches(victim)


def test_a_package_json_in_a_shared_directory_does_not_make_a_trust_domain(victim: Program, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "package.json").write_text('{"workspaces": ["*"]}')
    program = Program(shared / "victim", victim.node, victim.home)
    program.write(VICTIM)
    evil = evil_project(shared, victim, program.root / "good.cjs")
    for one in (program, evil):
        one.root.chmod(0o755)
        one.warm()
    assert domain_of(program) != domain_of(evil)
    check_served_with_code_caches(program)


def test_a_linked_package_outside_the_workspace_has_code_caches(victim: Program, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    victim.write(
        {
            "app.mjs": "import linked from 'linked';\nconsole.log(linked);\n",
            "../linked/package.json": '{"name": "linked", "type": "module", "exports": "./index.js"}',
            "../linked/index.js": "import './inner.js';\nexport { default } from 'deep';\n",
            "../linked/inner.js": "console.log('inner');\n",
            "../linked/node_modules/deep/package.json": '{"name": "deep", "type": "module", "main": "./main.js"}',
            "../linked/node_modules/deep/main.js": "export default 'deep';\n",
        }
    )
    (victim.root / "node_modules").mkdir()
    (victim.root / "node_modules" / "linked").symlink_to(linked)
    victim.warm()
    (domain,) = (victim.home.cache_dir / "v8").iterdir()
    assert len(list(domain.glob("*/*"))) == 4 + len(PRELOAD_FILES)
    check_served_with_code_caches(victim)


def test_a_background_warm_of_a_project_cannot_forge_a_module(
    victim: Program, tmp_path: Path, run_esmcache: RunEsmcache
) -> None:
    evil = evil_project(tmp_path, victim, victim.root / "good.cjs")
    node = {"ESMCACHE_NODE": str(victim.node)}
    victim.warm()
    started = run_esmcache("run", evil.root / evil.entry, env=node)
    assert started.stdout == "EVIL\n"
    deadline = time.monotonic() + WATCHDOG_S
    while len(list(victim.home.cache_dir.glob("v8/*"))) < 2 or list(victim.home.cache_dir.glob(".tmp-warming-*")):
        assert time.monotonic() < deadline, "the background warm did not end"
        time.sleep(0.02)
    check_served_with_code_caches(victim)
    assert run_esmcache("run", victim.root / "app.mjs", env=node).stdout == "good\n"


@pytest.mark.asyncio
async def test_a_folder_opened_in_an_editor_cannot_forge_a_module(tmp_path: Path, any_node: Path) -> None:
    user = User(tmp_path / "home", any_node)
    home = EsmcacheHome(user.home, user.cache_dir, {**user.environment, "ESMCACHE_DIR": str(user.cache_dir)})
    victim = Program(tmp_path / "victim", any_node, home)
    victim.write(VICTIM)
    async with an_editor(tmp_path, any_node, {}, visual_studio_code()) as editor:
        evil = evil_project(tmp_path, victim, victim.root / "good.cjs", editor.root.name)
        await editor.warm()
        victim.warm()
        check_served_with_code_caches(victim)
        # A save takes another path through the code than a warm.
        editor.open(evil.entry)
        editor.save(evil.entry, (evil.root / evil.entry).read_text().replace("EVIL", "evil"))
        await editor.until(lambda: editor.status.get("fresh") == 1 and editor.status["quiescent"])
        check_served_with_code_caches(victim)
        assert len(list(user.cache_dir.glob("v8/*"))) == 2


def test_modules_with_colliding_names_are_not_exported(
    victim: Program, tmp_path: Path, run_esmcache: RunEsmcache
) -> None:
    forgery = forge_commonjs(victim.root / "node_modules" / "evil", victim.root / "good.cjs", EVIL)
    victim.write({"app.mjs": f"import good from './good.cjs';\nimport 'evil/{forgery.name}';\nconsole.log(good);\n"})
    answer = run_esmcache(
        "export",
        "--node-compile-cache",
        tmp_path / "exported",
        victim.root / "app.mjs",
        env={"ESMCACHE_NODE": str(victim.node)},
    )
    # Only one of the three modules is exported; the output names the two others.
    assert len([path for path in (tmp_path / "exported").rglob("*") if path.is_file()]) == 1
    assert forgery.name in answer.stderr + answer.stdout and "good.cjs" in answer.stderr + answer.stdout


def test_a_manifest_of_another_program_with_the_same_name_is_not_used(victim: Program, tmp_path: Path) -> None:
    """Names of manifests are sums, so a project can forge the manifest name of another project's program."""
    shown = "console.log(require('node:module').getCompileCacheDir());\n"
    evil, other = (Program(tmp_path / name, victim.node, victim.home, entry="app.cjs") for name in ("evil", "other"))
    for program in (evil, other):
        program.write({"package.json": "{}", "app.cjs": shown})
        program.warm()
    names = {path.stem: path for path in (victim.home.cache_dir / "manifests").iterdir()}
    (of_evil,) = (name for name, path in names.items() if str(evil.root).encode() in path.read_bytes())
    (of_other,) = (name for name in names if name != of_evil)
    names[of_other].unlink()
    os.link(names[of_evil], names[of_other])
    for _ in range(2):
        assert evil.served().report["codeCaches"] == "enabled"
        assert other.check_same()["reason"] == "no manifest"
        # A start's note about that very file must not lead there either.
        starts = victim.home.cache_dir / "starts"
        (starts / of_other).write_bytes((starts / of_evil).read_bytes())
        (starts / of_other).chmod(0o600)


@pytest.mark.parametrize("place", ["v8/*", "v8/*/*", "code/*", "blobs/*"])
def test_a_warm_follows_no_links_in_a_restored_cache(victim: Program, tmp_path: Path, place: str) -> None:
    victim.write(
        {"app.mjs": "import good from './good.cjs';\nimport './more.mjs';\nconsole.log(good);\n", "more.mjs": ""}
    )
    victim.warm()
    precious = tmp_path / "precious"
    (precious / "sub").mkdir(parents=True)
    (precious / "sub" / "file").write_text("kept")
    mode = precious.stat().st_mode
    for path in victim.home.cache_dir.glob(place):
        remove_any(path)
        path.symlink_to(precious)
    victim.write({"more.mjs": "console.log('more');\n"})
    victim.warm()
    assert [str(path.relative_to(precious)) for path in sorted(precious.rglob("*"))] == ["sub", "sub/file"]
    assert precious.stat().st_mode == mode
    with victim.cache() as cache:
        cache.verify(repair=True)
    victim.warm()
    check_served_with_code_caches(victim)


def test_the_home_directory_is_not_a_trust_domain(victim: Program) -> None:
    home = victim.home.root
    (home / "package.json").write_text('{"workspaces": ["*"]}')
    made = [Program(home / name, victim.node, victim.home) for name in ("one", "two")]
    for program in made:
        program.write({"app.mjs": VICTIM["app.mjs"]})
    assert domain_of(made[0]) != domain_of(made[1])


def test_hostile_workspace_patterns_are_matched_quickly(tmp_path: Path) -> None:
    deep = "/".join("d" * 40)
    files = {
        "package.json": json.dumps({"workspaces": ["**/" * 40 + "none"]}),
        "pnpm-workspace.yaml": f"packages:\n  - x{' ' * 100_000}y\n  - 'one/**' # all\nother:\n  - two/*\n",
        f"{deep}/package.json": "{}",
        "one/a/b/package.json": "{}",
        "two/a/package.json": "{}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    domains = TrustDomains(DiskFileSource())
    assert domains.domain_of(f"{tmp_path}/{deep}/app.js").root == f"{tmp_path}/{deep}"
    assert domains.domain_of(f"{tmp_path}/one/a/b/app.js").root == str(tmp_path)
    assert domains.domain_of(f"{tmp_path}/two/a/app.js").root == f"{tmp_path}/two/a"


def test_a_condition_with_nul_does_not_pass_for_two_conditions(victim: Program, tmp_path: Path) -> None:
    victim.write(
        {
            "app.mjs": "import found from 'dep';\nconsole.log(found);\n",
            "node_modules/dep/package.json": json.dumps({"exports": {"a": "./a.mjs", "default": "./default.mjs"}}),
            "node_modules/dep/a.mjs": "export default 'a';\n",
            "node_modules/dep/default.mjs": "export default 'default';\n",
        }
    )
    evil = Program(tmp_path / "evil", victim.node, victim.home)
    settings = {"entries": ["../victim/app.mjs"], "conditions": ["a\0b"]}
    evil.write({"package.json": json.dumps({"name": "evil", "esmcache": settings})})
    with evil.cache() as cache:
        report = cache.warm([evil.root])
    assert [problem.code for problem in report.problems] == ["bad-configuration"]
    victim.check_same(flags=["-C", "a", "-C", "b"])
