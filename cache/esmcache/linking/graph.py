"""What linking asks of a graph of modules, and the values that its answers consist of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from esmcache.diagnostics import DiagnosticKind
from esmcache.records import ExportEntry, ImportName, ModuleRecord, ModuleRequest
from esmcache.spans import Span


class LinkingGraph(Protocol):
    """What linking asks of a graph; answers must not change while a question is being answered."""

    def record(self, url: str) -> ModuleRecord | None:
        """Return a module's record, or None if what it exports is not known (CommonJS, builtin, unreadable, …)."""

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        """Return the URL of what the module at `url` requests, or None if it was not resolved."""


class Unlinked(Enum):
    """Why a name has no binding although it may be exported."""

    AMBIGUOUS = "ambiguous"  # two `export *` lead to different bindings
    UNKNOWN = "unknown"  # the search came to a module whose exports are not known


@dataclass(frozen=True, slots=True)
class ResolvedBinding:
    """ECMA-262's ResolvedBinding Record.

    `binding_name` is `a` for `export {a as b}`, and ImportName.NAMESPACE_OBJECT for `export * as b from 'module'`.
    `entry` is the module's local export entry, None for a namespace: the last step has the entry that names it.
    """

    module: str
    binding_name: str | ImportName
    entry: ExportEntry | None


@dataclass(frozen=True, slots=True)
class ExportStep:
    """One hop of a chain of re-exports: the indirect or star export entry that was followed, and whose it is."""

    url: str
    entry: ExportEntry


@dataclass(frozen=True, slots=True)
class ExportResolution:
    """What a name resolves to (None: nothing) and the re-exports that lead there, or to where the search ended.

    `candidates` are the two bindings of an ambiguity; of an UNKNOWN, the binding that another `export *` leads to.
    """

    result: ResolvedBinding | Unlinked | None
    steps: tuple[ExportStep, ...] = ()
    candidates: tuple[ResolvedBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedNames:
    """A module's own names, then those of its stars; not complete where a star's module is not known."""

    names: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class LinkProblem:
    """One entry of a module that cannot be linked: `name` is not, or not clearly, exported by `target_url`.

    `resolution` is that of `name` in `target_url`.
    """

    kind: DiagnosticKind
    span: Span
    name: str
    target_url: str
    resolution: ExportResolution


def target_of(graph: LinkingGraph, url: str, entry: ExportEntry) -> str | None:
    """Return the URL of the module that an entry re-exports from, or None if that is not known."""
    return None if entry.module_request is None else graph.resolved_url(url, entry.module_request)
