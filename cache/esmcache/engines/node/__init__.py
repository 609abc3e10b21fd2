"""Source texts to V8 code caches, by Node workers that compile code and never run it.

It must not know where code caches are stored or how a runner is served. Another engine would be a package beside it.
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
