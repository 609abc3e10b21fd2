"""`Resolver`: finds the files that `import`, `require` and `node path` load, for one snapshot of the file system.

It remembers files and answers. Discard it when files may have changed.
"""

from __future__ import annotations

import json
import os.path
import posixpath
from collections.abc import Callable, Mapping
from urllib.parse import quote

from esmcache.file_source import FileSource, file_url_from_path
from esmcache.records import ModuleFormat, Resolution, ResolutionFailure, ResolutionInput
from esmcache.resolution.cjs_resolve import CjsResolver
from esmcache.resolution.errors import (
    CommonJsModuleNotFound,
    InvalidArgumentValue,
    InvalidUrl,
    JavaScriptRangeError,
    ModuleNotFound,
    NodeError,
    UnknownBuiltinModule,
    UnsupportedDirectoryImport,
)
from esmcache.resolution.esm_resolve import Answer, EsmResolver
from esmcache.resolution.file_facts import FileFacts, Trace, normalized
from esmcache.resolution.module_formats import ModuleFormats
from esmcache.resolution.package_json import PackageJsonReader
from esmcache.resolution.urls import Url, parse_url, well_formed

DEFAULT_CONDITIONS = ("node", "module-sync", "node-addons")


class Resolver:
    """Node's module resolution; all requests with the same result and facts share one answer."""

    def __init__(
        self,
        files: FileSource,
        conditions: tuple[str, ...] = (),
        node_version: tuple[int, int, int] = (24, 0, 0),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare for one snapshot.

        Args:
            conditions: The conditions besides DEFAULT_CONDITIONS.
            environment: HOME and NODE_PATH, for the global folders of `require`.
        """
        both = frozenset((*DEFAULT_CONDITIONS, *conditions))
        self._facts = FileFacts(files)
        packages = PackageJsonReader(self._facts, node_version)
        self._formats = ModuleFormats(self._facts, packages, node_version)
        self._esm = EsmResolver(self._facts, packages, self._formats, both | {"import"}, node_version)
        self._cjs = CjsResolver(self._facts, packages, self._esm, both | {"require"}, node_version, environment or {})
        self._imports: dict[tuple[str, str], Resolution] = {}
        self._requires: dict[tuple[str, str], Resolution] = {}
        self._resolutions: dict[tuple[str, ModuleFormat | None, int, bool], Resolution] = {}

    def resolve_import(self, specifier: str, referrer_url: str) -> Resolution | ResolutionFailure:
        """Return the module that `import 'specifier'` in the module at `referrer_url` loads, or Node's error.

        A specifier means the same in every module of a directory, so the modules of a directory share its answer.
        Errors are not shared, since they name the module.
        """
        referrer = referrer_url
        if "?" in referrer or "#" in referrer:
            referrer = referrer.split("#", 1)[0].split("?", 1)[0]
        key = (referrer[: referrer.rfind("/") + 1], specifier)
        known = self._imports.get(key)
        if known is not None:
            return known
        answer = self._answer(lambda trace: self._import(specifier, referrer_url, trace))
        if isinstance(answer, Resolution) and referrer.startswith("file:"):
            self._imports[key] = answer
        return answer

    def resolve_require(self, specifier: str, referrer_path: str) -> Resolution | ResolutionFailure:
        """Return the module that `require('specifier')` in the file at `referrer_path` loads, or Node's error.

        The inputs are the facts behind the URL only: Node determines the format again when it loads the file.
        """
        key = (referrer_path[: referrer_path.rfind("/") + 1], specifier)
        known = self._requires.get(key)
        if known is not None:
            return known
        answer = self._answer(lambda trace: self._require(specifier, referrer_path, trace))
        if isinstance(answer, Resolution):
            self._requires[key] = answer
        return answer

    def resolve_worker(self, specifier: str, referrer_url: str) -> Resolution | ResolutionFailure:
        """Return the module that `new Worker(new URL('specifier', import.meta.url))` in a module loads, or an error.

        Node takes the path from the URL, without its query and hash, and starts it like an entry point.
        """
        base = parse_url(referrer_url)
        url = None if base is None else parse_url(specifier, base)
        if url is not None and url.scheme == "data":
            return self.resolve_import(url.href, referrer_url)
        return self._answer(lambda trace: self._worker(url, trace))

    def resolve_entry(self, path: str) -> Resolution | ResolutionFailure:
        """Return the module that `node path` loads, or Node's error; relative paths start at the working directory."""
        return self._answer(lambda trace: self._entry(path, trace))

    def format_of(self, path: str) -> tuple[ModuleFormat | None, tuple[ResolutionInput, ...]]:
        """Return the format of an imported file, given its real path, and the facts behind it.

        The format is None if the source decides or if Node would not load the file at all.
        """
        trace = Trace()
        try:
            module_format = self._formats.import_format(path, trace)
        except NodeError:
            module_format = None
        return module_format, self._facts.inputs(trace)

    def _answer(self, resolve: Callable[[Trace], Answer]) -> Resolution | ResolutionFailure:
        trace = Trace()
        try:
            url, module_format, path = resolve(trace)
        except NodeError as error:
            return ResolutionFailure(error.code, error.message, self._facts.inputs(trace))
        except RecursionError:
            deep = JavaScriptRangeError()
            return ResolutionFailure(deep.code, deep.message, self._facts.inputs(trace))
        inputs = self._facts.inputs(trace, path)
        key = (url, module_format, id(inputs), trace.warns)
        resolution = self._resolutions.get(key)
        if resolution is None:
            resolution = self._resolutions[key] = Resolution(url, module_format, inputs, trace.warns)
        return resolution

    def _import(self, specifier: str, referrer_url: str, trace: Trace) -> Answer:
        base = parse_url(referrer_url)
        if base is None:
            raise InvalidUrl
        try:
            return self._esm.esm_resolve(specifier, base, trace)
        except (ModuleNotFound, UnsupportedDirectoryImport) as error:
            error.message += self._hint(specifier, base, trace)
            raise

    def _require(self, specifier: str, referrer_path: str, trace: Trace) -> Answer:
        if specifier == "":
            raise InvalidArgumentValue.empty_id()
        if self._esm.is_builtin(specifier):
            name = specifier if specifier.startswith("node:") else "node:" + specifier
            return name, ModuleFormat.BUILTIN, None
        if specifier.startswith("node:"):
            raise UnknownBuiltinModule(specifier)
        path = self._cjs.resolve_filename(specifier, _absolute(referrer_path), trace)
        return file_url_from_path(path), self._formats.require_format(path, Trace()), path

    def _entry(self, path: str, trace: Trace) -> Answer:
        path = _absolute(path)
        found = self._cjs.find_path(path, [], trace)
        if found is None:
            raise CommonJsModuleNotFound(path)
        return file_url_from_path(found), self._formats.entry_format(found, trace), found

    def _worker(self, url: Url | None, trace: Trace) -> Answer:
        if url is None:
            raise InvalidUrl
        return self._entry(url.file_path(), trace)

    def _hint(self, specifier: str, base: Url, trace: Trace) -> str:
        """Return Node's "Did you mean" line, or ''.

        Differs: Node searches for a relative specifier from the working directory; we search from the directory of
        the referrer, which may be another one.

        Raises:
            InvalidUrl: If the specifier begins with `file://` and is no URL, as Node does.
        """
        url = parse_url(specifier) if specifier.startswith("file://") else None
        if url is None and specifier.startswith("file://"):
            raise InvalidUrl
        try:
            specifier = url.file_path() if url is not None else specifier
            parent = base.file_path()
            found = self._cjs.resolve_filename(specifier, parent, trace, hint=True)
        except NodeError:
            return ""
        if specifier.startswith(("./", "../")) or specifier in (".", ".."):
            directory = base.path[: base.path.rfind("/")] or "/"
            found = posixpath.relpath(file_url_from_path(found)[7:], directory)
            if not found.startswith("../"):
                found = "./" + found
        elif specifier and specifier[0] not in "/.":
            package = specifier.split("/", 1)[0]
            _, needle, rest = found.rpartition(f"/node_modules/{package}/")
            if needle:
                names = (quote(well_formed(name), safe="!'()*-._~") for name in rest.split("/"))
                found = f"{package}/{'/'.join(names)}"
            else:
                found = file_url_from_path(found)
        if found == specifier:
            return ""
        return f"\nDid you mean to import {json.dumps(found, ensure_ascii=False)}?"


def _absolute(path: str) -> str:
    try:
        return normalized(os.path.abspath(path))
    except OSError:  # The working directory no longer exists.
        return normalized("/" + path)
