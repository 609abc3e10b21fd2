"""Starts programs with the cache: the installed hook, the start itself, and warming in the background."""
