"""The values that a workspace returns; places are lines and columns in the unit that the editor uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from esmcache.diagnostics import Severity
from esmcache.query.lookup import CacheState
from esmcache.spans import Position


@dataclass(frozen=True, slots=True)
class Range:
    """The text from `start` up to, but not including, `end`."""

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
    """A text to insert at a position."""

    position: Position
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic of a module; `replacement` is a text for `range` that fixes the problem, or ''.

    `insertion` is a text to insert elsewhere, in addition to `replacement` or as the only change.
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
    """A specifier without its quotes, and the file that it resolves to (None: no file)."""

    range: Range
    specifier: str
    target_url: str | None


@dataclass(frozen=True, slots=True)
class Definition:
    """The place of the definition of the text at `range`."""

    range: Range
    place: Place


@dataclass(frozen=True, slots=True)
class SpecifierFacts:
    """The facts about the module that a specifier names; sizes are in bytes, 0 if there is nothing.

    `conditions` are those that choose among a package's targets, none for a relative specifier. If `resolved_url` is
    '', `error` gives the reason. `reached` and `reached_bytes` count all modules that it statically reaches, including
    itself.
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
    """The origin of an imported or exported name; `steps` are the re-exports that lead to it.

    If `origin` is None, it is not known, and `problem` gives the reason.
    """

    range: Range
    name: str
    origin: Place | None
    binding_name: str
    steps: tuple[Place, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class ModuleState:
    """The cached state of a module, and the count and size of all modules that it statically reaches.

    `engine_version` is the version of the Node that code caches are made for, '' if there is no supported Node.
    """

    url: str
    state: CacheState
    modules: int
    bytes: int
    engine_version: str


@dataclass(frozen=True, slots=True)
class ImportWeight:
    """The count and size of all modules that an import loads; `range` is that of its specifier."""

    range: Range
    modules: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text that replaces a range, or the whole text if the range is None."""

    range: Range | None
    new_text: str


class NodeKind(Enum):
    """The kind of a module in a graph."""

    MODULE = "module"
    COMMONJS = "commonjs"
    JSON = "json"
    BUILTIN = "builtin"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A module in a graph."""

    url: str
    name: str
    package: str
    kind: NodeKind
    state: CacheState
    bytes: int
    in_cycle: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Modules and their imports, as `(importer, imported, only while running)`; both modules are indexes in `nodes`."""

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
