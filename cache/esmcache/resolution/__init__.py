"""Node's module resolution, with the facts of the file system that each answer rests on.

It reads links, directories and package.json files, files without an extension only to recognise WebAssembly, and
tsconfig.json only for hints. It must not know source texts, caches or its callers.
"""

from esmcache.resolution.resolver import DEFAULT_CONDITIONS, Resolver

__all__ = ["DEFAULT_CONDITIONS", "Resolver"]
