"""The algorithm of `require`: extension search, directories, node_modules and global folders.

Answers are real paths, failures are raised as NodeError, and facts are added to a trace.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping

from esmcache.resolution.builtins import NodeVersion
from esmcache.resolution.errors import (
    CommonJsModuleNotFound,
    InvalidArgumentValue,
    InvalidModuleSpecifier,
    ModuleNotFound,
)
from esmcache.resolution.esm_resolve import EsmResolver
from esmcache.resolution.file_facts import EntryKind, FileFacts, Trace, normalized, possible_directory
from esmcache.resolution.package_exports import check_imports_name
from esmcache.resolution.package_json import PackageJsonReader
from esmcache.resolution.urls import Url, url_from_path

_EXTENSIONS = (".js", ".json", ".node")
_PACKAGE_REQUEST = re.compile(r"((?:@[^/\\%]+/)?[^./\\%][^/\\%]*)(/.*)?")
_TRAILING_SLASH = re.compile(r"(?:/|(?:^|/)\.\.?)\Z")
_ENCODED_SEPARATOR = re.compile(r"%2F|%5C", re.IGNORECASE)


class CjsResolver:
    """Node's resolver of `require` for one snapshot of the file system."""

    def __init__(
        self,
        facts: FileFacts,
        packages: PackageJsonReader,
        esm: EsmResolver,
        conditions: frozenset[str],
        node_version: NodeVersion,
        environment: Mapping[str, str],
    ) -> None:
        self._facts = facts
        self._packages = packages
        self._esm = esm
        self._conditions = conditions
        self._names_expansion = node_version >= (26, 0, 0)
        self._global_paths = _global_paths(environment)
        self._node_modules: dict[str, list[str]] = {}

    def resolve_filename(self, request: str, parent: str, trace: Trace, *, hint: bool = False) -> str:
        """Return the real path that `require(request)` in the file `parent` loads.

        Args:
            trace: Gets the facts that the answer rests on.
            hint: Whether to resolve as Node does for its "Did you mean" message: without imports and self-reference.

        Raises:
            CommonJsModuleNotFound: If there is no such file.
            NodeError: If Node throws another error, such as that of an invalid package.json.
        """
        directory = os.path.dirname(parent)
        if request.startswith("#") and not hint:
            found = self._package_import(request, parent, trace)
            if found is not None:
                return found
        if not hint:
            # No package can be named "./x", so a relative request does not depend on the facts of this check.
            own = Trace() if _is_relative_request(request) else trace
            found = self._self_reference(request, parent, own)
            if found is not None:
                return found
        if _is_relative_request(request):
            paths = [directory]
        else:
            start = parent if hint else directory
            known = self._node_modules.get(start)
            if known is None:
                known = self._node_modules[start] = node_modules_paths(start) + self._global_paths
            paths = known
        found = self.find_path(request, paths, trace)
        if found is None:
            raise CommonJsModuleNotFound(request, required_from=parent)
        return found

    def find_path(self, request: str, paths: list[str], trace: Trace) -> str | None:
        """Return `request`'s real path in the first of `paths` that has it, or None.

        Args:
            trace: Gets the facts that the answer rests on.

        Raises:
            NodeError: If Node throws an error, such as that of an invalid package.json.
        """
        absolute = request.startswith("/")
        if absolute:
            paths = [""]
        trailing_slash = _TRAILING_SLASH.search(request) is not None
        inside = not (request.startswith(("./", "../")) or request in (".", "..")) or not os.path.normpath(
            request
        ).startswith("..")
        for path in paths:
            if inside and path and self._stat(path, trace) is not EntryKind.DIRECTORY:
                continue
            if not absolute:
                found = self._package_exports(path, request, trace)
                if found is not None:
                    return found
            base = normalized(os.path.join(path, request))
            kind = self._stat(base, trace)
            if not trailing_slash:
                if kind is EntryKind.FILE:
                    return self._real_path(base)
                found = self._try_extensions(base, trace)
                if found is not None:
                    return found
            if kind is EntryKind.DIRECTORY:
                found = self._try_package(base, trace)
                if found is not None:
                    return found
        return None

    def _package_import(self, request: str, parent: str, trace: Trace) -> str | None:
        package = self._packages.nearest(os.path.dirname(parent), trace)
        if package is None or not package.has_imports:
            return None
        base = url_from_path(parent)
        try:
            check_imports_name(request, base, allows_slash=self._esm.allows_slash_imports)
            resolved = self._esm.package_imports_resolve(request, base, self._conditions, trace)
            return self._finalize(resolved, parent, trace)
        except ModuleNotFound:
            raise CommonJsModuleNotFound(request) from None

    def _self_reference(self, request: str, parent: str, trace: Trace) -> str | None:
        package = self._packages.nearest(os.path.dirname(parent), trace)
        if package is None or not package.has_exports or package.name is None:
            return None
        if request == package.name:
            subpath = "."
        elif request.startswith(package.name + "/"):
            subpath = "." + request[len(package.name) :]
        else:
            return None
        url = url_from_path(package.path)
        maps = self._esm.maps(url, url_from_path(parent), self._conditions, trace)
        try:
            return self._finalize(maps.package_exports_resolve(subpath, package), parent, trace)
        except ModuleNotFound:
            raise CommonJsModuleNotFound(subpath if self._names_expansion else request) from None

    def _package_exports(self, path: str, request: str, trace: Trace) -> str | None:
        match = _PACKAGE_REQUEST.fullmatch(request)
        if match is None:
            return None
        directory = normalized(os.path.join(path, match[1]))
        package = self._packages.read(f"{directory}/package.json", trace)
        if not package.has_exports:
            return None
        maps = self._esm.maps(url_from_path(f"{directory}/package.json"), None, self._conditions, trace)
        try:
            resolved = maps.package_exports_resolve("." + (match[2] or ""), package)
            return self._finalize(resolved, None, trace)
        except ModuleNotFound:
            raise CommonJsModuleNotFound(request) from None

    def _finalize(self, resolved: Url, parent: str | None, trace: Trace) -> str:
        href = resolved.href
        if _ENCODED_SEPARATOR.search(href):
            raise InvalidModuleSpecifier(href, 'must not include encoded "/" or "\\" characters', parent)
        path = resolved.file_path()
        found = self._try_file(path, trace)
        if found is None:
            raise CommonJsModuleNotFound(path)
        return found

    def _try_package(self, directory: str, trace: Trace) -> str | None:
        main = self._packages.read(f"{directory}/package.json", trace).main
        index = normalized(os.path.join(directory, "index"))
        if not main:
            return self._try_extensions(index, trace)
        path = normalized(os.path.join(directory, main))
        found = (
            self._try_file(path, trace)
            or self._try_extensions(path, trace)
            or self._try_extensions(normalized(path + "/index"), trace)
        )
        if found is None:
            trace.warns = True
            found = self._try_extensions(index, trace)
        if found is None:
            raise CommonJsModuleNotFound(path, detail='. Please verify that the package.json has a valid "main" entry')
        return found

    def _try_extensions(self, base: str, trace: Trace) -> str | None:
        for extension in _EXTENSIONS:
            found = self._try_file(base + extension, trace)
            if found is not None:
                return found
        return None

    def _try_file(self, path: str, trace: Trace) -> str | None:
        return self._real_path(path) if self._stat(path, trace) is EntryKind.FILE else None

    def _stat(self, path: str, trace: Trace) -> EntryKind:
        path = path.split("\0", 1)[0]
        entry = self._facts.entry(normalized(path) if "//" in path or path.endswith("/") else path)
        trace.looked_at(entry)
        if entry.kind is EntryKind.OTHER:
            return EntryKind.FILE
        if entry.kind is EntryKind.FILE and path.endswith("/"):
            return EntryKind.ABSENT
        return entry.kind

    def _real_path(self, path: str) -> str:
        if "\0" in path:
            raise InvalidArgumentValue.null_bytes(path)
        return self._facts.entry(normalized(path)).real_path


def node_modules_paths(directory: str) -> list[str]:
    """Return the node_modules directories that `require` searches for a module in `directory`.

    Spec: NODE_MODULES_PATHS.
    """
    paths = []
    directory = possible_directory(directory)
    while directory != "/":
        parent, _, name = directory.rpartition("/")
        if name != "node_modules":
            paths.append(directory + "/node_modules")
        directory = parent or "/"
    paths.append("/node_modules")
    return paths


def _global_paths(environment: Mapping[str, str]) -> list[str]:
    # $PREFIX/lib/node is left out, since a Resolver does not know where Node is installed.
    paths = [os.path.abspath(path) for path in environment.get("NODE_PATH", "").split(":") if path]
    home = environment.get("HOME")
    if home:
        paths += [os.path.abspath(os.path.join(home, name)) for name in (".node_modules", ".node_libraries")]
    return paths


def _is_relative_request(request: str) -> bool:
    # `require` takes `.x` for the name of a package, but not `..x`.
    return request.startswith(".") and (len(request) == 1 or request[1] in "./")
