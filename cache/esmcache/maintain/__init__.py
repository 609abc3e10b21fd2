"""Keeps the cache sound and small: verify, statistics, the size limit, clearing, and the reports of runners.

This package knows how the files of a cache depend on one another. It must not know how they are built.
"""
