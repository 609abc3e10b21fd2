"""Which kind of a manifest stands for which of Node's formats: what a new format is added to."""

from __future__ import annotations

from collections.abc import Mapping

from esmcache.records import ModuleFormat
from esmcache.serving.layout import ServedKind

KIND_OF_FORMAT: Mapping[ModuleFormat, ServedKind] = {
    ModuleFormat.MODULE: ServedKind.MODULE,
    ModuleFormat.JSON: ServedKind.JSON,
    ModuleFormat.COMMONJS: ServedKind.COMMONJS,
    ModuleFormat.MODULE_TYPESCRIPT: ServedKind.MODULE_TYPESCRIPT,
    ModuleFormat.COMMONJS_TYPESCRIPT: ServedKind.COMMONJS_TYPESCRIPT,
}
FORMAT_OF_KIND: Mapping[ServedKind, ModuleFormat] = {kind: found for found, kind in KIND_OF_FORMAT.items()}
# The kinds whose source the cache has, and those of them that Node compiles.
PACKED_KINDS = frozenset(FORMAT_OF_KIND)
COMPILED_KINDS = PACKED_KINDS - {ServedKind.JSON}
ES_MODULE_KINDS = frozenset((ServedKind.MODULE, ServedKind.MODULE_TYPESCRIPT))
COMMONJS_KINDS = COMPILED_KINDS - ES_MODULE_KINDS
