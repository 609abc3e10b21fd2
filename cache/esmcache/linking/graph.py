"""The interface of the module graph that linking works on, and the values that linking returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from esmcache.diagnostics import DiagnosticKind
from esmcache.records import ExportEntry, ImportName, ModuleRecord, ModuleRequest
from esmcache.spans import Span


class LinkingGraph(Protocol):
    """The module graph that linking works on; its answers must not change during a call of a linking function."""

    def record(self, url: str) -> ModuleRecord | None:
        """Return a module's record, or None if its exports are not known (CommonJS, builtin, unreadable, …)."""

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        """Return the URL that the module's request resolves to, or None if it was not resolved."""


class Unlinked(Enum):
    """The reason why a name has no binding although it may be exported."""

    AMBIGUOUS = "ambiguous"  # two `export *` lead to different bindings
    UNKNOWN = "unknown"  # the search reached a module whose exports are not known


@dataclass(frozen=True, slots=True)
class ResolvedBinding:
    """ECMA-262's ResolvedBinding Record.

    `binding_name` is `a` for `export {a as b}`, and ImportName.NAMESPACE_OBJECT for `export * as b from 'module'`.
    `entry` is the module's local export entry. It is None for a namespace, whose entry is in the last step.
    """

    module: str
    binding_name: str | ImportName
    entry: ExportEntry | None


@dataclass(frozen=True, slots=True)
class ExportStep:
    """One step of a chain of re-exports: the indirect or star export entry that was followed, and its module's URL."""

    url: str
    entry: ExportEntry


@dataclass(frozen=True, slots=True)
class ExportResolution:
    """The result for a name (None: not exported) and the re-exports that lead to it, or to the end of the search.

    `candidates` are the two bindings of an ambiguity. If the result is UNKNOWN, they are the binding that another
    `export *` leads to, if any.
    """

    result: ResolvedBinding | Unlinked | None
    steps: tuple[ExportStep, ...] = ()
    candidates: tuple[ResolvedBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedNames:
    """A module's own names, then those of its `export *`; incomplete if the module of an `export *` is not known."""

    names: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class LinkProblem:
    """One entry of a module that cannot be linked: `target_url` does not export `name`, or exports it ambiguously.

    `resolution` is the resolution of `name` in `target_url`.
    """

    kind: DiagnosticKind
    span: Span
    name: str
    target_url: str
    resolution: ExportResolution


def target_of(graph: LinkingGraph, url: str, entry: ExportEntry) -> str | None:
    """Return the URL of the module that an entry re-exports from, or None if that is not known."""
    return None if entry.module_request is None else graph.resolved_url(url, entry.module_request)
