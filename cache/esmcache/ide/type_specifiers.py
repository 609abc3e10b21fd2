"""The specifiers of types in TypeScript, which Node strips.

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
