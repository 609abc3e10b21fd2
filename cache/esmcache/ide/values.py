"""The values in which a workspace answers: places in lines and columns of the unit that the editor counts in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from esmcache.diagnostics import Severity
from esmcache.query.lookup import CacheState
from esmcache.spans import Position


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` up to `end`."""

    start: Position
    end: Position


START = Range(Position(0, 0), Position(0, 0))


@dataclass(frozen=True, slots=True)
class Place:
    """A range in the file at `url`."""

    url: str
    range: Range


@dataclass(frozen=True, slots=True)
class RelatedPlace:
    """A second place that explains a finding."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Insertion:
    """A text that is to be put at a place."""

    position: Position
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic of a module; `replacement` is a text that would mend what is at `range`, '' for none.

    `insertion` is a text that has to stand somewhere else, too, or alone.
    """

    code: str
    severity: Severity
    message: str
    range: Range
    related: tuple[RelatedPlace, ...] = ()
    replacement: str = ""
    insertion: Insertion | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A specifier without its quotes, and what it resolves to (None: nothing that is a file)."""

    range: Range
    specifier: str
    target_url: str | None


@dataclass(frozen=True, slots=True)
class Definition:
    """Where what stands at `range` is defined."""

    range: Range
    place: Place


@dataclass(frozen=True, slots=True)
class SpecifierFacts:
    """What is known of the module that a specifier names; sizes in bytes, 0 where there is nothing.

    `conditions` are those that choose among a package's targets, none for a relative specifier. `resolved_url` is ''
    where `error` says why. `reached` and `reached_bytes` count what is statically imported through it, itself included.
    """

    range: Range
    specifier: str
    conditions: tuple[str, ...]
    resolved_url: str = ""
    error: str = ""
    module_format: str = ""
    package: str = ""
    state: CacheState | None = None
    key: str = ""
    source_size: int = 0
    record_size: int = 0
    code_cache_size: int = 0
    reached: int = 0
    reached_bytes: int = 0


@dataclass(frozen=True, slots=True)
class NameFacts:
    """Where an imported or exported name comes from; `steps` are the re-exports on the way.

    `origin` is None where it is not known, and `problem` says why.
    """

    range: Range
    name: str
    origin: Place | None
    binding_name: str
    steps: tuple[Place, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class ModuleState:
    """What the cache knows of a module and of all that it statically reaches.

    `engine_version` is that of the Node that is compiled for, '' where there is none.
    """

    url: str
    state: CacheState
    not_served_because: str
    modules: int
    bytes: int
    engine_version: str


@dataclass(frozen=True, slots=True)
class ImportWeight:
    """What the import at `range`, that of its specifier, pulls in."""

    range: Range
    modules: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text to be put in place of a range, or (None) of all there is."""

    range: Range | None
    new_text: str


class NodeKind(Enum):
    """What a module in a graph is."""

    MODULE = "module"
    COMMONJS = "commonjs"
    JSON = "json"
    BUILTIN = "builtin"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A module in a graph; `state` is "native" where a runner loads it itself."""

    url: str
    name: str
    package: str
    kind: NodeKind
    state: str
    bytes: int
    in_cycle: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Modules and who imports whom, as `(importer, imported, only while running)` by their places in `nodes`."""

    root: str | None
    nodes: Sequence[GraphNode]
    edges: Sequence[tuple[int, int, bool]]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class PackageModules:
    """The cached modules of one package; sizes in bytes."""

    name: str
    version: str
    root: str
    is_workspace: bool
    modules: list[tuple[GraphNode, int]] = field(default_factory=list)
