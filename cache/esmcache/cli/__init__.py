"""The command line: arguments in, one call of the cache, text out; computes nothing."""
