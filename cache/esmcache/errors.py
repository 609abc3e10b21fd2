"""The only exceptions that leave the cache."""


class CacheError(Exception):
    """A request cannot be fulfilled at all; the message is one clear line for a person."""


class NodeUnavailableError(CacheError):
    """There is no Node that can be served; analysis still works."""
