"""The module graph as a warm finds it: one `GraphModule` a file, with its requests and Node's answers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntFlag

from esmcache.diagnostics import Diagnostic
from esmcache.records import (
    ImportAttribute,
    ModuleFormat,
    Phase,
    Resolution,
    ResolutionFailure,
    ResolutionInput,
)
from esmcache.serving.manifest import FileFact, ServedKind
from esmcache.spans import Span

# Why a module is left to Node that the engine refuses, in the index and for a person.
SYNTAX_ERROR = "syntax error"
# And why one is that the index and the manifests could not name.
NOT_UTF8 = "its path is not UTF-8, so it is left to Node"


class Asked(IntFlag):
    """Who asks for a module; the lower three bits are a manifest's."""

    IMPORT = 1
    REQUIRE = 2
    WHILE_RUNNING = 4
    WORKER = 8


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One specifier as a module asks for it."""

    specifier: str
    asked: Asked
    attributes: tuple[ImportAttribute, ...] = ()
    span: Span | None = None
    phase: Phase = Phase.EVALUATION


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a module that a person should know; line and column are one-based, 0: unknown."""

    path: str
    code: str
    message: str
    line: int = 0
    column: int = 0
    is_error: bool = True


@dataclass(slots=True)
class GraphModule:
    """A file that a program can load.

    `module_format` is Node's, None until the engine has said what a file without "type" is. `kind` is how a
    runner answers for it, and `native_because` why Node loads it itself where that is so.
    """

    url: str
    path: str
    module_format: ModuleFormat | None
    format_is_detected: bool = False
    is_root: bool = False
    root_inputs: tuple[ResolutionInput, ...] = ()
    kind: ServedKind = ServedKind.NATIVE
    native_because: str = ""
    fact: FileFact | None = None
    source: bytes | None = None
    requests: tuple[GraphRequest, ...] = ()
    answers: list[Resolution | ResolutionFailure] = field(default_factory=list)
    diagnostics: tuple[Diagnostic, ...] = ()
    package_root: str = ""

    @property
    def has_syntax_error(self) -> bool:
        """Return whether the engine refuses it."""
        return self.native_because == SYNTAX_ERROR

    def leave_native(self, reason: str) -> None:
        """Have Node load this module itself, because of `reason`."""
        self.kind = ServedKind.NATIVE
        self.native_because = reason


def is_utf8(text: str) -> bool:
    """Return whether a URL or path can be written as UTF-8; others are left to Node."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def load_order(roots: Iterable[GraphModule], graph: Mapping[str, GraphModule]) -> list[GraphModule]:
    """Return all that the roots reach, in the order in which Node loads it: each module before what it requests."""
    found: dict[str, GraphModule] = {}
    stack = list(roots)[::-1]
    while stack:
        module = stack.pop()
        if module.url in found:
            continue
        found[module.url] = module
        targets = [graph.get(a.resolved_url) for a in module.answers if isinstance(a, Resolution)]
        stack += [target for target in reversed(targets) if target is not None and target.url not in found]
    return list(found.values())
