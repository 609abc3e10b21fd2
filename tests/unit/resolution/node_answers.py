"""Real Node's answers to questions of resolution; `ask_node.cjs` runs there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

ASK_NODE = Path(__file__).with_name("ask_node.cjs")
Question = dict[str, str]


def ask_node(node: Path, questions: list[Question], cwd: Path, *flags: str) -> list[dict[str, Any]]:
    """Return Node's answers, in order."""
    environment = {"PATH": "", "HOME": str(cwd / "home"), "NODE_PATH": ""}
    result = subprocess.run(
        [node, "--no-warnings", *flags, ASK_NODE],
        input=json.dumps(questions).encode(),
        capture_output=True,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    return answers


def node_version(node: Path) -> tuple[int, int, int]:
    """Return the version that a Node binary reports."""
    text = subprocess.run([node, "--version"], capture_output=True, check=True, text=True).stdout
    major, minor, patch = (int(number) for number in re.findall(r"\d+", text)[:3])
    return major, minor, patch
