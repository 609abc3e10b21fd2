"""The one exception that leaves the engine."""


class EngineError(Exception):
    """What was asked for cannot be done at all; the message is one clear line for a person."""


class EngineMissing(EngineError):
    """There is no Node that can be served; analysis goes on without."""
