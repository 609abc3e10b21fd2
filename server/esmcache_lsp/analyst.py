"""The process that holds the texts and trees of open documents and answers questions about them.

Parsing holds Python's lock, so none of it may be done where the event loop is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from esmcache.engine.errors import EngineError
from esmcache.engine.facade import Engine
from esmcache.engine.workspace.workspace import Workspace
from esmcache.spans import ColumnUnit
from esmcache_lsp.settings import EngineChoices


@dataclass(slots=True)
class _Process:
    """This process's own; the workspace is made anew where the cache below it was removed."""

    choices: EngineChoices = field(default_factory=EngineChoices)
    unit: ColumnUnit = ColumnUnit.UTF16
    engine: Engine | None = None
    workspace: Workspace | None = None

    def current(self) -> Workspace:
        if self.engine is None:
            self.engine = self.choices.open()
        if self.workspace is None or not self.workspace.is_current:
            before = self.workspace
            self.workspace = Workspace(self.engine, self.unit, self.choices.project)
            if before is not None:
                self.workspace.take_documents(before)
        return self.workspace


_process = _Process()


def begin(choices: EngineChoices, unit: ColumnUnit) -> None:
    """Begin this process's life."""
    _process.choices, _process.unit = choices, unit


def ask(question: Callable[[Workspace], Any]) -> Any:
    """Return the workspace's answer; raises EngineError.

    An index that turns out to be damaged was removed by then, so the question is asked once more.
    """
    try:
        return question(_process.current())
    except EngineError:
        return question(_process.current())
