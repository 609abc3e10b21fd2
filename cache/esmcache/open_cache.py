"""Owns what `Cache` holds open: the cache directory, its index, Node's builds and the workers that compile for them.

Any of it may be lost at any moment, because other processes may remove or damage it. This module turns each fault into
a CacheError, and makes again what was lost. It must not know what the cache is asked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Concatenate, ParamSpec, Self, TypeVar

from esmcache.build.context import BuildContext
from esmcache.cache_directory import CacheDirectory, CacheDirectoryRefused, open_cache_directory
from esmcache.engines.node import CompilePool, NodeMissing
from esmcache.engines.node.node_builds import node_build
from esmcache.errors import CacheError, NodeUnavailableError
from esmcache.file_source import DiskFileSource, FileSource
from esmcache.launch.named_nodes import note_nodes
from esmcache.records import NodeBuild
from esmcache.settings import UserChoices
from esmcache.store.index import Index
from esmcache.store.index_file import IndexDamaged, IndexUnusable, IndexVanished, discard_index

_TRIES = 3

_Opened = TypeVar("_Opened", bound="OpenCache")
_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class _CacheLostError(CacheError):
    """The index was damaged, or the index or the whole cache was removed; another try makes them again."""


def healing(
    method: Callable[Concatenate[_Opened, _Arguments], _Answer],
) -> Callable[Concatenate[_Opened, _Arguments], _Answer]:
    """Return a method that is tried again if the cache is lost while it runs."""

    def healed(cache: _Opened, /, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_CacheLostError):
                return method(cache, *arguments, **named)
        return method(cache, *arguments, **named)

    update_wrapper(healed, method)
    return healed


@dataclass(slots=True)
class OpenCache:
    """One user's cache directory and Nodes; each is opened when something needs it, and stays open until `close`."""

    choices: UserChoices
    files: FileSource = field(default_factory=DiskFileSource)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _directory: CacheDirectory | None = None
    _index: Index | None = None
    _pools: dict[NodeBuild, CompilePool] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop Node's workers and close the index."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        self._close_index()

    @property
    def directory(self) -> CacheDirectory:
        """Return the cache directory, made if it is absent.

        Raises:
            CacheError: If the directory is refused.
        """
        if self._directory is None or not self._directory.path.is_dir():
            opened = open_cache_directory(self.choices.cache_path)
            if isinstance(opened, CacheDirectoryRefused) and not os.path.lexists(opened.path):
                # Another process removed it during the check.
                opened = open_cache_directory(self.choices.cache_path)
            if isinstance(opened, CacheDirectoryRefused):
                raise CacheError(f"cache directory refused: {opened.reason}")
            self._directory = opened
        return self._directory

    @property
    def index(self) -> Index:
        """Return the index.

        Raises:
            CacheError: If the cache directory is refused, or the index cannot be opened.
        """
        if self._index is not None and not self._index.is_there:
            # The cache was removed, and data that is written into a file without a name is lost.
            self._close_index()
        if self._index is None:
            self._index = self._open_index()
        return self._index

    def node_build(self, node: str | None = None) -> NodeBuild | NodeMissing:
        """Return the Node to serve, or why none was found.

        Args:
            node: The name or path of the Node, or None for the user's choice.

        Raises:
            CacheError: If the cache directory is refused, or a file in it cannot be written.
        """
        with self.guarded():
            build = node_build(self.directory, node or self.choices.node, self.environment)
        if node is None and isinstance(build, NodeBuild):
            note_nodes(self.environment, [build.executable])
        return build

    def supported_node(self, node: str | None = None) -> NodeBuild:
        """Return the Node to serve.

        Args:
            node: The name or path of the Node, or None for the user's choice.

        Raises:
            NodeUnavailableError: If the Node is missing or not supported.
            CacheError: If the cache directory is refused, or a file in it cannot be written.
        """
        build = self.node_build(node)
        if isinstance(build, NodeMissing):
            raise NodeUnavailableError(f"no Node to serve: {build.reason}")
        if not build.supported:
            raise NodeUnavailableError(f"{build.executable} cannot be served: {build.reason}")
        return build

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn faults into a CacheError with one line; a damaged index is removed, which costs only time.

        Raises:
            _CacheLostError: If the index was damaged, or a part of the cache is gone; another try makes it again.
            CacheError: If the index cannot be used, or the system reports another error.
        """
        try:
            yield
        except IndexDamaged as error:
            try:
                self._discard_index()
            except (IndexUnusable, OSError) as fault:
                raise CacheError(f"{error}, and it cannot be removed: {fault}") from error
            raise _CacheLostError(f"{error}; it was removed and will be made again, please try again") from error
        except IndexVanished as error:
            self._close_index()
            raise _CacheLostError(f"{error}; please try again") from error
        except IndexUnusable as error:
            raise CacheError(str(error)) from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            # A file of the cache that is unexpectedly missing was there a moment ago: the cache was lost.
            is_lost = isinstance(error, FileNotFoundError) and where.startswith(str(self.choices.cache_path))
            kind = _CacheLostError if is_lost else CacheError
            raise kind(f"{where}{error.strerror or error}") from error

    def _open_index(self) -> Index:
        with self.guarded():
            for _ in range(_TRIES - 1):
                # If the cache is removed at this very moment, the next try makes it again.
                with contextlib.suppress(IndexVanished):
                    return Index(self.directory.index_path)
            return Index(self.directory.index_path)

    def _close_index(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    def _discard_index(self) -> None:
        if self._index is not None:
            self._index.discard()
            self._index = None
        else:
            discard_index(self.directory.index_path)

    def _context(self, build: NodeBuild, pool: CompilePool) -> BuildContext:
        return BuildContext(self.directory, self.index, self.files, build, pool)

    def _pool(self, build: NodeBuild) -> CompilePool:
        """Return the workers of a Node build; they start when there is work, and end when idle."""
        pool = self._pools.get(build)
        if pool is None:
            pool = self._pools[build] = CompilePool(build, self.choices.jobs)
        return pool
