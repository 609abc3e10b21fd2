"""The mapping between module records and JavaScriptCore's fields."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esmcache.bmes import (
    BmesExport,
    BmesFile,
    BmesImport,
    BmesRequest,
    ExportType,
    ImportType,
    Unrepresentable,
    bmes_from_record,
    decode,
    encode,
    record_from_bmes,
)
from esmcache.records import (
    ExportEntry,
    ImportAttribute,
    ImportEntry,
    ImportName,
    ModuleRecord,
    ModuleRequest,
    Phase,
)
from esmcache.spans import Span

A = ModuleRequest("./a.js")
JSON = ImportAttribute("type", "json")


def mapped(record: ModuleRecord) -> BmesFile:
    file = bmes_from_record(record)
    assert isinstance(file, BmesFile), file
    return file


def test_imports_have_names_and_types() -> None:
    record = ModuleRecord(
        requested_modules=(A,),
        import_entries=(
            ImportEntry(A, "default", "d"),
            ImportEntry(A, "*", "string"),
            ImportEntry(A, ImportName.NAMESPACE_OBJECT, "ns"),
        ),
    )
    assert mapped(record).imports == (
        BmesImport(ImportType.SINGLE, "./a.js", "default", "d"),
        BmesImport(ImportType.SINGLE, "./a.js", "*", "string"),
        BmesImport(ImportType.NAMESPACE, "./a.js", "*", "ns"),
    )


def test_exports_lack_the_fields_that_their_type_does_not_have() -> None:
    record = ModuleRecord(
        requested_modules=(A,),
        local_export_entries=(ExportEntry("default", None, None, "*default*"),),
        indirect_export_entries=(
            ExportEntry("x", A, "y", None),
            ExportEntry("ns", A, ImportName.ALL, None),
        ),
    )
    assert mapped(record).exports == (
        BmesExport(ExportType.LOCAL, "default", "", "", "*default*"),
        BmesExport(ExportType.INDIRECT, "x", "./a.js", "y", ""),
        BmesExport(ExportType.NAMESPACE, "ns", "./a.js", "", ""),
    )


def test_an_exported_namespace_import_is_a_namespace_export() -> None:
    record = ModuleRecord(
        requested_modules=(A,),
        import_entries=(ImportEntry(A, ImportName.NAMESPACE_OBJECT, "ns"),),
        local_export_entries=(ExportEntry("out", None, None, "ns"),),
    )
    assert mapped(record).exports == (BmesExport(ExportType.NAMESPACE, "out", "./a.js", "", ""),)


def test_entries_are_written_in_source_order() -> None:
    record = ModuleRecord(
        requested_modules=(A,),
        local_export_entries=(
            ExportEntry("a", None, None, "a", Span(5, 6)),
            ExportEntry("c", None, None, "c", Span(25, 26)),
        ),
        indirect_export_entries=(ExportEntry("b", A, "b", None, Span(15, 16)),),
    )
    assert [entry.export_name for entry in mapped(record).exports] == ["a", "b", "c"]


def test_requests_and_stars_are_one_per_specifier_and_type() -> None:
    """JavaScriptCore has `text` and `css` as one host-defined type, and ignores other attribute keys."""

    def request(**attributes: str) -> ModuleRequest:
        return ModuleRequest("./a", tuple(ImportAttribute(*item) for item in attributes.items()))

    asked = (
        request(),
        request(type="text"),
        request(type="css"),
        request(type="json"),
        request(type="webassembly"),
        request(mode="fast"),
    )
    stars = tuple(ExportEntry(None, item, ImportName.ALL_BUT_DEFAULT, None) for item in (*asked, A, A))
    file = mapped(ModuleRecord(requested_modules=(*asked, A), star_export_entries=stars))
    assert file.requests == (
        BmesRequest("./a"),
        BmesRequest("./a", (ImportAttribute("type", "text"),)),
        BmesRequest("./a", (ImportAttribute("type", "json"),)),
        BmesRequest("./a", (ImportAttribute("type", "webassembly"),)),
        BmesRequest("./a.js"),
    )
    assert file.stars == ("./a", "./a", "./a", "./a", "./a.js")


def test_records_outside_of_the_format_are_unrepresentable() -> None:
    deferred = ModuleRequest("./a.js", (), Phase.DEFER)
    assert bmes_from_record(ModuleRecord(requested_modules=(deferred,))) == Unrepresentable(
        "BMES has no word for the phase 'defer'"
    )
    lone = ModuleRequest("\ud83d")
    unrepresentable = Unrepresentable("BMES is UTF-8, which has no lone surrogates")
    assert bmes_from_record(ModuleRecord(requested_modules=(lone,))) == unrepresentable
    attribute = ModuleRequest("./a.js", (ImportAttribute("type", "\udc00"),))
    assert bmes_from_record(ModuleRecord(requested_modules=(attribute,))) == unrepresentable
    name = ExportEntry("\udc00", None, None, "x")
    assert bmes_from_record(ModuleRecord(local_export_entries=(name,))) == unrepresentable


def test_entries_find_their_request_by_its_specifier() -> None:
    file = BmesFile(
        requests=(BmesRequest("./a.json", (JSON,)), BmesRequest("./a.json")),
        imports=(BmesImport(ImportType.SINGLE, "./a.json", "default", "a"),),
        stars=("./unasked.js",),
    )
    record = record_from_bmes(file)
    assert record.import_entries[0].module_request == ModuleRequest("./a.json", (JSON,))
    assert record.star_export_entries[0].module_request == ModuleRequest("./unasked.js")


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=1, max_size=8)


@st.composite
def records(draw: st.DrawFn) -> ModuleRecord:
    """Return a record whose requests have different specifiers, since BMES identifies entries by specifier."""
    specifiers = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    attributes = st.lists(st.builds(ImportAttribute, NAMES, NAMES), max_size=2).map(tuple)
    requests = tuple(ModuleRequest(specifier, draw(attributes)) for specifier in specifiers)
    request = st.sampled_from(requests)
    imports = st.builds(ImportEntry, request, NAMES | st.just(ImportName.NAMESPACE_OBJECT), NAMES)
    imported = draw(st.lists(imports, max_size=4))
    bound = {entry.local_name for entry in imported}
    local = st.builds(ExportEntry, NAMES, st.none(), st.none(), NAMES.filter(lambda name: name not in bound))
    indirect = st.builds(ExportEntry, NAMES, request, NAMES | st.just(ImportName.ALL), st.none())
    star = st.builds(ExportEntry, st.none(), request, st.just(ImportName.ALL_BUT_DEFAULT), st.none())
    return ModuleRecord(
        requests,
        tuple(imported),
        tuple(draw(st.lists(local, max_size=4))),
        tuple(draw(st.lists(indirect, max_size=4))),
        tuple(draw(st.lists(star, max_size=4, unique_by=lambda entry: entry.module_request))),
    )


@given(records())
def test_a_record_survives_its_bytes(record: ModuleRecord) -> None:
    file = decode(encode(mapped(record)))
    assert isinstance(file, BmesFile)
    assert record_from_bmes(file) == record
