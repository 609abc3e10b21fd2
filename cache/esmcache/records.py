"""The values that travel between the parts of esmcache: ECMA-262's module records and Node's terms.

Frozen and free of behaviour beyond what can be derived from the fields; names are the specification's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from esmcache.spans import Span


class ImportName(Enum):
    """The values of [[ImportName]] that are not strings."""

    NAMESPACE_OBJECT = "namespace-object"  # import * as ns from 'a'
    ALL = "all"  # export * as ns from 'a'
    ALL_BUT_DEFAULT = "all-but-default"  # export * from 'a'


class Phase(Enum):
    """The phase that a request asks for; BMES v1 can say only EVALUATION."""

    EVALUATION = "evaluation"  # import x from 'a'
    SOURCE = "source"  # import source x from 'a'
    DEFER = "defer"  # import defer * as x from 'a'


class ModuleFormat(Enum):
    """Node's name for how a resolved file is loaded. WebAssembly is resolved, not cached."""

    MODULE = "module"
    COMMONJS = "commonjs"
    JSON = "json"
    WASM = "wasm"
    BUILTIN = "builtin"
    ADDON = "addon"
    MODULE_TYPESCRIPT = "module-typescript"
    COMMONJS_TYPESCRIPT = "commonjs-typescript"

    @property
    def is_typescript(self) -> bool:
        """Return whether Node strips types from such a file."""
        return self in (ModuleFormat.MODULE_TYPESCRIPT, ModuleFormat.COMMONJS_TYPESCRIPT)

    @property
    def without_types(self) -> ModuleFormat:
        """Return the format of a file of this format once its types are stripped."""
        return _WITHOUT_TYPES.get(self, self)

    @property
    def with_types(self) -> ModuleFormat:
        """Return the format of TypeScript whose text without types is of this format."""
        return _WITH_TYPES.get(self, self)


_WITHOUT_TYPES = {
    ModuleFormat.MODULE_TYPESCRIPT: ModuleFormat.MODULE,
    ModuleFormat.COMMONJS_TYPESCRIPT: ModuleFormat.COMMONJS,
}
_WITH_TYPES = {plain: typed for typed, plain in _WITHOUT_TYPES.items()}


@dataclass(frozen=True, slots=True)
class ImportAttribute:
    """`type: 'json'` in `import x from 'a' with {type: 'json'}`."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """`'a'` in `import x from 'a' with {type: 'json'}`; the span covers the specifier's quotes, too."""

    specifier: str
    attributes: tuple[ImportAttribute, ...] = ()
    phase: Phase = Phase.EVALUATION
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """`x` in `import {x as y} from 'a'`: import_name x, local_name y."""

    module_request: ModuleRequest
    import_name: str | ImportName
    local_name: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ExportEntry:
    """`x` in `export {x as y}` (local), `export {x as y} from 'a'` (indirect), `export * from 'a'` (star)."""

    export_name: str | None
    module_request: ModuleRequest | None
    import_name: str | ImportName | None
    local_name: str | None
    span: Span | None = field(default=None, compare=False)


