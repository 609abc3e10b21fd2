"""BMES files for tests: one with every form, and those that Hypothesis generates."""

from __future__ import annotations

from hypothesis import strategies as st

from esmcache.bmes import (
    BmesExport,
    BmesFile,
    BmesImport,
    BmesRequest,
    BmesTrailer,
    ExportType,
    ImportType,
)
from esmcache.records import ImportAttribute

TEXT = st.text(max_size=12)


def every_form() -> BmesFile:
    """Return a file with every kind of entry; tests/golden/bmes/every-form.bin has the same content."""
    return BmesFile(
        requests=(
            BmesRequest("./a.js"),
            BmesRequest("./b.json", (ImportAttribute("type", "json"), ImportAttribute("x", ""))),
            BmesRequest("café"),
        ),
        imports=(
            BmesImport(ImportType.SINGLE, "./b.json", "default", "b"),
            BmesImport(ImportType.SINGLE_TYPESCRIPT, "./a.js", "T", "T"),
            BmesImport(ImportType.NAMESPACE, "./a.js", "*", "ns"),
        ),
        exports=(
            BmesExport(ExportType.LOCAL, "default", "", "", "*default*"),
            BmesExport(ExportType.INDIRECT, "y", "café", "x", ""),
            BmesExport(ExportType.NAMESPACE, "ns", "./a.js", "", ""),
        ),
        stars=("./a.js",),
        bytecode=b"\x00\x01bytecode\xff",
        trailer=BmesTrailer("module", "node-v24.19.0-x64-1a2b3c4d", bytes(range(32))),
    )


def files() -> st.SearchStrategy[BmesFile]:
    """Return a strategy for all files that can be written."""
    attributes = st.lists(st.builds(ImportAttribute, TEXT, TEXT), max_size=3).map(tuple)
    return st.builds(
        BmesFile,
        requests=st.lists(st.builds(BmesRequest, TEXT, attributes), max_size=4).map(tuple),
        imports=st.lists(st.builds(BmesImport, st.sampled_from(ImportType), TEXT, TEXT, TEXT), max_size=4).map(tuple),
        exports=st.lists(st.builds(BmesExport, st.sampled_from(ExportType), TEXT, TEXT, TEXT, TEXT), max_size=4).map(
            tuple
        ),
        stars=st.lists(TEXT, max_size=4).map(tuple),
        bytecode=st.binary(max_size=40),
        trailer=st.none() | st.builds(BmesTrailer, TEXT, TEXT, st.binary(min_size=32, max_size=32)),
    )
