"""Finds the package that a file belongs to by the file's path, and reads the package's name and version."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from esmcache.file_source import FileSource
from esmcache.serving.pack import pack_label
from esmcache.store.rows import PackageRow


@dataclass(slots=True)
class Packages:
    """The packages that were found so far; `rows` has their names and versions, by directory."""

    files: FileSource
    rows: dict[str, PackageRow] = field(default_factory=dict)
    _roots: dict[str, str] = field(default_factory=dict)

    def root_of(self, path: str) -> str:
        """Return the directory of the package that holds `path`: below node_modules, else with a package.json."""
        directory = os.path.dirname(path)
        root = self._roots.get(directory)
        if root is None:
            root = self._roots[directory] = self._find_root(directory)
            if root not in self.rows:
                self.rows[root] = self._describe(root)
        return root

    def pack_label(self, root: str) -> str:
        """Return the label of a package's pack: name@version if the package was installed, else its directory."""
        row = self.rows[root]
        return pack_label(root, row.name, row.version)

    def _find_root(self, directory: str) -> str:
        before, found, after = (directory + "/").rpartition("/node_modules/")
        if found and after:
            parts = after.split("/")
            name = "/".join(parts[:2]) if parts[0].startswith("@") else parts[0]
            return f"{before}/node_modules/{name}"
        at = directory
        while True:
            status = self.files.lstat(os.path.join(at, "package.json"))
            if status is not None:
                return at
            parent = os.path.dirname(at)
            if parent == at:
                return directory
            at = parent

    def _describe(self, root: str) -> PackageRow:
        try:
            content = json.loads(self.files.read(os.path.join(root, "package.json")))
            name, version = content.get("name", ""), content.get("version", "")
        except (OSError, ValueError, RecursionError, AttributeError):
            name, version = "", ""
        return PackageRow(root, name if isinstance(name, str) else "", version if isinstance(version, str) else "")
