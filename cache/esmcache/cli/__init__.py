"""The command line: arguments in, one call of the cache, text out. It must not compute anything itself."""
