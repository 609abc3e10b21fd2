"""The program that these tests start."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program
from served_program import FILES


@pytest.fixture
def program(tmp_path: Path, node: Path, esmcache_home: EsmcacheHome) -> Program:
    made = Program(tmp_path / "project", node, esmcache_home)
    made.write(FILES)
    return made
