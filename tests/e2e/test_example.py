"""The example program without esmcache: the same output on every Node, in every time zone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.every_node
@pytest.mark.parametrize("time_zone", ["America/Sao_Paulo", "Pacific/Apia"])
def test_output_is_the_same_everywhere(any_node: Path, example: Path, time_zone: str) -> None:
    result = subprocess.run(
        [any_node, "src/main.js"],
        cwd=example,
        env={**os.environ, "TZ": time_zone, "LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    expected = (example / "expected-output.txt").read_text(encoding="utf-8")
    assert (result.returncode, result.stderr, result.stdout) == (0, "", expected)
