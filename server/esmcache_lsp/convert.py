"""Conversion between our values and LSP's. Only this module knows both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from lsprotocol import types

from esmcache.diagnostics import Severity
from esmcache.file_source import path_from_file_url
from esmcache.ide.values import (
    START,
    Definition,
    Finding,
    ImportWeight,
    Link,
    Place,
    Range,
    TextChange,
)
from esmcache.spans import ColumnUnit, Position
from esmcache.wording import plural, printable_lines, size

SOURCE = "esmcache"
# The page that explains each diagnostic under its code. It is next to this file, or in the checkout's docs.
_DOCUMENTATION = next(
    (
        path.resolve().as_uri()
        for path in (
            Path(__file__).with_name("diagnostics.md"),
            Path(__file__).parents[2] / "docs" / "reference" / "diagnostics.md",
        )
        if path.exists()
    ),
    None,
)

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFORMATION: types.DiagnosticSeverity.Information,
    Severity.HINT: types.DiagnosticSeverity.Hint,
}
_UNITS = {
    types.PositionEncodingKind.Utf8: ColumnUnit.UTF8,
    types.PositionEncodingKind.Utf16: ColumnUnit.UTF16,
    types.PositionEncodingKind.Utf32: ColumnUnit.UTF32,
}


def path_from_uri(uri: str) -> str | None:
    """Return the path of a file: URI, or None for other URIs and for impossible paths."""
    scheme, _, rest = uri.partition(":")
    if scheme != "file":
        return None
    rest = rest.split("#", 1)[0].split("?", 1)[0]
    if rest.startswith("//"):
        host, _, rest = rest[2:].partition("/")
        if host not in ("", "localhost"):
            return None
        rest = f"/{rest}"
    try:
        path = os.fsdecode(unquote_to_bytes(rest))
    except UnicodeEncodeError:
        # JSON can hold an unpaired surrogate, which cannot be encoded.
        return None
    return path if path.startswith("/") and "\0" not in path else None


def uri_from_path(path: str) -> str:
    """Return the URI of a path, escaped as editors do it."""
    return f"file://{quote(os.fsencode(path))}"


def uri_from_url(url: str) -> str:
    """Return the URI of a module's URL, escaped as editors do it; other URLs than file: URLs stay unchanged."""
    path = path_from_file_url(url)
    return url if path is None else uri_from_path(path)


def unit_from_encoding(encoding: types.PositionEncodingKind | str | None) -> ColumnUnit:
    """Return the unit of columns in a position encoding; the default is UTF-16 code units."""
    return _UNITS.get(types.PositionEncodingKind(encoding or "utf-16"), ColumnUnit.UTF16)


def position_from_lsp(position: types.Position) -> Position:
    """Return our position."""
    return Position(position.line, position.character)


def range_from_lsp(range_: types.Range) -> Range:
    """Return our range."""
    return Range(position_from_lsp(range_.start), position_from_lsp(range_.end))


def change_from_lsp(change: types.TextDocumentContentChangeEvent) -> TextChange:
    """Return our change of a text."""
    if isinstance(change, types.TextDocumentContentChangePartial):
        return TextChange(range_from_lsp(change.range), change.text)
    return TextChange(None, change.text)


def range_to_lsp(range_: Range) -> types.Range:
    """Return LSP's range."""
    return types.Range(
        types.Position(range_.start.line, range_.start.column), types.Position(range_.end.line, range_.end.column)
    )


def location_from_place(place: Place) -> types.Location:
    """Return LSP's location."""
    return types.Location(uri_from_url(place.url), range_to_lsp(place.range))


@dataclass(frozen=True, slots=True)
class DiagnosticDetails:
    """The optional parts of diagnostics that the client can show."""

    related: bool = False
    description: bool = False


def diagnostic_from_finding(finding: Finding, severity: Severity, details: DiagnosticDetails) -> types.Diagnostic:
    """Return LSP's diagnostic; `data` holds its fix for code actions."""
    related, description = None, None
    if details.description and _DOCUMENTATION is not None:
        description = types.CodeDescription(f"{_DOCUMENTATION}#{finding.code}")
    if details.related and finding.related:
        related = [
            types.DiagnosticRelatedInformation(location_from_place(one.place), printable_lines(one.message))
            for one in finding.related
        ]
    return types.Diagnostic(
        range=range_to_lsp(finding.range),
        message=printable_lines(finding.message),
        severity=_SEVERITIES[severity],
        code=finding.code,
        code_description=description,
        source=SOURCE,
        related_information=related,
        data=_data(finding) or None,
    )


