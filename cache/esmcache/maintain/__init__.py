"""Keeping the cache sound and small: verify, statistics, the size limit, clearing, and what runners reported.

Knows how the files of a cache depend on one another, and nothing of how they are built.
"""
