"""The module graph as a warm finds it: one `GraphModule` for a file, with its requests and Node's answers to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntFlag

from esmcache.diagnostics import Diagnostic, DiagnosticKind
from esmcache.records import (
    ImportAttribute,
    ModuleFormat,
    Phase,
    Resolution,
    ResolutionFailure,
    ResolutionInput,
)
from esmcache.resolution.module_formats import TYPESCRIPT_SUFFIXES
from esmcache.serving.layout import ServedKind
from esmcache.serving.manifest import FileFact
from esmcache.spans import Span

# The reason for leaving TypeScript of packages to Node, which refuses it.
STRIPS_NO_PACKAGES = "Node strips no types below node_modules"
# The reason for leaving a module to Node that the engine refuses; it is stored in the index and shown to people.
SYNTAX_ERROR = "syntax error"
# The outcomes of a verdict, and the codes of a problem, if Node throws a SyntaxError when it loads the module.
UNSUPPORTED_TYPESCRIPT = DiagnosticKind.UNSUPPORTED_TYPESCRIPT_SYNTAX.code
REFUSALS = (DiagnosticKind.SYNTAX_ERROR.code, UNSUPPORTED_TYPESCRIPT)
# The code of the problem that an entry point or a Node is gone, of which starts have reported something.
GONE = "gone"
# The reason for leaving a module to Node whose path the index and the manifests cannot store.
NOT_UTF8 = "its path is not UTF-8, so it is left to Node"


_NO_MODULES = {
    ".json": "JSON",
    ".wasm": "WebAssembly",
    ".node": "a binary addon",
}


def why_no_module(path: str) -> str:
    """Return why a file has no module record by its name, in one line, or '' if it may be JavaScript or TypeScript."""
    what = _NO_MODULES.get(os.path.splitext(path)[1])
    return f"it is {what}, not JavaScript, so it has no module record" if what else ""


def is_typescript_name(path: str) -> bool:
    """Return whether a file is TypeScript by its name."""
    return path.endswith(TYPESCRIPT_SUFFIXES)


class Asked(IntFlag):
    """The ways in which a module is requested; the lower three bits are the same in a manifest."""

    IMPORT = 1
    REQUIRE = 2
    WHILE_RUNNING = 4
    WORKER = 8


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One specifier that a module requests, and how."""

    specifier: str
    asked: Asked
    attributes: tuple[ImportAttribute, ...] = ()
    span: Span | None = None
    phase: Phase = Phase.EVALUATION


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a module that a person should know; line and column are one-based, 0 if unknown.

    `suggestion` is the specifier that Node would resolve in place of the one that it does not, or ''.
    """

    path: str
    code: str
    message: str
    line: int = 0
    column: int = 0
    is_error: bool = True
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class ModuleWork:
    """The work of a warm or an export for one module; `native_because` is the reason if Node loads it itself."""

    path: str
    analysed: bool
    compiled: bool
    native_because: str


@dataclass(slots=True)
class GraphModule:
    """A file that a program can load.

    `module_format` is Node's format; it is None until the engine has decided what a file without "type" is. `kind` says
    how a runner serves the module. `native_because` says why Node loads it itself, if it does. `is_imported` tells, for
    TypeScript, whether the loader of ES modules strips its types, and not that of CommonJS.
    """

    url: str
    path: str
    module_format: ModuleFormat | None
    format_is_detected: bool = False
    is_root: bool = False
    root_inputs: tuple[ResolutionInput, ...] = ()
    kind: ServedKind = ServedKind.NATIVE
    native_because: str = ""
    is_imported: bool = False
    fact: FileFact | None = None
    source: bytes | None = None
    requests: tuple[GraphRequest, ...] = ()
    answers: list[Resolution | ResolutionFailure] = field(default_factory=list)
    diagnostics: tuple[Diagnostic, ...] = ()
    package_root: str = ""

    @property
    def is_typescript(self) -> bool:
        """Return whether Node strips types from the file; a `.ts` without "type" is TypeScript of unknown format."""
        if self.module_format is None:
            return self.path.endswith(".ts")
        return self.module_format.is_typescript

    @property
    def is_es_module(self) -> bool:
        """Return whether the file is known to be an ES module, with or without types."""
        return self.module_format is not None and self.module_format.without_types is ModuleFormat.MODULE

    @property
    def has_syntax_error(self) -> bool:
        """Return whether the engine refuses the module."""
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
    """Return all modules that the roots reach, in Node's loading order: each module before what it requests."""
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
