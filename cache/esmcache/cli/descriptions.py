"""Module records and BMES files as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from esmcache.cli.streams import complain, say
from esmcache.query.describe import BMES_MAGIC, BMES_VERSION

if TYPE_CHECKING:
    from esmcache.build.single_module import Inspection
    from esmcache.query.describe import Description

# JavaScriptCore's names of BMES's types.
_IMPORT_TYPES = ("Single", "SingleTypeScript", "Namespace")
_EXPORT_TYPES = ("Local", "Indirect", "Namespace")


def as_json_line(description: Description) -> str:
    """Return the output line of `analyze --json`; names that a type of entry does not have are null."""
    error = description.error
    said = {
        "path": description.path,
        "error": error and {"code": error.code, "message": error.message, "line": error.line, "column": error.column},
        **record_to_json(description.record),
        "dynamic": [call.specifier for call in description.import_calls if call.specifier is not None],
    }
    return json.dumps(said, separators=(",", ":"))


def record_to_json(record: Any) -> dict[str, Any]:
    """Return the requests, imports, exports and stars of a BMES file."""
    return {
        "requests": [
            {"specifier": request.specifier, "attributes": {one.key: one.value for one in request.attributes}}
            for request in record.requests
        ],
        "imports": [
            {
                "type": _IMPORT_TYPES[entry.type],
                "moduleRequest": entry.module_request,
                "importName": entry.import_name,
                "localName": entry.local_name,
            }
            for entry in record.imports
        ],
        "exports": [_export_to_json(entry) for entry in record.exports],
        "stars": list(record.stars),
    }


def _export_to_json(entry: Any) -> dict[str, Any]:
    type_name = _EXPORT_TYPES[entry.type]
    return {
        "type": type_name,
        "exportName": entry.export_name,
        "moduleName": None if type_name == "Local" else entry.module_name,
        "importName": entry.import_name if type_name == "Indirect" else None,
        "localName": entry.local_name if type_name == "Local" else None,
    }


def inspection_to_json(inspection: Inspection) -> dict[str, Any]:
    """Return the complete output of `inspect`."""
    file = inspection.file
    trailer = file.trailer
    return {
        "name": inspection.name,
        "size": inspection.size,
        "magic": f"{BMES_MAGIC:#010x}",
        "version": BMES_VERSION,
        "valid": inspection.validation.level.name.lower(),
        "reason": inspection.validation.reason,
        **record_to_json(file),
        "bytecodeSize": len(file.bytecode),
        "trailer": trailer
        and {
            "moduleKind": trailer.module_kind,
            "engineTag": trailer.engine_tag,
            "sourceSha256": trailer.source_sha256.hex(),
        },
    }


def print_description(description: Description) -> None:
    """Print a module's record; an error goes to stderr."""
    error = description.error
    if error is not None:
        place = f":{error.line}:{error.column}" if error.line else ""
        complain(f"esmcache: {description.path}{place}: {error.message}")
        if not error.line:
            return
    say(description.path)
    _print_record(description.record)
    calls = [
        "(not a literal)" if call.specifier is None else _quoted(call.specifier) for call in description.import_calls
    ]
    _print_section("dynamic imports", calls)
    if description.has_tla:
        say("  top-level await")


def print_inspection(inspection: Inspection) -> None:
    """Print every section of a BMES file."""
    file, validation = inspection.file, inspection.validation
    say(inspection.name)
    say(f"  magic {BMES_MAGIC:#010x}, version {BMES_VERSION}, {inspection.size:,} bytes")
    reason = f" ({validation.reason})" if validation.reason else ""
    say(f"  valid up to: {validation.level.name.lower()}{reason}")
    _print_record(file)
    say(f"  bytecode: {len(file.bytecode):,} bytes")
    if file.trailer is None:
        say("  no trailer")
    else:
        say("  trailer:")
        say(f"    module kind: {file.trailer.module_kind}")
        say(f"    engine: {file.trailer.engine_tag or '(none)'}")
        say(f"    source SHA-256: {file.trailer.source_sha256.hex()}")


def _print_record(record: Any) -> None:
    said = record_to_json(record)
    requests = []
    for request in said["requests"]:
        attributes = f" with {json.dumps(request['attributes'])}" if request["attributes"] else ""
        requests.append(_quoted(request["specifier"]) + attributes)
    _print_section("requests", requests)
    imports = (
        f"{one['type']}: {one['importName']} as {one['localName']} from {_quoted(one['moduleRequest'])}"
        for one in said["imports"]
    )
    _print_section("imports", imports)
    exports = []
    for one in said["exports"]:
        what = one["localName"] if one["type"] == "Local" else one["importName"] or "*"
        source = "" if one["moduleName"] is None else f" from {_quoted(one['moduleName'])}"
        exports.append(f"{one['type']}: {what} as {one['exportName']}{source}")
    _print_section("exports", exports)
    _print_section("star exports", (_quoted(star) for star in said["stars"]))


def _print_section(heading: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        say(f"  {heading} ({len(found):,}):")
    for line in found:
        say(f"    {line}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
