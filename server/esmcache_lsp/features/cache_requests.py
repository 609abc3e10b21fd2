"""esmcache's own requests: what other tools and editor views need to know about the cache."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from esmcache.cache import Cache
from esmcache.errors import CacheError
from esmcache.ide.workspace import Workspace
from esmcache_lsp.answers import graph_to_json, lookup_to_json, packages_to_json, statistics_to_json
from esmcache_lsp.convert import path_from_uri
from esmcache_lsp.session import Session
from esmcache_lsp.workers import ProcessEnded

T = TypeVar("T")


def register(server: LanguageServer, session: Session) -> None:
    """Register the requests."""

    @server.feature("esmcache/lookup")
    async def lookup(params: Any) -> dict[str, Any]:
        return lookup_to_json(await _asked(session.ask(Workspace.lookup, _path(params))))

    @server.feature("esmcache/stats")
    async def stats(params: Any) -> dict[str, Any]:
        return statistics_to_json(await _asked(session.use_cache(Cache.statistics)))

    @server.feature("esmcache/graph")
    async def graph(params: Any) -> dict[str, Any]:
        path = _path(params) if isinstance(params, dict) and params.get("uri") is not None else None
        return graph_to_json(await _asked(session.ask(Workspace.graph, path, session.folders)))

    @server.feature("esmcache/modules")
    async def modules(params: Any) -> dict[str, Any]:
        return packages_to_json(await _asked(session.ask(Workspace.packages, session.folders)))


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (CacheError, ProcessEnded) as error:
        raise JsonRpcException(str(error)) from None


def _path(params: object) -> str:
    uri = params.get("uri") if isinstance(params, dict) else None
    path = path_from_uri(uri) if isinstance(uri, str) else None
    if path is None:
        raise JsonRpcInvalidParams("uri: a file: URI is needed")
    return path
