"""BMES files: a module record and an engine's bytecode as bytes, and back.

It must not know how records are made or where files are stored.
"""

from esmcache.bmes.decoder import Damage, decode
from esmcache.bmes.encoder import encode
from esmcache.bmes.format import (
    BmesExport,
    BmesFile,
    BmesImport,
    BmesRequest,
    BmesTrailer,
    ExportType,
    ImportType,
    ValidationLevel,
)
from esmcache.bmes.record_mapping import Unrepresentable, bmes_from_record, record_from_bmes
from esmcache.bmes.validation import Validation, validate

__all__ = [
    "BmesExport",
    "BmesFile",
    "BmesImport",
    "BmesRequest",
    "BmesTrailer",
    "Damage",
    "ExportType",
    "ImportType",
    "Unrepresentable",
    "Validation",
    "ValidationLevel",
    "bmes_from_record",
    "decode",
    "encode",
    "record_from_bmes",
    "validate",
]
