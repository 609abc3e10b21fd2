"""Keeping the cache sound and small: verify, statistics, the size limit, and clearing."""
