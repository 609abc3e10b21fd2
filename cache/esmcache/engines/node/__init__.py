"""Source texts to V8 code caches, by Node workers that compile and never run anything.

Knows neither where caches are kept nor how a runner is served; another engine would be a pool beside this one.
"""

from esmcache.engines.node.builtin_exports import builtin_exports
from esmcache.engines.node.compile_pool import CompilePool
from esmcache.engines.node.describe_node import NodeMissing, describe_node, find_node, unless_untested, v8_tag
from esmcache.engines.node.messages import CompileKind, CompileTask

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
