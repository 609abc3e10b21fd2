"""esmcache: analysed and compiled ES modules, kept from one start to the next.

The public names, for Python programs; `esmcache.Cache` has all of them on one open cache.

    import esmcache

    esmcache.warm(["app.mjs"])              # analyse, compile and store a program
    esmcache.generate("lib/a.js")           # the cache of one module, by path or file: URL
    esmcache.lookup("file:///p/lib/a.js")   # what is kept of it: fresh, stale or cold
    esmcache.decode(data)                   # BMES bytes to values; esmcache.validate(data) says how far they hold
    esmcache.inspect("a.cache")             # what a BMES file consists of
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esmcache.api import generate, inspect, lookup, warm
    from esmcache.bmes import BmesFile, Damage, Validation, ValidationLevel, decode, validate
    from esmcache.build.single_module import Inspection
    from esmcache.build.warm import WarmReport
    from esmcache.cache import Cache
    from esmcache.errors import CacheError
    from esmcache.query.lookup import CacheState, Lookup

    Engine = Cache
    EngineError = CacheError

__all__ = [
    "BmesFile",
    "Cache",
    "CacheError",
    "CacheState",
    "Damage",
    "Inspection",
    "Lookup",
    "Validation",
    "ValidationLevel",
    "WarmReport",
    "decode",
    "generate",
    "inspect",
    "lookup",
    "validate",
    "warm",
]

# Imported on first use, so that a start of `esmcache run` does not wait for all of it.
_HOMES = {
    "BmesFile": "bmes",
    "Cache": "cache",
    "CacheError": "errors",
    "CacheState": "query.lookup",
    "Damage": "bmes",
    "Inspection": "build.single_module",
    "Lookup": "query.lookup",
    "Validation": "bmes",
    "ValidationLevel": "bmes",
    "WarmReport": "build.warm",
    "decode": "bmes",
    "generate": "api",
    "inspect": "api",
    "lookup": "api",
    "validate": "bmes",
    "warm": "api",
}

# Names of the last release; the next one no longer has them.
_OLD_NAMES = {"Engine": "Cache", "EngineError": "CacheError"}


def __getattr__(name: str) -> object:
    if name in _OLD_NAMES:
        warnings.warn(f"esmcache.{name} is now esmcache.{_OLD_NAMES[name]}", DeprecationWarning, stacklevel=2)
        name = _OLD_NAMES[name]
    if name not in _HOMES:
        raise AttributeError(f"module 'esmcache' has no attribute {name!r}")
    return getattr(importlib.import_module(f"esmcache.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
