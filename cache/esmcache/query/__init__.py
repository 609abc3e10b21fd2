"""Answers questions without changing the cache: what it holds of a module, why, and how much of a folder."""
