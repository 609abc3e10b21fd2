"""Converts places in packs to rows of the index, and back."""

from __future__ import annotations

from esmcache.serving.pack import PackedSource
from esmcache.store.rows import PackEntryRow


def packed_source(row: PackEntryRow) -> PackedSource:
    """Return the place that a row describes."""
    return PackedSource(row.pack, row.offset, row.length, row.checksum, bool(row.one_byte))


def pack_entry_row(source_sha256: bytes, place: PackedSource) -> PackEntryRow:
    """Return the row that describes a place."""
    return PackEntryRow(source_sha256, place.pack, place.offset, place.length, place.checksum, int(place.one_byte))
