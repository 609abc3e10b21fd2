"""ESM_RESOLVE and PACKAGE_RESOLVE: the resolution of the specifiers of `import`.

Answers are URLs and formats, failures are raised as NodeError, and facts are added to a trace.
"""

from __future__ import annotations

import re

from esmcache.file_source import file_url_from_path
from esmcache.records import ModuleFormat
from esmcache.resolution.builtins import NodeVersion, builtin_names, scheme_only_names
from esmcache.resolution.errors import (
    InvalidArgumentValue,
    InvalidModuleSpecifier,
    InvalidUrl,
    ModuleNotFound,
    NodeError,
    UnknownBuiltinModule,
    UnknownModuleFormat,
    UnsupportedDirectoryImport,
    UnsupportedResolveRequest,
    UnsupportedUrlScheme,
)
from esmcache.resolution.file_facts import Entry, EntryKind, FileFacts, Trace, normalized, possible_directory
from esmcache.resolution.module_formats import ModuleFormats
from esmcache.resolution.package_exports import PackageMaps, check_imports_name
from esmcache.resolution.package_json import PackageJson, PackageJsonReader
from esmcache.resolution.urls import Url, as_node_22, parse_url, url_from_path, url_of_builtin

Answer = tuple[str, ModuleFormat | None, str | None]
"""A resolved URL, its format and, for a file, its real path."""

_RELATIVE = re.compile(r"/|\.\.?(/|\Z)")
_INVALID_PACKAGE_NAME = re.compile(r"^\.|%|\\")
_PLAIN_PACKAGE_NAME = re.compile(r"(?:@[A-Za-z0-9_\-~][A-Za-z0-9_\-.~]*/)?[A-Za-z0-9_\-~][A-Za-z0-9_\-.~]*")
_ENCODED_SEPARATOR = re.compile(r"%2F|%5C", re.IGNORECASE)
_PACKAGE_JSON = "/package.json"
_MAIN_SUFFIXES = ("", ".js", ".json", ".node", "/index.js", "/index.json", "/index.node")
_INDEX_NAMES = ("index.js", "index.json", "index.node")
_DATA_TYPE = re.compile(r"([^/]+/[^;,]+)[^,]*,")
_DATA_TYPE_26 = re.compile(r"([^/]+/[^;,]+)(?:;[^,]*)?,")
_JAVASCRIPT_TYPE = re.compile(r"\s*(text|application)/javascript\s*(;\s*charset=utf-?8\s*)?", re.IGNORECASE)


