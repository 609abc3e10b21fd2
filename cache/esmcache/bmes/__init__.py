"""BMES files: a module record and an engine's bytecode as bytes, and back.

Knows neither how a record is found nor where files are kept.
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