def diagnostics_from_findings(
    findings: Sequence[Finding], severities: dict[str, str], details: DiagnosticDetails
) -> list[types.Diagnostic]:
    """Return LSP's diagnostics with the severities that the user chose; those with "off" are left out."""
    converted = []
    for finding in findings:
        chosen = severities.get(finding.code, finding.severity.value)
        if chosen != "off":
            converted.append(diagnostic_from_finding(finding, Severity(chosen), details))
    return converted


def edits_from_changes(changes: Sequence[TextChange]) -> list[types.TextEdit]:
    """Return LSP's edits of one file."""
    return [types.TextEdit(range_to_lsp(one.range), one.new_text) for one in changes if one.range is not None]


def workspace_edit_from_edits(
    edits: dict[str, list[types.TextEdit]], versions: dict[str, int] | None
) -> types.WorkspaceEdit:
    """Return LSP's edit of several files.

    Args:
        edits: The edits by URI.
        versions: The versions of documents by URI if the client supports them, else None.
    """
    if versions is None:
        return types.WorkspaceEdit(changes=edits)
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, versions.get(uri)), list(some))
            for uri, some in edits.items()
        ]
    )


def edits_from_findings(findings: Sequence[Finding]) -> list[types.TextEdit]:
    """Return the edits that fix the findings; findings without a known fix have no edits."""
    return [edit for one in findings for edit in _edits(range_to_lsp(one.range), _data(one))]


def edits_of_diagnostic(diagnostic: types.Diagnostic) -> list[types.TextEdit]:
    """Return the edits that fix one of our diagnostics, or an empty list if no fix is known."""
    data = diagnostic.data
    return _edits(diagnostic.range, data) if diagnostic.source == SOURCE and isinstance(data, dict) else []


def _data(finding: Finding) -> dict[str, Any]:
    """Return a diagnostic's data for code actions; clients send it back unchanged."""
    data: dict[str, Any] = {"replacement": finding.replacement} if finding.replacement else {}
    if finding.insertion is not None:
        place = finding.insertion.position
        data["insertion"] = {"line": place.line, "character": place.column, "text": finding.insertion.text}
    return data


def _edits(range_: types.Range, data: dict[str, Any]) -> list[types.TextEdit]:
    match data.get("replacement"):
        case str(text):
            edits = [types.TextEdit(range_, text)]
        case _:
            edits = []
    match data.get("insertion"):
        case {"line": int(line), "character": int(character), "text": str(text)}:
            place = types.Position(line, character)
            edits.append(types.TextEdit(types.Range(place, place), text))
    return edits


def links_to_lsp(links: Sequence[Link]) -> list[types.DocumentLink]:
    """Return LSP's links, for the specifiers that resolve to files."""
    return [
        types.DocumentLink(range_to_lsp(one.range), uri_from_url(one.target_url)) for one in links if one.target_url
    ]


def definition_to_lsp(definition: Definition, *, as_link: bool) -> types.Location | list[types.LocationLink]:
    """Return LSP's definition.

    Args:
        as_link: Whether the client accepts links, which have the range that the definition was asked from.
    """
    location = location_from_place(definition.place)
    if not as_link:
        return location
    range_ = location.range
    return [types.LocationLink(location.uri, range_, range_, range_to_lsp(definition.range))]


def hover_from_text(range_: Range, text: str, *, is_markdown: bool) -> types.Hover:
    """Return LSP's hover over a range."""
    kind = types.MarkupKind.Markdown if is_markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text), range_to_lsp(range_))


def hints_from_weights(weights: Sequence[ImportWeight], within: Range) -> list[types.InlayHint]:
    """Return LSP's hints, placed after the imports in a range."""
    return [
        types.InlayHint(
            range_to_lsp(one.range).end,
            f"{plural(one.modules, 'module')}, {size(one.bytes)}",
            tooltip="statically imported through this module, itself included",
            padding_left=True,
        )
        for one in weights
        if within.start.line <= one.range.end.line <= within.end.line
    ]


def lens_from_text(title: str, command: str, arguments: list[Any]) -> types.CodeLens:
    """Return LSP's lens above the first line."""
    return types.CodeLens(range_to_lsp(START), types.Command(title, command, arguments=arguments))
