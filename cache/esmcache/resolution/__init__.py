"""Node's module resolution, with the facts of the file system that each answer rests on.

Knows nothing of sources, caches or who asks; it reads links, directories and package.json files only.
"""

from esmcache.resolution.resolver import DEFAULT_CONDITIONS, Resolver

__all__ = ["DEFAULT_CONDITIONS", "Resolver"]
