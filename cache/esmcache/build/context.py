"""The things that every build works with, so that its steps need not be handed them one by one."""

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
    """One open cache, the files that are built from, and the Node that is built for, with its workers."""

    directory: CacheDirectory
    index: Index
    files: FileSource
    node: NodeBuild
    pool: CompilePool

    def resolver(self, conditions: tuple[str, ...]) -> Resolver:
        """Return a resolver for starts with these conditions.

        It knows no environment: what `require` finds by NODE_PATH or HOME depends on who starts the program.
        """
        return Resolver(self.files, conditions, self.node.version_numbers)
