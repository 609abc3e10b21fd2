"""Counts the cached modules of folders by the files' fingerprints alone, which is quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esmcache.build.targets import find_targets
from esmcache.file_source import FileSource, file_url_from_path
from esmcache.query.lookup import CacheState, quick_state
from esmcache.settings import ProjectSettings
from esmcache.store.index import Index
from esmcache.store.rows import ModuleRow


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of a workspace's own modules in each state; `bytes` is the size of the whole cache.

    `engine` is '' where no supported Node was found, and `engine_missing` says why.
    """

    fresh: int
    stale: int
    cold: int
    native: int
    bytes: int
    engine: str
    engine_missing: str


def own_modules(folders: Sequence[str], settings: ProjectSettings | None) -> list[str]:
    """Return the paths of the modules that a warm of the folders finds, without installed packages."""
    targets = find_targets([Path(folder) for folder in folders], settings)
    paths = dict.fromkeys([*targets.entries, *targets.modules])
    return [path for path in paths if "/node_modules/" not in path]


def count_states(paths: Sequence[str], index: Index, files: FileSource) -> dict[CacheState, int]:
    """Return the number of modules in each state; `paths` are real paths."""
    urls = [file_url_from_path(path) for path in paths]
    rows = {row.url: row for row in index.where(ModuleRow, "url", urls)}
    states = [quick_state(files, rows[url]) if url in rows else CacheState.COLD for url in urls]
    return {state: states.count(state) for state in CacheState}
