"""The processes that write the cache: one for what is saved, one, of low priority, for whole workspaces."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from ctypes import Array, c_byte, c_longlong
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmcache.build.save import Update
from esmcache.build.warm import WarmReport
from esmcache.cache import Cache
from esmcache.settings import ProjectSettings
from esmcache_lsp.settings import CacheChoices, NotTrusted
from esmcache_lsp.workers import CONTEXT

_POLITE = 10


class Stopped(Exception):
    """A warm was cancelled; nothing that it had not published yet is served."""


class Progress:
    """How far a warm has come, shared between processes, and whether it is to stop."""

    def __init__(self) -> None:
        # Without locks, which would be left behind by a process that is killed; one process writes, another looks.
        self.stopped: c_byte = CONTEXT.RawValue("b", 0)
        self.counts: Array[c_longlong] = CONTEXT.RawArray("q", 2)

    def note(self, stage: str, done: int, total: int) -> None:
        """Say how far the warm has come; raises Stopped."""
        if self.stopped.value:
            raise Stopped
        self.counts[0], self.counts[1] = done, total


@dataclass(slots=True)
class _Process:
    choices: CacheChoices = field(default_factory=CacheChoices)
    progress: Progress | None = None
    cache: Cache | None = None

    def current(self) -> Cache:
        if self.cache is None:
            self.cache = self.choices.open()
        return self.cache


_process = _Process()


def begin(choices: CacheChoices, progress: Progress | None) -> None:
    """Begin this process's life; one that has `progress` to tell is of low priority."""
    _process.choices, _process.progress = choices, progress
    if progress is not None:
        os.nice(_POLITE)


def ask(question: Callable[[Cache], Any]) -> Any:
    """Return the cache's answer; raises CacheError."""
    return question(_process.current())


def _writer() -> Cache:
    """Return the cache that may take something of the workspace into the cache; raises CacheError."""
    if not _process.choices.is_trusted:
        raise NotTrusted
    return _process.current()


def update(paths: Sequence[str], conditions: Sequence[str]) -> Update:
    """Bring what is cached of saved files up to date; raises CacheError."""
    return _writer().update([Path(path) for path in paths], conditions)


def warm(paths: Sequence[str], settings: ProjectSettings) -> WarmReport:
    """Warm files and folders, telling how far that has come; raises CacheError and Stopped."""
    note: Any = (lambda stage, done, total: None) if _process.progress is None else _process.progress.note
    return _writer().warm([Path(path) for path in paths], note, settings=settings)


def warm_entries(paths: Sequence[str], conditions: Sequence[str]) -> WarmReport:
    """Warm entry points under the conditions that they were warmed with before; raises CacheError."""
    return _writer().warm([Path(path) for path in paths], conditions=conditions)
