"""Lets all caches of a test process share the tests' Nodes: their descriptions, and the workers that compile.

Every new cache asks its Node to describe itself, which takes up to four starts of Node, and the first warm of every
opened cache starts a worker. Most tests are about neither. Other executables, such as copies of a Node and scripts that
start one, are described by the product as ever.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from esmcache import open_cache
from esmcache.cache_directory import CacheDirectory
from esmcache.engines.node import CompilePool, NodeMissing, describe_node, node_builds
from esmcache.engines.node.layout_probe import ProbedLayout, probe_layout
from esmcache.records import NodeBuild


class _KeptPool(CompilePool):
    """A pool that stays open when a cache is closed."""

    def close(self) -> None:
        """Leave the workers to the next cache."""

    def end(self) -> None:
        """End the workers."""
        super().close()

    @property
    def is_usable(self) -> bool:
        """Return whether the pool has not given up on its Node."""
        return self._shared.refusal is None


@contextmanager
def described_once(nodes: Collection[Path]) -> Iterator[None]:
    """Let each of these executables describe itself when it is first needed, and remember that for all caches."""
    known = {str(node) for node in nodes}
    descriptions: dict[str, NodeBuild] = {}
    layouts: dict[str, ProbedLayout] = {}

    def describe(path: str) -> NodeBuild | NodeMissing:
        if path in descriptions:
            return descriptions[path]
        build = describe_node(path)
        if path in known and isinstance(build, NodeBuild):
            descriptions[path] = build
        return build

    def probe(executable: str, *, strips_types: bool) -> ProbedLayout:
        if executable in layouts:
            return layouts[executable]
        layout = probe_layout(executable, strips_types=strips_types)
        # A test may take away what the probe needs; that must not reach the next test.
        if executable in known and layout.code_caches and layout.typescript == strips_types:
            layouts[executable] = layout
        return layout

    with patch.object(node_builds, "describe_node", describe), patch.object(node_builds, "probe_layout", probe):
        yield


def describe_now(nodes: Collection[Path]) -> None:
    """Let executables describe themselves, so that forks of this process need not ask them; within `described_once`."""
    for node in nodes:
        with TemporaryDirectory() as directory:
            node_builds.node_build(CacheDirectory(Path(directory)), str(node), os.environ)


@contextmanager
def shared_workers(nodes: Collection[Path]) -> Iterator[None]:
    """Let all caches that one of these executables compiles for use the same workers."""
    known = {str(node) for node in nodes}
    pools: dict[tuple[NodeBuild, int], _KeptPool] = {}

    def pool_of(build: NodeBuild, jobs: int) -> CompilePool:
        if build.executable not in known:
            return CompilePool(build, jobs)
        pool = pools.get((build, jobs))
        if pool is None or not pool.is_usable:
            pool = pools[build, jobs] = _KeptPool(build, jobs)
        return pool

    with patch.object(open_cache, "CompilePool", pool_of):
        yield
    for pool in pools.values():
        pool.end()
