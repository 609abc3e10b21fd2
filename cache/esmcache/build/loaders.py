"""Finds out which of Node's two loaders strips the types of a module; the compile cache depends on that.

The loader of ES modules loads what is imported, and that of CommonJS what is required, with exceptions that depend on
the way by which Node gets to the module. If there are several ways, the first that a program takes decides. That is not
known before a start, so the loader of ES modules is then assumed. If that is wrong, Node finds no code cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto

from esmcache.build.graph import Asked, GraphModule, GraphRequest
from esmcache.records import Resolution


class _Way(Enum):
    """A way by which Node gets to a module."""

    IMPORT = auto()
    # `import` in an ES module that was required: CommonJS goes to its own loader.
    IMPORT_OF_REQUIRED = auto()
    REQUIRE = auto()
    # `require` in CommonJS that the loader of ES modules runs.
    REQUIRE_OF_IMPORTED = auto()


def imported_modules(modules: Mapping[str, GraphModule], *, keeps_stripped: bool) -> set[str]:
    """Return the URLs of the modules whose types the loader of ES modules strips.

    Args:
        modules: All modules of a graph, by URL.
        keeps_stripped: Whether Node keeps stripped texts. If it does not, the loader of ES modules itself runs the
            CommonJS TypeScript that it loads, and all that this requires.
    """
    found: set[tuple[str, _Way]] = set()
    # Nothing leads to single modules, so these come last.
    for module in sorted(modules.values(), key=lambda module: not module.is_root):
        if module.is_root or not any((module.url, way) in found for way in _Way):
            _follow(module, modules, found, keeps_stripped=keeps_stripped)
    return {url for url, way in found if _strips_as_es_module(modules[url], way)}


def _follow(
    module: GraphModule, modules: Mapping[str, GraphModule], found: set[tuple[str, _Way]], *, keeps_stripped: bool
) -> None:
    stack = [(module, _Way.IMPORT if module.is_es_module else _Way.REQUIRE)]
    while stack:
        module, way = stack.pop()
        if (module.url, way) in found:
            continue
        found.add((module.url, way))
        stack += [
            (modules[url], _next_way(module, way, request, keeps_stripped=keeps_stripped))
            for request, url in _targets(module)
            if url in modules
        ]


def _targets(module: GraphModule) -> Iterator[tuple[GraphRequest, str]]:
    for request, answer in zip(module.requests, module.answers, strict=True):
        if isinstance(answer, Resolution) and Asked.WORKER not in request.asked:
            yield request, answer.resolved_url


def _next_way(module: GraphModule, way: _Way, request: GraphRequest, *, keeps_stripped: bool) -> _Way:
    """Return the way by which a module's request leads to another one."""
    if Asked.REQUIRE in request.asked:
        if keeps_stripped or module.is_es_module:
            return _Way.REQUIRE
        is_run_by_es_loader = way is _Way.REQUIRE_OF_IMPORTED or (way is _Way.IMPORT and module.is_typescript)
        return _Way.REQUIRE_OF_IMPORTED if is_run_by_es_loader else _Way.REQUIRE
    if Asked.WHILE_RUNNING in request.asked or way is _Way.IMPORT:
        return _Way.IMPORT
    return way if way is _Way.REQUIRE_OF_IMPORTED else _Way.IMPORT_OF_REQUIRED


def _strips_as_es_module(module: GraphModule, way: _Way) -> bool:
    if module.is_es_module:
        return way is not _Way.REQUIRE
    # A program or worker that starts with it requires it.
    return way in (_Way.IMPORT, _Way.REQUIRE_OF_IMPORTED) and not module.is_root
