"""The one exception that leaves the cache."""


class CacheError(Exception):
    """What was asked for cannot be done at all; the message is one clear line for a person."""


class NodeUnavailableError(CacheError):
    """There is no Node that can be served; analysis goes on without."""
