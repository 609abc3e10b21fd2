"""A directory in which the tests of resolution write files, links and packages."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MODULES = "app/node_modules"
PACKAGE_FILES = [
    "a.js",
    "b.js",
    "a.mjs",
    "a.cjs",
    "sub/a.js",
    "sub/a b.js",
    "sub/é.js",
    "sub/index.js",
    "with space.js",
]


class PackageTree:
    """The directory `root`; its packages are in MODULES."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))

    def write(self, path: str, content: bytes | str | Any = b"") -> None:
        """Write a file below the root; content that is not a string is written as JSON."""
        if not isinstance(content, bytes | str):
            content = json.dumps(content)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def link(self, path: str, text: str) -> None:
        """Make a symbolic link below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(text)

    def package(self, name: str, package_json: Any) -> None:
        """Write a package with PACKAGE_FILES; no package.json if it is None."""
        for file in PACKAGE_FILES:
            self.write(f"{MODULES}/{name}/{file}")
        if package_json is not None:
            self.write(f"{MODULES}/{name}/package.json", package_json)
