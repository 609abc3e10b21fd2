"""Owns `ModuleCache`: what an open cache can be asked about one module."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esmcache.build.refused_typescript import record_of_refused
from esmcache.build.single_module import Inspection, ModuleBuilder, inspect_bmes
from esmcache.build.targets import SOURCE_SUFFIXES
from esmcache.errors import CacheError, NodeUnavailableError
from esmcache.file_source import LARGEST_FILE, FileSource, file_url_from_path
from esmcache.maintain.runner_reports import fold_events
from esmcache.maintain.turns import writing
from esmcache.module_url import as_file_url, as_referrer_url
from esmcache.open_cache import OpenCache, healing
from esmcache.query.describe import Description, describe
from esmcache.query.lookup import CacheState, Explanation, Lookup, Lookups
from esmcache.query.stripping import StrippedSource, strip_types
from esmcache.records import CompileFailure, ModuleFormat, ModuleRecord, NodeBuild, Resolution, ResolutionFailure
from esmcache.regular_files import read_regular_file
from esmcache.resolution import Resolver


@dataclass(slots=True)
class ModuleCache(OpenCache):
    """An open cache that answers questions about single modules; `Cache` adds those about programs and the whole."""

    def describe(self, path: str) -> Description:
        """Return the description of a file as an ES module; it has an error if the file cannot be read."""
        return describe(self.files, path, lambda: self._pool(self.supported_node()))

    def strip_types(
        self, path: str, source: bytes, module_format: ModuleFormat | None
    ) -> StrippedSource | CompileFailure | None:
        """Return TypeScript without its types, Node's error, or None if there is no Node to strip them.

        Args:
            path: The absolute path of the file.
            source: The text in UTF-8, saved or not.
            module_format: A format of TypeScript, or None if Node has to detect it.
        """
        try:
            workers = self._pool(self.supported_node())
        except NodeUnavailableError:
            return None
        return strip_types(workers, path, source, module_format)

    def record_of_refused(self, path: str, source: bytes) -> ModuleRecord | None:
        """Return the record of TypeScript that Node cannot strip but translate, or None.

        Args:
            path: The absolute path of the file.
            source: The text in UTF-8, saved or not.
        """
        try:
            workers = self._pool(self.supported_node())
        except NodeUnavailableError:
            return None
        return record_of_refused(workers, file_url_from_path(path), source)

    def resolver(self, conditions: Sequence[str] = (), files: FileSource | None = None) -> Resolver:
        """Return a resolver that follows the rules of the Node that is found.

        Args:
            files: The files that it looks at, or None for those of the cache.
        """
        files = files or self.files
        build = None
        with contextlib.suppress(CacheError):
            build = self.node_build()
        if isinstance(build, NodeBuild):
            major, minor, patch = build.version_numbers
            return Resolver(files, tuple(conditions), (major, minor, patch), dict(self.environment))
        return Resolver(files, tuple(conditions), environment=dict(self.environment))

    def resolve(self, specifier: str, referrer: str, conditions: Sequence[str] = ()) -> Resolution | ResolutionFailure:
        """Return Node's answer to `import specifier` in a module.

        Args:
            referrer: The module: a path, or a file: or data: URL.

        Raises:
            CacheError: If `referrer` is of another kind.
        """
        return self.resolver(conditions).resolve_import(specifier, as_referrer_url(referrer))

    @healing
    def generate(self, url: str, source: bytes | None = None) -> Lookup:
        """Store the cache of one module and return its key and paths; the modules that it imports are not touched.

        Args:
            source: The module's text in UTF-8, or None to read the file.

        Raises:
            NodeUnavailableError: If no Node can be served.
            CacheError: If the file cannot be read, or the engine rejects the text as a module.
        """
        url = as_file_url(url)
        build = self.supported_node()
        with self.guarded(), writing(self.directory.path):
            made = self._module_builder(build).generate(url, source)
        kind = made.module_format.value
        with self.guarded():
            return self._lookups().stored(url, CacheState.FRESH, kind, made.source_sha256, build.engine_tag)

    @healing
    def lookup(self, url: str) -> Lookup:
        """Return what the cache holds of a module: fresh, stale or cold."""
        with self.guarded():
            return self._lookups().lookup(as_file_url(url), self.node_build())

    @healing
    def get(self, url: str, *, with_bytecode: bool = True) -> bytes:
        """Return a module's BMES bytes, generated if they are absent.

        Args:
            with_bytecode: Whether the bytes contain the module's code cache.

        Raises:
            NodeUnavailableError: If no Node can be served.
            CacheError: If the file cannot be read, the engine rejects it, or BMES cannot express its record.
        """
        with self.guarded(), writing(self.directory.path):
            return self._module_builder(self.supported_node()).bmes(as_file_url(url), with_bytecode=with_bytecode)

    def inspect(self, path: Path) -> Inspection:
        """Return the parts of a BMES file, or of a source file's cache.

        Raises:
            CacheError: If the file cannot be read, is no BMES, or is a source file that cannot be cached.
        """
        if path.suffix in SOURCE_SUFFIXES:
            return inspect_bmes(str(path), self.get(str(path)))
        try:
            return inspect_bmes(str(path), read_regular_file(path, LARGEST_FILE))
        except OSError as error:
            raise CacheError(f"{path}: {error.strerror}") from error

    @healing
    def explain(self, url: str) -> Explanation:
        """Return why a runner is or is not served this module."""
        with self.guarded():
            fold_events(self.directory, self.index)
            return self._lookups().explain(as_file_url(url), self.node_build())

    def _lookups(self) -> Lookups:
        return Lookups(self.directory, self.index, self.files)

    def _module_builder(self, build: NodeBuild) -> ModuleBuilder:
        return ModuleBuilder(self._context(build, self._pool(build)))
