"""Has Node strip the types of a text, saved or not, and compile the rest; nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass

from esmcache.build.compile import text_without_types
from esmcache.engines.node import CompileKind, CompilePool, CompileTask
from esmcache.file_source import file_url_from_path
from esmcache.records import CompileFailure, ModuleFormat, Stripping

_KINDS = {
    None: CompileKind.DETECT,
    ModuleFormat.MODULE_TYPESCRIPT: CompileKind.MODULE,
    ModuleFormat.COMMONJS_TYPESCRIPT: CompileKind.COMMONJS,
}


@dataclass(frozen=True, slots=True)
class StrippedSource:
    """TypeScript without its types: each byte of the code is at the same offset as in the source.

    `module_format` is the format of the file, or the one that Node detected.
    """

    text: bytes
    module_format: ModuleFormat


def strip_types(
    workers: CompilePool, path: str, source: bytes, module_format: ModuleFormat | None
) -> StrippedSource | CompileFailure:
    """Return the text without types, or the error of Node's stripping or of V8.

    Args:
        workers: The workers of a Node that strips types.
        path: The absolute path of the file.
        source: The text in UTF-8.
        module_format: A format of TypeScript, or None if Node has to detect it.
    """
    url = file_url_from_path(path)
    answer = workers.submit(CompileTask(_KINDS[module_format], url, source, stripping=Stripping(1, url))).result()
    if isinstance(answer, CompileFailure):
        return answer
    found = module_format or (answer.detected_kind or ModuleFormat.COMMONJS).with_types
    text = text_without_types(source, answer.stripped[0], url)
    if text is None:
        return CompileFailure("not valid UTF-8", 0, 0, is_syntax_error=False)
    return StrippedSource(text, found)
