"""Text from files on a terminal: descriptions of packages and modules cannot control it or hide in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import EsmcacheHome, RunEsmcache

# Colours, a new title, a cleared screen, a reversed writing direction, and a forged line of ours.
HOSTILE = "\x1b[31m\x1b]0;title\x07\x1b[2J\u202e\u2066\x9b1m\r\nesmcache: all is well\x7f"
SHOWN = "\\u001b[31m\\u001b]0;title\\u0007\\u001b[2J\\u202e\\u2066\\u009b1m\\u000d\\u000aesmcache: all is well\\u007f"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    package = tmp_path / "program" / "node_modules" / "tool"
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": HOSTILE, "version": HOSTILE, "main": "tool.mjs"}))
    (package / "tool.mjs").write_text("export default 1;\n")
    entry = tmp_path / "program" / "app.mjs"
    entry.write_text(f"import 'tool';\nimport {json.dumps(HOSTILE)};\nexport {{x as {json.dumps(HOSTILE)}}};\nvar x;\n")
    return entry


@pytest.mark.parametrize(
    "command", [["warm", "-v"], ["analyze"], ["explain"], ["stats"], ["resolve", HOSTILE, "--from"]]
)
def test_control_characters_are_escaped_in_output(
    run_esmcache: RunEsmcache, esmcache_home: EsmcacheHome, program: Path, command: list[str]
) -> None:
    run_esmcache("warm", program)
    arguments = [*command, program] if command != ["stats"] else command
    answer = run_esmcache(*arguments)
    written = answer.stdout + answer.stderr
    assert {character for character in written if not character.isprintable()} <= {"\n"}
    assert not any(line.startswith("esmcache: all is well") for line in written.split("\n"))
    assert command[0] not in ("warm", "analyze", "stats") or SHOWN in written
