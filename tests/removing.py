"""Removal of directories that the user may not write to, such as those of code caches (mode 0500)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def remove_tree(root: Path) -> None:
    """Remove a directory with all its contents; raises OSError."""
    if not root.exists():
        return
    root.chmod(0o700)
    for directory, names, _ in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(root)