class CallKind(Enum):
    """The kind of expression by which a running module requests another module."""

    IMPORT = "import"  # import('./a.js')
    REQUIRE = "require"  # require('./a.js'), require.resolve is not one
    WORKER = "worker"  # new Worker(new URL('./a.js', import.meta.url))


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """`import('./a.js')`, `require('./a.js')` or `new Worker(new URL('./a.js', import.meta.url))`.

    `specifier` is None where the argument is no string literal (a template without substitutions is one).
    """

    kind: CallKind
    specifier: str | None
    attributes: tuple[ImportAttribute, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """The static part of a Source Text Module Record; every tuple is in source order.

    `import {x} from 'a'; export {x}` is an indirect export entry; a re-exported namespace import
    (`import * as ns from 'a'; export {ns}`) is a local one, as in ECMA-262's ParseModule.
    """

    requested_modules: tuple[ModuleRequest, ...] = ()
    import_entries: tuple[ImportEntry, ...] = ()
    local_export_entries: tuple[ExportEntry, ...] = ()
    indirect_export_entries: tuple[ExportEntry, ...] = ()
    star_export_entries: tuple[ExportEntry, ...] = ()
    has_tla: bool = False
    calls: tuple[ModuleCall, ...] = ()

    @property
    def declared_requests(self) -> tuple[ModuleRequest, ...]:
        """Return the request of each import and export declaration; `requested_modules` has each specifier once.

        `import 'a'` and `export {} from 'a'` are missing if an earlier declaration requests the same module.
        """
        exports = (*self.indirect_export_entries, *self.star_export_entries)
        entries: tuple[ImportEntry | ExportEntry, ...] = (*self.import_entries, *exports)
        requests = (*self.requested_modules, *(entry.module_request for entry in entries))
        by_place = {one.span.start: one for one in requests if one is not None and one.span is not None}
        return tuple(by_place.values())

    @property
    def import_calls(self) -> tuple[ModuleCall, ...]:
        """Return the `import(…)` expressions."""
        return tuple(call for call in self.calls if call.kind is CallKind.IMPORT)


class InputKind(Enum):
    """The kind of fact about a path that a resolution rested on."""

    ABSENT = "absent"  # nothing is there
    DIRECTORY = "directory"  # a directory itself, no symbolic link to one
    FILE = "file"  # a regular file itself, whatever it holds
    SYMLINK = "symlink"  # a symbolic link with this very text
    PACKAGE_JSON = "package-json"  # a file whose content was read


@dataclass(frozen=True, slots=True)
class ResolutionInput:
    """One fact of the file system that an answer rests on.

    `detail` is a link's text, or the SHA-256 (hex) of a content that was read, or empty.
    """

    kind: InputKind
    path: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Node's answer to a request: a URL and the format that it gives to the loader (None: decided by the source).

    `inputs` is the same tuple object for answers that rest on the same facts. `warns`: Node emits a warning with its
    answer (DEP0128 an invalid `main`, DEP0151 an incomplete one, DEP0155 and DEP0166 slashes in `exports`).
    """

    resolved_url: str
    module_format: ModuleFormat | None
    inputs: tuple[ResolutionInput, ...] = field(default=(), compare=False)
    warns: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ResolutionFailure:
    """Node's error for a specifier: its code (`ERR_MODULE_NOT_FOUND`, …) and its message."""

    code: str
    message: str
    inputs: tuple[ResolutionInput, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class NodeBuild:
    """One Node executable, as it described itself; `engine_tag` names what its code caches depend on.

    `executable` is process.execPath, `v8_tag` is v8.cachedDataVersionTag() as an unsigned integer under
    default flags. `compile_cache_layout` tells whether the probe found the layout that we write, `typescript_layout`
    whether it did for TypeScript, and `keeps_stripped_text` whether Node keeps TypeScript's text without types.
    """

    executable: str
    version: str
    arch: str
    v8_version: str
    v8_tag: int
    supported: bool
    compile_cache_layout: bool
    reason: str = ""
    typescript_layout: bool = False
    keeps_stripped_text: bool = False

    @property
    def version_numbers(self) -> tuple[int, int, int]:
        """Return major, minor and patch of Node's version."""
        major, minor, patch = self.version.removeprefix("v").split("-")[0].split(".")[:3]
        return int(major), int(minor), int(patch)

    @property
    def strips_types(self) -> bool:
        """Return whether it runs TypeScript by default."""
        return self.version_numbers >= (22, 18, 0)

    @property
    def answers_load(self) -> bool:
        """Return whether its runner answers `load`, too, as hooks.cjs decides it (`ANSWERS_LOAD`)."""
        major, minor, patch = self.version_numbers
        first = {22: (22, 3), 24: (11, 1), 25: (1, 0)}.get(major)
        return major > 25 or (first is not None and (minor, patch) >= first)

    @property
    def answers_imported_commonjs(self) -> bool:
        """Return whether its runner answers with the source of imported CommonJS, too, as hooks.cjs decides it."""
        major, minor, _ = self.version_numbers
        return major > 26 or (major, minor) >= (26, 4) or (major == 24 and minor >= 18)

    @property
    def engine_tag(self) -> str:
        """Return the name that keys use, such as `node-v24.19.0-x64-1a2b3c4d`."""
        return f"node-{self.version}-{self.arch}-{self.v8_tag:08x}"


@dataclass(frozen=True, slots=True)
class Stripping:
    """How Node strips the types of a module: `times`, with the URL or the path that a comment at the end then names."""

    times: int
    source_url: str


@dataclass(frozen=True, slots=True)
class CompiledSource:
    """The result of compiling a source text: its code cache and, for modules, the engine's own list of requests.

    `stripped` are the texts that Node makes of TypeScript, one for each time that it strips types. Each ends with a
    comment that names the file; the last one is compiled.
    """

    code_cache: bytes
    requested_modules: tuple[ModuleRequest, ...]
    detected_kind: ModuleFormat | None = None  # MODULE or COMMONJS, where the engine was asked which it is
    stripped: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """A failure to compile a source text; lines and columns are one-based, UTF-16 (0: unknown).

    `is_syntax_error` is False if the engine did not judge the source: it ended, ran out of stack, or could not be
    started.
    """

    message: str
    line: int
    column: int
    is_syntax_error: bool = True
    detected_kind: ModuleFormat | None = None  # as in CompiledSource
    ended_engine: bool = False  # the engine's process ended over this source, even when it compiled nothing else
    error_code: str = ""  # Node's code of the error, such as ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX
    end: tuple[int, int] = (0, 0)  # line and column of the end of what is wrong
