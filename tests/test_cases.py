"""Runs the Markdown cases under tests/cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from case_file import Case, asserted_diagnostics, check_expected, joined_lines, parametrize_cases
from esmcache.analysis import Analysis, analyse_commonjs, analyse_module
from esmcache.linking import exported_names, import_cycles, link_problems, resolve_export
from esmcache.records import ExportEntry, ImportAttribute, ImportName, ModuleRequest, Phase
from esmcache.spans import LineIndex
from linked_program import LinkedProgram, resolution_line

CASES = Path(__file__).parent / "cases"


@parametrize_cases(CASES / "analysis")
def test_analysis_case(case: Case, update_golden: bool) -> None:
    ((file_name, text),) = case.files.items()
    source = text.encode()
    analysis = analyse_commonjs(source) if file_name.endswith(".cjs") else analyse_module(source)
    lines = LineIndex(source)
    found = [
        (lines.position(item.span.start).line, item.kind.severity.value, item.kind.code)
        for item in analysis.diagnostics
    ]
    assert found == asserted_diagnostics(text), [item.message for item in analysis.diagnostics]
    check_expected(case, "record", joined_lines(_record_lines(analysis)), update=update_golden)


@parametrize_cases(CASES / "early_errors")
def test_early_error_case(case: Case) -> None:
    ((_, text),) = case.files.items()
    source = text.encode()
    lines = LineIndex(source)
    found = [
        (lines.position(item.span.start).line, item.kind.severity.value, item.kind.code)
        for item in analyse_module(source).diagnostics
    ]
    assert found == asserted_diagnostics(text), [item.message for item in analyse_module(source).diagnostics]


@parametrize_cases(CASES / "linking")
def test_linking_case(case: Case, update_golden: bool) -> None:
    program = LinkedProgram(case.files)
    found: dict[str, list[tuple[int, str, str]]] = {name: [] for name in case.files}
    for name in program.records:
        lines = LineIndex(case.files[name].encode())
        for problem in link_problems(program, name):
            line = lines.position(problem.span.start).line
            found[name].append((line, problem.kind.severity.value, problem.kind.code))
    assert {name: sorted(of_file) for name, of_file in found.items()} == {
        name: asserted_diagnostics(text) for name, text in case.files.items()
    }
    check_expected(case, "linking", joined_lines(_linking_lines(program)), update=update_golden)


def _linking_lines(program: LinkedProgram) -> Iterator[str]:
    """Yield the resolutions of the first file's names: the imported names, then the exported ones."""
    first = program.names[0]
    for imported in program.records[first].import_entries:
        target = program.resolved_url(first, imported.module_request)
        name = imported.import_name
        if target is not None and isinstance(name, str) and imported.module_request.phase is Phase.EVALUATION:
            yield f"import {name!r} from {target}: {resolution_line(resolve_export(program, target, name))}"
    exported = exported_names(program, first)
    for name in exported.names:
        yield f"export {name!r}: {resolution_line(resolve_export(program, first, name))}"
    if not exported.complete:
        yield "and exports that are not known"
    for cycle in import_cycles(program, [first]):
        yield f"cycle {', '.join(cycle)}"


def _record_lines(analysis: Analysis) -> Iterator[str]:
    record = analysis.record
    for request in record.requested_modules:
        yield f"request {_request(request)}"
    for imported in record.import_entries:
        name = _name(imported.import_name)
        yield f"import {name} as {_name(imported.local_name)} from {_request(imported.module_request)}"
    for exported in record.local_export_entries:
        yield f"local {_name(exported.local_name)} as {_name(exported.export_name)}"
    for exported in record.indirect_export_entries:
        yield f"indirect {_name(exported.import_name)} as {_name(exported.export_name)}{_from(exported)}"
    for exported in record.star_export_entries:
        yield f"star {_name(exported.import_name)}{_from(exported)}"
    for call in record.calls:
        specifier = "(not literal)" if call.specifier is None else repr(call.specifier)
        yield f"call {call.kind.value} {specifier}{_attributes(call.attributes)}"
    if record.has_tla:
        yield "has_tla"
    if not analysis.complete:
        yield "incomplete"


def _request(request: ModuleRequest) -> str:
    phase = "" if request.phase is Phase.EVALUATION else f" ({request.phase.value})"
    return repr(request.specifier) + _attributes(request.attributes) + phase


def _attributes(attributes: tuple[ImportAttribute, ...]) -> str:
    written = ", ".join(f"{item.key!r}: {item.value!r}" for item in attributes)
    return f" with {{{written}}}" if written else ""


def _from(entry: ExportEntry) -> str:
    return "" if entry.module_request is None else f" from {_request(entry.module_request)}"


def _name(name: str | ImportName | None) -> str:
    return name.name if isinstance(name, ImportName) else repr(name)
