"""esmcache's reading of a module, in the form of each reference that it is compared with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.inputs import Module
from conformance.verdicts import Facet, Verdict, frozen_attributes
from esmcache.analysis import Analysis, analyse_module
from esmcache.analysis.static_semantics import DEFAULT_BINDING
from esmcache.records import (
    CallKind,
    ExportEntry,
    ImportAttribute,
    ImportEntry,
    ImportName,
    ModuleRecord,
    ModuleRequest,
)

_NO_NODE = Path("/nowhere/node")


@dataclass(frozen=True, slots=True)
class OurReading:
    """A file's line of `esmcache analyze --json`, and the analysis, which contains more than the line."""

    said: Any
    analysis: Analysis

    @property
    def error(self) -> str | None:
        """Return the first error's message, or None."""
        error = self.said["error"]
        return error and f"{error['line']}:{error['column']}: {error['message']}"

    def verdict(self, facets: Iterable[str], reference: str) -> Verdict:
        """Return our verdict in the form of a reference, with the aspects that the reference reports."""
        if self.error is not None:
            return Verdict(self.error)
        return Verdict(None, {facet: self._facet(facet, reference) for facet in facets})

    def _facet(self, facet: str, reference: str) -> Facet:
        if reference == "JavaScriptCore":
            return _JSC_FACETS[facet](self)
        return _FACETS[facet](self.analysis.record)


def read_modules(modules: Sequence[Module], node: Path) -> list[OurReading]:
    """Return our reading of each module, from the command line and from the analysis itself.

    The command line reads TypeScript with its types, and the analysis the text without them. It reads JavaScript
    without a Node, whose errors would take the place of our own.
    """
    strips = any(module.typescript for module in modules)
    lines = analyze_lines([module.typescript or module.file for module in modules], node if strips else None)
    return [
        OurReading(line, analyse_module(module.file.read_bytes())) for line, module in zip(lines, modules, strict=True)
    ]


def analyze_lines(files: Sequence[Path], node: Path | None) -> list[Any]:
    """Return the line of `esmcache analyze --json` for each file.

    Args:
        node: The Node that `analyze` asks for errors; without one, it reports what it finds itself.
    """
    command = [sys.executable, "-m", "esmcache", "analyze", "--json", "-"]
    names = "".join(f"{file}\n" for file in files)
    environment = {**os.environ, "ESMCACHE_NODE": str(node.absolute() if node else _NO_NODE)}
    done = subprocess.run(command, input=names.encode(), capture_output=True, env=environment, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"esmcache failed: {done.stderr[-2000:].decode(errors='replace')}")
    # Only newlines end a line, since names may contain U+2028.
    lines = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    if len(lines) != len(files):
        raise RuntimeError(f"esmcache answered {len(lines)} of {len(files)} files")
    return lines


def _requests(record: ModuleRecord) -> Facet:
    return tuple(dict.fromkeys(_request(request) for request in record.requested_modules))


def _request(request: ModuleRequest) -> tuple[object, ...]:
    return _text(request.specifier), _attributes(request.attributes), request.phase.value


def _attributes(attributes: Iterable[ImportAttribute]) -> tuple[tuple[str, str], ...]:
    return frozen_attributes({one.key: one.value for one in attributes})


def _text(text: str | None) -> str | None:
    """Return the text with U+FFFD for unpaired surrogates, as engines write it."""
    return text and text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _dynamic(record: ModuleRecord) -> Facet:
    calls = (call for call in record.calls if call.kind is CallKind.IMPORT)
    return tuple((_text(call.specifier), _attributes(call.attributes)) for call in calls)


def _imported_names(record: ModuleRecord) -> Facet:
    entries: tuple[ImportEntry | ExportEntry, ...] = (*record.import_entries, *record.indirect_export_entries)
    return frozenset((_specifier(one), one.import_name) for one in entries if isinstance(one.import_name, str))


def _exported_names(record: ModuleRecord) -> Facet:
    return frozenset(one.export_name for one in (*record.local_export_entries, *record.indirect_export_entries))


def _star_specifiers(record: ModuleRecord) -> Facet:
    return frozenset(_specifier(one) for one in record.star_export_entries)


def _oxc_imports(record: ModuleRecord) -> Facet:
    return frozenset(
        (_specifier(one), _OXC_NAMES.get(one.import_name, one.import_name), one.local_name)
        for one in record.import_entries
    )


def _oxc_exports(record: ModuleRecord) -> Facet:
    entries = (*record.local_export_entries, *record.indirect_export_entries, *record.star_export_entries)
    return frozenset(
        (
            one.export_name,
            _specifier(one),
            _OXC_NAMES.get(one.import_name, one.import_name),
            # A value that is exported as default has no local name for oxc-parser.
            None if one.local_name == DEFAULT_BINDING else one.local_name,
        )
        for one in entries
    )


def _specifier(entry: ImportEntry | ExportEntry) -> str | None:
    return None if entry.module_request is None else _text(entry.module_request.specifier)


_OXC_NAMES: dict[str | ImportName | None, str] = {
    ImportName.NAMESPACE_OBJECT: "*NamespaceObject*",
    ImportName.ALL: "*All*",
    ImportName.ALL_BUT_DEFAULT: "*AllButDefault*",
}
# Of V8 and oxc-parser.
_FACETS: dict[str, Callable[[ModuleRecord], Facet]] = {
    "requests": _requests,
    "has_tla": lambda record: record.has_tla,
    "imported names": _imported_names,
    "exported names": _exported_names,
    "star specifiers": _star_specifiers,
    "imports": _oxc_imports,
    "exports": _oxc_exports,
    "dynamic": _dynamic,
}


def _jsc_requests(reading: OurReading) -> Facet:
    return tuple(_jsc_request(one["specifier"], "type" in one["attributes"]) for one in reading.said["requests"])


def _jsc_request(specifier: str, has_type: bool) -> str:
    # The engine prints the address of its fetch parameters and not their content; it makes some for `type` only.
    return f"module({_quoted(specifier)}),attributes({'some' if has_type else '(nil)'})"


def _jsc_imports(reading: OurReading) -> Facet:
    return frozenset(
        f"import({'starNamespace' if one['type'] == 'Namespace' else _quoted(one['importName'])}), "
        f"local({_quoted(one['localName'])}), module({_quoted(one['moduleRequest'])})"
        for one in reading.said["imports"]
    )


def _quoted(name: str) -> str:
    # The engine writes a name as a C string, so U+0000 ends it and drops the closing quote.
    return f"'{name}'".partition("\0")[0]


def _jsc_exports(reading: OurReading) -> Facet:
    return frozenset(_jsc_export(one) for one in reading.said["exports"])


def _jsc_export(one: Any) -> str:
    written = f"[{one['type']}] export({_quoted(one['exportName'])})"
    match one["type"]:
        case "Local":
            local = one["localName"]
            return f"{written}, local({'starDefault' if local == '*default*' else _quoted(local)})"
        case "Indirect":
            return f"{written}, import({_quoted(one['importName'])}), module({_quoted(one['moduleName'])})"
    return f"{written}, module({_quoted(one['moduleName'])})"


def _jsc_stars(reading: OurReading) -> Facet:
    return tuple(f"[Star] module({_quoted(star)})" for star in reading.said["stars"])


_JSC_FACETS = {
    "requests": _jsc_requests,
    "imports": _jsc_imports,
    "exports": _jsc_exports,
    "stars": _jsc_stars,
}
