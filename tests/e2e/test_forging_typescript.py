"""No file gets the text without types of another, or its code cache, although Node identifies both by sums.

Sums can be forged. Node 22 keeps no texts without types, so there the code cache is forged.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import EsmcacheHome, node_of
from forging import forge_typescript, tool_with_configuration, typescript_entry
from program import Program

EVIL = b"console.log('EVIL' as string);"
# A source must be this long for a forgery of the same size.
LONG = "// " + "This module is long enough to be forged. " * 8 + "\n"


@pytest.fixture
def victim(typescript_node: Path, tmp_path: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "victim", typescript_node, esmcache_home, "app.ts")
    made.write(
        {
            "package.json": '{"type": "module"}',
            "app.ts": "import good from './good.ts';\nconsole.log(good);\n",
            "good.ts": f"const good: string = 'good';\nexport default good;\n{LONG}",
        }
    )
    return made


def keeps_stripped(program: Program) -> bool:
    return program.node != node_of("node22ts")


def forgery_of_good(victim: Program, directory: Path) -> Path:
    return forge_typescript(directory, victim.root / "good.ts", EVIL, keeps_stripped=keeps_stripped(victim))


def entries_of_good(victim: Program) -> list[Path]:
    """Return the entries under the name that is forged, in all directories that Node uses."""
    name = typescript_entry(victim.root / "good.ts", keeps_stripped=keeps_stripped(victim))
    return sorted(victim.home.cache_dir.glob(f"v8/*/*/{name}"))


def test_a_project_cannot_forge_the_typescript_of_another(victim: Program, tmp_path: Path) -> None:
    evil = Program(tmp_path / "evil", victim.node, victim.home)
    forgery = forgery_of_good(victim, evil.root)
    evil.entry = forgery.name
    evil.write({"package.json": json.dumps({"type": "module", "main": f"./{forgery.name}"})})
    for program in (evil, victim, evil):
        program.warm()
    # Each project has an entry of that name in its own directory.
    assert len(entries_of_good(victim)) == 2
    for _ in range(2):
        report = victim.check_same()
        assert (report["served"], report["codeCaches"]) == (2, "enabled")
        assert "EVIL" in evil.served().stdout
    # An edited module has no entry of its own, and must not get another module's.
    good = victim.root / "good.ts"
    good.write_text(good.read_text().replace("'good'", "'well'"))
    assert victim.served().stdout == "well\n"


def test_a_project_cannot_forge_typescript_of_its_own(victim: Program) -> None:
    forgery = forgery_of_good(victim, victim.root / "evil")
    victim.warm()
    assert len(entries_of_good(victim)) == 1
    victim.write(
        {"app.ts": f"import good from './good.ts';\nimport './evil/{forgery.name}';\nconsole.log(good as string);\n"}
    )
    for _ in range(2):
        assert victim.warm().served == 3
        # Two modules claim the name, so neither gets it.
        assert entries_of_good(victim) == []
        report = victim.check_same()
        assert (report["served"], report["codeCaches"]) == (3, "none")
        with victim.cache() as cache:
            assert "the same name as another module's" in cache.explain(str(forgery)).reason


def test_a_configuration_file_outside_of_the_program_has_no_entry(victim: Program, tmp_path: Path) -> None:
    tool = tool_with_configuration(tmp_path / "lib", victim)
    config = victim.root / "good.ts"
    forgery = forgery_of_good(victim, tmp_path / "evil")
    (tmp_path / "evil" / "package.json").write_text('{"type": "module"}')
    tool.warm()
    tool.check_same(str(forgery))
    for _ in range(2):
        with tool.cache() as cache:
            # The tool's manifest now contains the forgery, since a start has loaded it.
            assert cache.warm_missed().problems == []
        tool.check_same(str(forgery))
        assert tool.check_same(str(config))["faults"] == 0
    assert entries_of_good(victim) == []


def test_a_save_of_a_configuration_file_gives_the_tool_no_entry_of_it(victim: Program, tmp_path: Path) -> None:
    tool = tool_with_configuration(tmp_path / "lib", victim)
    config = victim.root / "good.ts"
    tool.warm()
    tool.check_same(str(config))
    with tool.cache() as cache:
        assert cache.warm_missed().problems == []
    config.write_text(f"{config.read_text()}// edited\n")
    with tool.cache() as cache:
        assert cache.update([config]).updated == [config.as_uri()]
    assert entries_of_good(victim) == []
    assert tool.check_same(str(config))["faults"] == 0