class EsmResolver:
    """Node's resolver of `import` for one snapshot of the file system."""

    def __init__(
        self,
        facts: FileFacts,
        packages: PackageJsonReader,
        formats: ModuleFormats,
        conditions: frozenset[str],
        node_version: NodeVersion,
    ) -> None:
        self._facts = facts
        self._packages = packages
        self._formats = formats
        self._conditions = conditions
        self._builtins = builtin_names(node_version)
        self._scheme_only = scheme_only_names(node_version)
        self._is_22 = node_version < (24, 0, 0)
        self._data_type = _DATA_TYPE_26 if node_version >= (26, 0, 0) else _DATA_TYPE
        self.allows_slash_imports = node_version >= (25, 4, 0) or (24, 14, 0) <= node_version < (25, 0, 0)

    def esm_resolve(self, specifier: str, base: Url, trace: Trace) -> Answer:
        """Return the URL and format of `specifier`.

        Spec: ESM_RESOLVE.

        Args:
            base: The URL of the module that requests `specifier`.
            trace: Gets the facts that the answer rests on.

        Raises:
            UnsupportedResolveRequest: If `specifier` cannot be resolved from `base`, such as `./a.js` in a `data:`
                module.
            UnsupportedUrlScheme: If Node loads no URLs of that scheme.
            NodeError: If Node throws another error, also one that it throws only when it loads the module.
        """
        relative = is_relative_or_absolute(specifier)
        parsed = parse_url(specifier, base if relative else None)
        if parsed is not None:
            if parsed.scheme == "data":
                parsed = as_node_22(parsed, specifier) if self._is_22 else parsed
                return parsed.href, self._data_format(parsed), None
            if parsed.scheme == "node":
                return self._builtin(specifier)
        if relative:
            if parsed is None:
                raise UnsupportedResolveRequest(specifier, base.href)
            resolved = parsed
        elif base.scheme == "file" and specifier.startswith("#"):
            resolved = self.package_imports_resolve(specifier, base, self._conditions, trace)
        elif parsed is not None:
            resolved = parsed
        else:
            if base.scheme == "data" and specifier not in self._builtins:
                raise UnsupportedResolveRequest(specifier, base.href)
            resolved = self.package_resolve(specifier, base, self._conditions, trace)
        if resolved.scheme == "node":
            return resolved.href, ModuleFormat.BUILTIN, None
        if resolved.scheme != "file":
            supported = ("file", "data") if resolved.scheme in ("http", "https") else ("file", "data", "node")
            raise UnsupportedUrlScheme(resolved.scheme + ":", supported)
        return self._finalize(resolved, base, trace)

    def package_resolve(self, specifier: str, base: Url, conditions: frozenset[str], trace: Trace) -> Url:
        """Return the URL that a bare specifier names; nothing need exist there.

        Spec: PACKAGE_RESOLVE.

        Args:
            base: The URL of the module or package.json that names the package.
            trace: Gets the facts that the answer rests on.

        Raises:
            InvalidUrl: If the path in the package makes no URL.
            NodeError: If Node throws another error, such as that of an absent package.
        """
        if specifier in self._builtins:
            return url_of_builtin(specifier)
        name, subpath = _parse_package_name(specifier, base)
        package_json_url, package_json_path = self._package_location(name, base, trace)
        importing = (specifier, base.file_path())
        package = self._packages.read(package_json_path, trace, importing)
        if package.has_exports:
            maps = self.maps(package_json_url, base, conditions, trace)
            return maps.package_exports_resolve(subpath, package)
        if subpath == ".":
            return self._legacy_main(package_json_url, package, base, trace)
        resolved = parse_url(subpath, package_json_url)
        if resolved is None:
            raise InvalidUrl
        return resolved

    def package_imports_resolve(self, name: str, base: Url, conditions: frozenset[str], trace: Trace) -> Url:
        """Return the URL that `#name` names for the module at `base`.

        Args:
            name: The whole name, with its `#`.
            trace: Gets the facts that the answer rests on.

        Raises:
            NodeError: If Node throws an error, such as that of an invalid or undefined name.
        """
        check_imports_name(name, base, allows_slash=self.allows_slash_imports)
        package = self._packages.scope(_directory(base), trace)
        url = url_from_path(package.path) if package is not None else base
        return self.maps(url, base, conditions, trace).package_imports_resolve(name, package)

    def maps(self, package_json_url: Url, base: Url | None, conditions: frozenset[str], trace: Trace) -> PackageMaps:
        """Return the resolver of one package's `exports` and `imports`."""
        return PackageMaps(
            package_json_url,
            base,
            conditions,
            trace,
            lambda specifier, url: self.package_resolve(specifier, url, conditions, trace),
        )

    def is_builtin(self, request: str) -> bool:
        """Return whether `request` names a built-in module for `require`."""
        if request.startswith("node:"):
            return request[5:] in self._builtins or request[5:] in self._scheme_only
        return request in self._builtins

    def _builtin(self, specifier: str) -> Answer:
        if not self.is_builtin(specifier):
            raise UnknownBuiltinModule(specifier)
        return specifier, ModuleFormat.BUILTIN, None

    def _data_format(self, url: Url) -> ModuleFormat:
        match = self._data_type.match(url.path)
        mime = match[1] if match is not None else None
        if mime is not None:
            if _JAVASCRIPT_TYPE.fullmatch(mime):
                return ModuleFormat.MODULE
            if mime == "application/json":
                return ModuleFormat.JSON
            if mime == "application/wasm" and self._formats.knows_wasm:
                return ModuleFormat.WASM
        elif "," not in url.path:
            raise InvalidUrl
        # For this error, every version of Node reads the type from the URL with the older pattern.
        match = _DATA_TYPE.match(url.path)
        raise UnknownModuleFormat(match[1] if match is not None else "null", url.href)

    def _package_location(self, name: str, base: Url, trace: Trace) -> tuple[Url, str]:
        scope = self._packages.scope(_directory(base), trace)
        if scope is not None and scope.has_exports and scope.name == name:
            return url_from_path(scope.path), scope.path
        if _PLAIN_PACKAGE_NAME.fullmatch(name):
            directory = _directory(base)
            while True:
                at = f"{directory}/node_modules/{name}" if directory != "/" else f"/node_modules/{name}"
                entry = self._facts.entry(normalized(at) if "//" in at else at)
                trace.looked_at(entry)
                if entry.kind is EntryKind.DIRECTORY:
                    return url_from_path(at + _PACKAGE_JSON), at + _PACKAGE_JSON
                if directory == "/":
                    raise ModuleNotFound(name, base.file_path(), exact=False)
                directory = directory[: directory.rfind("/")] or "/"
        return self._odd_package_location(name, base, trace)

    def _odd_package_location(self, name: str, base: Url, trace: Trace) -> tuple[Url, str]:
        # The name has characters with a meaning in URLs, so walk up by URLs, as Node does.
        up = ("../" if name.startswith("@") else "") + f"../../../node_modules/{name}{_PACKAGE_JSON}"
        url = parse_url(f"./node_modules/{name}{_PACKAGE_JSON}", base)
        last = None
        while url is not None:
            path = url.file_path()
            if last is not None and len(path) == len(last):
                break
            directory = path[: max(0, len(path) - len(_PACKAGE_JSON))]
            if self._stat(directory, trace).kind is EntryKind.DIRECTORY:
                return url, path
            last = path
            url = parse_url(up, url)
        raise ModuleNotFound(name, base.file_path(), exact=False)

    def _legacy_main(self, package_json_url: Url, package: PackageJson, base: Url, trace: Trace) -> Url:
        directory = package_json_url.file_path()
        directory = directory[: directory.rfind("/") + 1]
        candidates = [directory + name for name in _INDEX_NAMES]
        if package.main is not None:
            candidates[:0] = [f"{directory}{package.main or './'}{suffix}" for suffix in _MAIN_SUFFIXES]
        for candidate in candidates:
            path = normalized(candidate)
            entry = self._stat(path, trace)
            if entry.kind is EntryKind.FILE or entry.kind is EntryKind.OTHER:
                # Node warns only about ES modules. It decides that by the path before it follows links.
                is_named = package.main is not None and path == normalized(directory + package.main)
                is_module = path.endswith(".js") and self._formats.import_format(path, Trace()) is ModuleFormat.MODULE
                trace.warns = trace.warns or (is_module and not is_named)
                return url_from_path(path)
        raise ModuleNotFound(normalized(candidates[0]), base.file_path(), exact=False)

    def _finalize(self, resolved: Url, base: Url, trace: Trace) -> Answer:
        if "%" in resolved.path and _ENCODED_SEPARATOR.search(resolved.path):
            raise InvalidModuleSpecifier(resolved.path, 'must not include encoded "/" or "\\" characters', _shown(base))
        path = resolved.file_path()
        entry = self._stat(path, trace)
        kind = entry.kind
        if path.endswith("/"):
            # Since Node 24 any path with a trailing slash counts as a directory.
            if not self._is_22:
                kind = EntryKind.DIRECTORY
            elif kind is not EntryKind.DIRECTORY:
                kind = EntryKind.ABSENT
        if kind is EntryKind.DIRECTORY:
            raise UnsupportedDirectoryImport(path, _shown(base))
        if kind is EntryKind.ABSENT:
            raise ModuleNotFound(path, _shown(base), exact=True)
        if "\0" in path:
            raise InvalidArgumentValue.null_bytes(path)
        real_path = entry.real_path
        module_format = self._formats.import_format(real_path, trace)
        url = file_url_from_path(real_path)
        # Node copies query and fragment to the real path's URL, which drops empty ones.
        url += (resolved.search if resolved.search != "?" else "") + (resolved.hash if resolved.hash != "#" else "")
        return url, module_format, real_path

    def _stat(self, path: str, trace: Trace) -> Entry:
        if not path.startswith("/"):
            path = "/" + path
        path = path.split("\0", 1)[0]
        if "//" in path or path.endswith("/") or "/." in path:
            path = normalized(path)
        entry = self._facts.entry(path)
        trace.looked_at(entry)
        return entry


def is_relative_or_absolute(specifier: str) -> bool:
    """Return whether a specifier starts with `/`, `./` or `../`, or is `.` or `..`."""
    return _RELATIVE.match(specifier) is not None


def _parse_package_name(specifier: str, base: Url) -> tuple[str, str]:
    separator = specifier.find("/")
    valid = True
    if specifier.startswith("@"):
        if separator < 0:
            valid = False
        else:
            separator = specifier.find("/", separator + 1)
    name = specifier if separator < 0 else specifier[:separator]
    if not valid or _INVALID_PACKAGE_NAME.search(name):
        raise InvalidModuleSpecifier(specifier, "is not a valid package name", base.file_path())
    return name, "." + ("" if separator < 0 else specifier[separator:])


def _directory(base: Url) -> str:
    path = base.file_path()
    return possible_directory(path[: path.rfind("/")] or "/")


def _shown(base: Url) -> str:
    try:
        return base.file_path()
    except NodeError:
        return base.href
