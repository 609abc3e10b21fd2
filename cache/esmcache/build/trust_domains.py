"""Decides which trust domain a program belongs to, and which files may have code caches in that domain.

Node finds a code cache by the CRC-32 of the file's name and accepts it by the CRC-32 of the file's text. Both can be
forged, so a start reads only entries of its own domain: the workspace that the program belongs to. A file is inside a
workspace if no other workspace begins between its root and the file. A workspace begins at a directory with a
package.json, an esmcache.json, a .git or a node_modules, unless the `workspaces` of a package.json further up (or a
pnpm-workspace.yaml) list that directory as a package. Packages in the node_modules of the workspace, or of a directory
above it, belong to it. So do packages that its modules find there through a link. No workspace begins in a directory
that others can write (trust.py).

A tool that is installed elsewhere may load a file of some project, such as its configuration. That file is outside of
the tool's domain and gets no code cache there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

from esmcache.build.graph import GraphModule
from esmcache.file_source import FileSource
from esmcache.records import Resolution
from esmcache.trust import find_untrusted

_MARKERS = ("package.json", "esmcache.json", ".git", "node_modules")
_NODE_MODULES = "/node_modules/"
_PNPM = "pnpm-workspace.yaml"
# No workspace lists more patterns.
_MOST_PATTERNS = 1000
# Matches a specifier that names a package, not a path, a URL or an entry of the package's own `imports`.
_PACKAGE_SPECIFIER = re.compile(r"(?![./#])(?![A-Za-z][A-Za-z0-9+.-]*:)")


@dataclass(frozen=True, slots=True)
class TrustDomain:
    """A workspace, by the real path of its root.

    Programs that may count their calls have a directory of their own, whose code caches have only top levels.
    """

    root: str
    counts_calls: bool = False

    @property
    def name(self) -> str:
        """Return the name of the domain's directories: 32 hexadecimal digits."""
        # No path has a NUL.
        text = f"{self.root}\0" if self.counts_calls else self.root
        return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class TrustDomains:
    """Finds trust domains in the file system; each directory is looked at once."""

    def __init__(self, files: FileSource) -> None:
        self._files = files
        self._home = os.path.realpath(os.path.expanduser("~"))
        self._begins: dict[str, bool] = {}
        self._roots: dict[str, str] = {}
        self._owners: dict[str, str | None] = {}

    def domain_of(self, entry_path: str) -> TrustDomain:
        """Return the domain of the program that starts with the file at this real path."""
        directory = _holder(entry_path)
        return TrustDomain(self._owner(directory) or directory)

    def members(
        self, domain: TrustDomain, modules: Iterable[GraphModule], package_root: Callable[[str], str]
    ) -> set[str]:
        """Return the URLs of those modules that may have a code cache in the domain.

        Args:
            package_root: Returns the directory of the package that holds a file.
        """
        graph = {module.url: module for module in modules}
        found = {url for url, module in graph.items() if self._contains(domain, module.path)}
        if len(found) < len(graph):
            self._add_linked(found, graph, package_root)
        return found

    def _contains(self, domain: TrustDomain, path: str) -> bool:
        directory = _holder(path)
        # Node looks for packages in the directories above a file, too.
        if _NODE_MODULES in path and _is_within(domain.root, directory):
            return True
        owner = self._owner(directory)
        return owner == domain.root if owner is not None else _is_within(directory, domain.root)

    def _add_linked(
        self, found: set[str], graph: Mapping[str, GraphModule], package_root: Callable[[str], str]
    ) -> None:
        """Add files that modules of the domain request by a package's name, and other files of those packages."""
        linked: set[str] = set()
        stack = list(found)
        while stack:
            module = graph[stack.pop()]
            for request, answer in zip(module.requests, module.answers, strict=True):
                target = graph.get(answer.resolved_url) if isinstance(answer, Resolution) else None
                if target is None or target.url in found:
                    continue
                root = package_root(target.path)
                if _PACKAGE_SPECIFIER.match(request.specifier):
                    linked.add(root)
                if root in linked:
                    found.add(target.url)
                    stack.append(target.url)

    def _owner(self, directory: str) -> str | None:
        """Return the root of the workspace that a directory is in, or None if it is in none."""
        if directory in self._owners:
            return self._owners[directory]
        if self._is_beginning(directory):
            owner: str | None = self._workspace_root(directory)
        else:
            parent = os.path.dirname(directory)
            owner = None if parent == directory else self._owner(parent)
        self._owners[directory] = owner
        return owner

    def _is_beginning(self, directory: str) -> bool:
        found = self._begins.get(directory)
        if found is None:
            found = any(self._files.lstat(os.path.join(directory, name)) is not None for name in _MARKERS)
            # In a directory like /tmp anyone could put such a file, and claim everyone's projects with it. The home
            # directory and the directories above it hold more than one workspace, whatever is there.
            found = found and not _is_within(self._home, directory) and find_untrusted(directory) is None
            self._begins[directory] = found
        return found

    def _workspace_root(self, directory: str) -> str:
        """Return the nearest directory above whose workspace lists this one as a package, or else this directory."""
        root = self._roots.get(directory)
        if root is None:
            root, above = directory, os.path.dirname(directory)
            while above != os.path.dirname(above):
                if _names(self._patterns(above), os.path.relpath(directory, above)):
                    root = above
                    break
                above = os.path.dirname(above)
            self._roots[directory] = root
        return root

    def _patterns(self, directory: str) -> list[str]:
        """Return the patterns by which the workspace that begins in a directory lists its packages."""
        if not self._is_beginning(directory):
            return []
        listed: Any = None
        try:
            content = json.loads(self._files.read(os.path.join(directory, "package.json")))
            listed = content.get("workspaces")
            listed = listed.get("packages") if isinstance(listed, dict) else listed
        except (OSError, ValueError, RecursionError, AttributeError):
            pass
        patterns = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
        try:
            text = self._files.read(os.path.join(directory, _PNPM)).decode(errors="replace")
        except OSError:
            text = ""
        return [*patterns, *_pnpm_packages(text)][:_MOST_PATTERNS]


def _holder(path: str) -> str:
    """Return the directory that decides a file's domain: that of the outermost node_modules, else the file's own."""
    before, found, _ = path.partition(_NODE_MODULES)
    return (before or "/") if found else os.path.dirname(path)


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _names(patterns: Iterable[str], path: str) -> bool:
    """Return whether the patterns of a workspace name a directory below it; the last pattern that fits decides."""
    named = False
    for pattern in patterns:
        excludes = pattern.startswith("!")
        parts = [part for part in pattern.removeprefix("!").split("/") if part not in ("", ".")]
        if _fits(parts, path.split("/")):
            named = not excludes
    return named


def _fits(pattern: list[str], parts: list[str]) -> bool:
    """Return whether a pattern names a path; `**` stands for any number of parts."""
    # The numbers of path parts that the pattern so far can match.
    reached = {0}
    for one in pattern:
        if one == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], one)}
        if not reached:
            return False
    return len(parts) in reached


def _pnpm_packages(text: str) -> Iterator[str]:
    """Yield the items of the list `packages` in a pnpm-workspace.yaml, if they are written one per line."""
    is_listed = False
    for line in text.splitlines():
        item = line.strip()
        if item.startswith("-") and is_listed:
            yield item[1:].partition(" #")[0].strip().strip("'\"")
        elif item and not item.startswith("#"):
            is_listed = item.startswith("packages:")
