"""The parts of TypeScript that Node strips: specifiers of types, and whether a name is that of a type.

No request comes from them, so no record has them. They are searched for as text, which is enough for edits: a match
inside a comment or a string changes only if it is a specifier that leads to the file that moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from esmcache.spans import Span

_SPECIFIER = re.compile(
    rb"""(?:\bfrom|\bimport\s*\(?|\brequire\s*\()\s*(?P<quoted>(?P<mark>["'])(?:(?!(?P=mark))[^\\\r\n])+(?P=mark))"""
)
# A declaration, `type T` or `type { …, T` in an import or export, up to the name.
_DECLARED = rb"\b(?:interface|type|declare\s+[a-z\s]+)\s+%(name)s(?![\w$])"
_LISTED = rb"\b(?:import|export)\s+type\b[^;\"']*?(?<![\w$])%(name)s(?![\w$])"


def type_specifiers(source: bytes, code: bytes | None) -> Iterator[tuple[str, Span]]:
    """Yield the specifiers in what Node strips, with their spans in the source, quotes included.

    Args:
        source: TypeScript in UTF-8.
        code: The text without types, with the same number of bytes, or None if it could not be stripped. All specifiers
            of such a text are yielded.
    """
    for match in _SPECIFIER.finditer(source):
        start, end = match.span("quoted")
        if code is None or code[start:end] != source[start:end]:
            yield source[start + 1 : end - 1].decode("utf-8", "replace"), Span(start, end)


def declares_type(source: bytes, name: str) -> bool:
    """Return whether a text declares, imports or exports a type of this name, as far as its text shows."""
    escaped = {b"name": re.escape(name.encode("utf-8", "surrogatepass"))}
    return any(re.search(pattern % escaped, source) for pattern in (_DECLARED, _LISTED))
