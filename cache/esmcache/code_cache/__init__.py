"""Source texts to V8 code caches, by Node workers that compile and never run anything.

Knows neither where caches are kept nor how a runner is served; another engine would be a pool beside this one.
"""

from esmcache.code_cache.builtin_exports import builtin_exports
from esmcache.code_cache.client import CompilePool
from esmcache.code_cache.messages import CompileKind, CompileTask
from esmcache.code_cache.node_build import NodeMissing, describe_node, find_node, unless_untested, v8_tag

__all__ = [
    "CompileKind",
    "CompilePool",
    "CompileTask",
    "NodeMissing",
    "builtin_exports",
    "describe_node",
    "find_node",
    "unless_untested",
    "v8_tag",
]
