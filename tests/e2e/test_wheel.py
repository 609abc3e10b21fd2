"""The wheel holds every file of both packages, the JavaScript that Node loads among them, and the diagnostics' page."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_wheel_is_complete(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(root).as_posix()
        for root in (PROJECT / "cache", PROJECT / "server")
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == {*sources, "esmcache_lsp/diagnostics.md"}
