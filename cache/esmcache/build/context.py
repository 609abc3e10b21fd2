"""`BuildContext`: the objects that every step of a build needs, passed as one value."""

from __future__ import annotations

from dataclasses import dataclass

from esmcache.cache_directory import CacheDirectory
from esmcache.engines.node import CompilePool
from esmcache.file_source import FileSource
from esmcache.records import NodeBuild
from esmcache.resolution import Resolver
from esmcache.store.index import Index


@dataclass(frozen=True, slots=True)
class BuildContext:
    """One open cache, the files to build from, and the Node to build for, with its workers."""

    directory: CacheDirectory
    index: Index
    files: FileSource
    node: NodeBuild
    pool: CompilePool

    def resolver(self, conditions: tuple[str, ...]) -> Resolver:
        """Return a resolver for starts with these conditions.

        It ignores the environment: what `require` finds by NODE_PATH or HOME depends on who starts the program.
        """
        return Resolver(self.files, conditions, self.node.version_numbers)
