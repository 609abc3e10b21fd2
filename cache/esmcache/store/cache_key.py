"""Makes cache keys by hashing named ingredients; `explain` prints the same list of ingredients that is hashed."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

# Increase this whenever analysis gives other records for the same source.
ANALYSIS_VERSION = 4
BMES_VERSION = 1


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A digest (64 hex digits), and the `(name, value)` ingredients that were hashed."""

    digest: str
    ingredients: tuple[tuple[str, str], ...]


def record_key(module_kind: str, source_sha256: bytes) -> CacheKey:
    """Return the key of a module record; records do not depend on the engine, so all engines share them."""
    return _key(
        ("format", f"bmes-{BMES_VERSION}"),
        ("analysis", str(ANALYSIS_VERSION)),
        ("kind", module_kind),
        ("source", source_sha256.hex()),
    )


def code_cache_key(engine_tag: str, module_kind: str, source_sha256: bytes) -> CacheKey:
    """Return the key of a code cache, which only the engine build that made it can read."""
    return _key(("engine", engine_tag), ("kind", module_kind), ("source", source_sha256.hex()))


def code_cache_place(engine_tag: str, module_kind: str, source_sha256: bytes, content_sha256: bytes) -> str:
    """Return the place of a code cache below code/: a directory and a file.

    An engine does not give the same bytes each time it compiles a source. So each code cache has a file of its own, and
    writing one never replaces another that a row of the index describes.
    """
    ingredients = code_cache_key(engine_tag, module_kind, source_sha256).ingredients
    name = _key(*ingredients, ("content", content_sha256.hex())).digest
    return f"{name[:2]}/{name}"


def _key(*ingredients: tuple[str, str]) -> CacheKey:
    text = "\n".join(f"{name}={value}" for name, value in ingredients)
    return CacheKey(sha256(text.encode()).hexdigest(), ingredients)
