"""Code caches in the store: how writers of the same source stay out of each other's way."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from esmcache.store.code_caches import CodeCacheStore


def test_another_code_cache_of_the_same_source_replaces_no_file(tmp_path: Path) -> None:
    """An engine gives other bytes each time, and a killed writer leaves a file that no row describes."""
    source = sha256(b"export default 1;").digest()
    kept = CodeCacheStore(tmp_path).write("node-v24", "module", source, b"of the first process", 0)
    CodeCacheStore(tmp_path).write("node-v24", "module", source, b"of a process that is killed now", 0)
    assert CodeCacheStore(tmp_path).proven(kept) is not None
