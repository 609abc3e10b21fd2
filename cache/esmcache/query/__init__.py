"""Questions about the cache that change nothing: what it holds of a module, why, and how much of a folder."""
