"""The processes that write the cache: one for saved files, and one of low priority for whole workspaces."""

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
    """A warm was cancelled; what it had not published by then is not served."""


class Progress:
    """The progress of a warm and a flag that stops it, in memory shared between processes."""

    def __init__(self) -> None:
        # Raw values have no locks, since a killed process would never release one. One process writes, the other reads.
        self.stopped: c_byte = CONTEXT.RawValue("b", 0)
        self.counts: Array[c_longlong] = CONTEXT.RawArray("q", 2)

    def note(self, stage: str, done: int, total: int) -> None:
        """Publish the progress of the warm.

        Args:
            stage: The name of what is counted, which is not published.

        Raises:
            Stopped: If the warm was cancelled.
        """
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
    """Set this process's settings.

    Args:
        progress: Gets the progress of warms. A process that has one gets a low priority.
    """
    _process.choices, _process.progress = choices, progress
    if progress is not None:
        os.nice(_POLITE)


def ask(question: Callable[[Cache], Any]) -> Any:
    """Return the cache's answer.

    Raises:
        CacheError: If the cache cannot be opened, or has no answer.
    """
    return question(_process.current())


def _writer() -> Cache:
    """Return the cache for a change.

    Raises:
        NotTrusted: If the workspace is not trusted.
        CacheError: If the cache cannot be opened.
    """
    if not _process.choices.is_trusted:
        raise NotTrusted
    return _process.current()


def update(paths: Sequence[str], conditions: Sequence[str]) -> Update:
    """Update the cache for saved files.

    Raises:
        CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
    """
    return _writer().update([Path(path) for path in paths], conditions)


def warm(paths: Sequence[str], settings: ProjectSettings) -> WarmReport:
    """Warm files and folders and publish the progress.

    Raises:
        CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
        Stopped: If the warm was cancelled.
    """
    note: Any = (lambda stage, done, total: None) if _process.progress is None else _process.progress.note
    return _writer().warm([Path(path) for path in paths], note, settings=settings)


def warm_entries(paths: Sequence[str], conditions: Sequence[str]) -> WarmReport:
    """Warm entry points under the conditions of their earlier warm.

    Raises:
        CacheError: If the workspace is not trusted, no Node can be served, or the cache cannot be used.
    """
    return _writer().warm([Path(path) for path in paths], conditions=conditions)
