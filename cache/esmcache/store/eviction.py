"""The size limit: which entry points go, least recently used first, and what then nobody needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CalledFunctionsRow,
    CodeCacheRow,
    EntryPointRow,
    ModuleRow,
    PackEntryRow,
    PackRow,
    RequestRow,
    VerdictRow,
)


@dataclass(slots=True)
class EvictionPlan:
    """What is to be removed, by name."""

    manifests: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    code_cache_entries: list[str] = field(default_factory=list)
    blob_keys: list[str] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)


class Budget:
    """Plans what to remove so that the cache takes at most `max_size` bytes."""

    def __init__(self, index: Index, max_size: int) -> None:
        self._index = index
        self._max_size = max_size

    def plan(self, used: int) -> EvictionPlan | None:
        """Return what to remove where `used` bytes are too many, else None."""
        if used <= self._max_size:
            return None
        entries = sorted(self._index.all(EntryPointRow), key=lambda row: row.used_at)
        modules = {row.url: row for row in self._index.all(ModuleRow)}
        members = {entry.manifest: [row.url for row in self._index.closure(entry.manifest)] for entry in entries}
        caches = list(self._index.all(CodeCacheRow))
        packed = list(self._index.all(PackEntryRow))
        blobs = {row.key: row for row in self._index.all(BlobRow)}
        blob_of = {row.source_sha256: row.blob_key for row in self._index.all(AnalysisRow) if row.blob_key}
        # Room for a while: else every warm that adds a little would evict again.
        target = self._max_size * 9 // 10
        plan = EvictionPlan()
        # Modules that no entry point reaches go first, then entry points one by one.
        for gone in range(len(entries) + 1):
            kept_entries = entries[gone:]
            live = {url for entry in kept_entries for url in members[entry.manifest]}
            hashes = {modules[url].source_sha256 for url in live if url in modules}
            tags = {entry.engine_tag for entry in kept_entries}
            plan = EvictionPlan(
                manifests=[entry.manifest for entry in entries[:gone]],
                urls=[url for url in modules if url not in live],
                hashes=sorted({row.source_sha256 for row in modules.values()} - hashes),
                code_cache_entries=[row.entry for row in caches if row.url not in live or row.engine_tag not in tags],
                blob_keys=[key for key in blobs if key not in {blob_of.get(digest) for digest in hashes}],
                packs=sorted({row.pack for row in packed} - _needed_packs(packed, hashes)),
            )
            if used - self._freed(plan, caches, packed, blobs) <= target:
                break
        return plan

    def forget(self, plan: EvictionPlan) -> None:
        """Remove the plan's rows; the caller holds a transaction."""
        self._index.remove(EntryPointRow, "manifest", plan.manifests)
        for manifest in plan.manifests:
            self._index.remove_entry_modules(manifest)
        self._index.remove(ModuleRow, "url", plan.urls)
        self._index.remove(RequestRow, "url", plan.urls)
        self._index.remove(CodeCacheRow, "entry", plan.code_cache_entries)
        self._index.remove(BlobRow, "key", plan.blob_keys)
        self._index.remove(AnalysisRow, "source_sha256", plan.hashes)
        self._index.remove(VerdictRow, "source_sha256", plan.hashes)
        self._index.remove(CalledFunctionsRow, "source_sha256", plan.hashes)
        self._index.remove(PackEntryRow, "pack", plan.packs)
        self._index.remove(PackRow, "pack", plan.packs)

    def _freed(
        self,
        plan: EvictionPlan,
        caches: list[CodeCacheRow],
        packed: list[PackEntryRow],
        blobs: dict[str, BlobRow],
    ) -> int:
        entries, packs = set(plan.code_cache_entries), set(plan.packs)
        return (
            sum(row.size for row in caches if row.entry in entries)
            + sum(row.length for row in packed if row.pack in packs)
            + sum(blobs[key].size for key in plan.blob_keys)
        )


def _needed_packs(packed: list[PackEntryRow], hashes: set[bytes]) -> set[str]:
    return {row.pack for row in packed if row.source_sha256 in hashes}
