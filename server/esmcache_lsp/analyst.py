"""The process that holds the texts and trees of open documents and answers questions about them.

Parsing holds Python's global interpreter lock, so it must not run in the process of the event loop.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from esmcache.cache import Cache
from esmcache.errors import CacheError
from esmcache.ide.values import Finding
from esmcache.ide.workspace import Workspace
from esmcache.spans import ColumnUnit
from esmcache_lsp.settings import CacheChoices, NotTrusted

# The shortest time between two attempts to open a cache that could not be used. Each attempt is made by a question.
_BETWEEN_TRIALS_S = 2.0


class _WithoutCache(Workspace):
    """A workspace without the user's cache: it analyses files with an index elsewhere, and reports no cache states."""

    refusal: CacheError

    def findings(self, path: str, *, with_cycles: bool = False, with_cache: bool = True) -> list[Finding]:
        return super().findings(path, with_cycles=with_cycles, with_cache=False)

    def _refused(self, *_: object, **__: object) -> NoReturn:
        raise self.refusal

    state = lookup = explain = graph = packages = cache_directory = _refused


@dataclass(slots=True)
class _Process:
    """The state of this process. The workspace is replaced when its cache directory was removed."""

    choices: CacheChoices = field(default_factory=CacheChoices)
    unit: ColumnUnit = ColumnUnit.UTF16
    cache: Cache | None = None
    workspace: Workspace | None = None
    tried_at: float = 0.0

    def current(self) -> Workspace:
        before = self.workspace
        if before is not None and _is_current(before):
            is_best = not isinstance(before, _WithoutCache) or not self.choices.is_trusted
            if is_best or time.monotonic() < self.tried_at + _BETWEEN_TRIALS_S:
                return before
        self.tried_at = time.monotonic()
        try:
            if not self.choices.is_trusted:
                raise NotTrusted
            if self.cache is None:
                self.cache = self.choices.open()
            self.workspace = Workspace(self.cache, self.unit, self.choices.project)
        except CacheError as error:
            if isinstance(before, _WithoutCache) and _is_current(before):
                return before
            self.workspace = self.without_cache(error)
        if before is not None:
            self.workspace.take_documents(before)
        return self.workspace

    def without_cache(self, refusal: CacheError) -> Workspace:
        """Return a workspace to use while the cache cannot or must not be used.

        Args:
            refusal: The reason why the user's cache is not used.

        Raises:
            CacheError: If a cache elsewhere cannot be opened, either.
        """
        elsewhere = Path(tempfile.gettempdir()) / f"esmcache-{os.getuid()}"
        try:
            cache = replace(self.choices, cache_dir=str(elsewhere)).open()
            workspace = _WithoutCache(cache, self.unit, self.choices.project)
        except CacheError as error:
            # The user can correct the cache's error. An untrusted workspace has no such error, so this one is raised.
            raise (error if isinstance(refusal, NotTrusted) else refusal) from None
        workspace.refusal = refusal
        return workspace


def _is_current(workspace: Workspace) -> bool:
    try:
        return workspace.is_current
    except CacheError:
        return False


_process = _Process()


def begin(choices: CacheChoices, unit: ColumnUnit) -> None:
    """Set this process's settings."""
    _process.choices, _process.unit = choices, unit


def ask(question: Callable[[Workspace], Any]) -> Any:
    """Return the workspace's answer.

    A damaged index has been removed by the time of the first CacheError, so the question is asked a second time.

    Raises:
        CacheError: If the second attempt fails, too.
    """
    try:
        return _ask_once(question)
    except CacheError:
        return _ask_once(question)


def _ask_once(question: Callable[[Workspace], Any]) -> Any:
    workspace = _process.current()
    with workspace.guarded():
        return question(workspace)
