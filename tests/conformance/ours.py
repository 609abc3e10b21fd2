"""esmcache's reading of a module, in the form of each reference that it is compared with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.verdicts import Facet, Verdict, frozen_attributes
from esmcache.analysis import Analysis, analyse_module
from esmcache.records import CallKind, ImportAttribute, ModuleRequest


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
        record = self.analysis.record
        match facet:
            case "requests":
                return tuple(dict.fromkeys(_request(request) for request in record.requested_modules))
            case "has_tla":
                return record.has_tla
            case "dynamic":
                calls = (call for call in record.calls if call.kind is CallKind.IMPORT)
                return tuple((_text(call.specifier), _attributes(call.attributes)) for call in calls)
        raise KeyError(facet)


def read_files(files: Sequence[Path]) -> list[OurReading]:
    """Return our reading of each file, from the command line and from the analysis itself."""
    command = [sys.executable, "-m", "esmcache", "analyze", "--json", "-"]
    names = "".join(f"{file}\n" for file in files)
    done = subprocess.run(command, input=names.encode(), capture_output=True, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"esmcache failed: {done.stderr[-2000:].decode(errors='replace')}")
    # Only newlines end a line, since names may contain U+2028.
    lines = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    if len(lines) != len(files):
        raise RuntimeError(f"esmcache answered {len(lines)} of {len(files)} files")
    return [OurReading(line, analyse_module(file.read_bytes())) for line, file in zip(lines, files, strict=True)]


def _request(request: ModuleRequest) -> tuple[object, ...]:
    return _text(request.specifier), _attributes(request.attributes), request.phase.value


def _attributes(attributes: Iterable[ImportAttribute]) -> tuple[tuple[str, str], ...]:
    return frozen_attributes({one.key: one.value for one in attributes})


def _text(text: str | None) -> str | None:
    """Return the text with U+FFFD for unpaired surrogates, as engines write it."""
    return text and text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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
