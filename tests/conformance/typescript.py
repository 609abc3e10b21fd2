"""TypeScript of packages: Node strips its types, and every reader reads the text that is left.

esmcache reads the file itself. Its record must be that of the text without types, with the places of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from conformance.comparison import Disagreement, Row, compare_all
from conformance.inputs import InputSet, Module, package_of
from conformance.known import differences
from conformance.ours import OurReading, analyze_lines, read_modules
from conformance.references import answers
from esmcache.records import ExportEntry, ImportEntry, ModuleCall, ModuleRecord, ModuleRequest
from esmcache.spans import Span

_HERE = Path(__file__).parent
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Files:
    """The files that Node strips, as a set of modules, and those that it refuses, with its errors."""

    stripped: InputSet
    refused: tuple[tuple[Module, str], ...]


@dataclass(frozen=True, slots=True)
class PackageCounts:
    """The numbers of a package's files: all, those that Node cannot strip, that V8 refuses, read alike, and not."""

    package: str
    files: int
    refused_by_node: int
    refused_by_v8: int
    equal: int
    different: int


def sum_of(name: str, counts: Iterable[PackageCounts]) -> PackageCounts:
    """Return the counts of several packages together."""
    return PackageCounts(name, *map(sum, zip(*(astuple(one)[1:] for one in counts), strict=True)))


@dataclass(frozen=True, slots=True)
class TypeScriptComparison:
    """The rows of the references, the counts of each package, and what is wrong with our reading of whole files."""

    rows: tuple[Row, ...]
    packages: tuple[PackageCounts, ...]
    faults: tuple[str, ...]


def compare_typescript(inputs: InputSet, directory: Path, node: Path) -> TypeScriptComparison:
    """Return the comparison of TypeScript files, whose texts without types are written into `directory`."""
    files = _strip(inputs, directory, node)
    ours = read_modules(files.stripped.modules, node)
    rows = compare_all(files.stripped, ours, node)
    return TypeScriptComparison(tuple(rows), tuple(_package_counts(files, rows)), tuple(_faults(files, ours, node)))


def _strip(inputs: InputSet, directory: Path, node: Path) -> _Files:
    """Return the files with their texts without types, which are files in `directory`."""
    said = answers([node, "--no-warnings", _HERE / "strip.mjs"], [module.file for module in inputs.modules])
    stripped, refused = [], []
    for number, (module, answer) in enumerate(zip(inputs.modules, said, strict=True)):
        if answer["error"] is not None:
            refused.append((module, answer["error"]))
            continue
        mark = _BYTE_ORDER_MARK if module.file.read_bytes().startswith(_BYTE_ORDER_MARK) else b""
        file = directory / f"{number}-without-types.mjs"
        file.write_bytes(mark + answer["text"].encode())
        stripped.append(Module(file, module.name, typescript=module.file))
    return _Files(InputSet(inputs.name, tuple(stripped)), tuple(refused))


def _faults(files: _Files, readings: Sequence[OurReading], node: Path) -> Iterator[str]:
    """Yield each way in which the reading of a TypeScript file is not that of its text without types."""
    without_types = analyze_lines([module.file for module in files.stripped.modules], node)
    for module, reading, line in zip(files.stripped.modules, readings, without_types, strict=True):
        if reading.error is None and {**reading.said, "path": ""} != {**line, "path": ""}:
            yield f"{module.name}: {reading.said} is not the record of its text without types, {line}"
        assert module.typescript is not None
        typescript, text = module.typescript.read_bytes(), module.file.read_bytes()
        for entry, span in _places(reading.analysis.record):
            if typescript[span.start : span.end] != text[span.start : span.end]:
                yield f"{module.name}: {entry} is at another place in its text without types"
    refused = analyze_lines([module.file for module, _ in files.refused], node)
    for (module, error), line in zip(files.refused, refused, strict=True):
        ours = line["error"]
        if ours is None or not error.endswith(f": {ours['message']}"):
            yield f"{module.name}: Node says {error}, we {ours}"


def _places(record: ModuleRecord) -> Iterator[tuple[object, Span]]:
    """Yield each entry of a record with its span, but no call without a literal, whose span is the whole call."""
    entries: tuple[ModuleRequest | ModuleCall | ImportEntry | ExportEntry, ...] = (
        *record.requested_modules,
        *(call for call in record.import_calls if call.specifier is not None),
        *record.import_entries,
        *record.local_export_entries,
        *record.indirect_export_entries,
        *record.star_export_entries,
    )
    for entry in entries:
        if entry.span is not None:
            yield entry, entry.span


def _package_counts(files: _Files, rows: Sequence[Row]) -> list[PackageCounts]:
    """Return the counts of each package."""
    refused_by_node = Counter(package_of(module) for module, _ in files.refused)
    stripped = Counter(package_of(module) for module in files.stripped.modules)
    v8 = next(row for row in rows if row.reference == "V8")
    refused_by_v8 = _packages_of((*v8.both_reject, *v8.only_we_accept))
    different = _packages_of(one for row in rows for one in differences(row))
    return [
        PackageCounts(
            package,
            refused_by_node[package] + stripped[package],
            refused_by_node[package],
            refused_by_v8[package],
            stripped[package] - refused_by_v8[package] - different[package],
            different[package],
        )
        for package in sorted({*stripped, *refused_by_node})
    ]


def _packages_of(found: Iterable[Disagreement]) -> Counter[str]:
    return Counter(package_of(module) for module in {one.module for one in found})
