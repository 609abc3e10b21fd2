"""The project that the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cli_project import make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a new project: an entry point, a module and JSON."""
    project = tmp_path / "project"
    make_project(project)
    return project
