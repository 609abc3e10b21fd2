"""Line ends and white space that the grammar does not know, in a form of the same length that it knows.

The grammar decides where a line end ends a statement, and there it takes white space beyond ASCII for a token.
"""

from __future__ import annotations

import re

from esmcache.spans import Span

_WIDE_SPACES = ("\xa0", "\u1680", *map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000", "\ufeff")
# White space beyond ASCII, other than line ends.
WIDE_SPACE = "|".join(_WIDE_SPACES).encode()
_LS_OR_PS = rb"\xe2\x80[\xa8\xa9]"
_BLANKS_BEFORE = tuple(blank.encode() for blank in (*"\t\n\v\f\r \u2028\u2029", *_WIDE_SPACES))
_BLANKS_BEHIND = re.compile(rb"(?:\s|" + _LS_OR_PS + rb"|" + WIDE_SPACE + rb")*")
_WIDE = re.compile(WIDE_SPACE)
# The look-behinds let no search begin within white space, so that much of it is read once.
_HIDDEN_LINE_END = re.compile(
    rb"(?<!\s)(?<!\xe2\x80[\xa8\xa9])[\t\v\f ]*(?:[\r\n]|" + _LS_OR_PS + rb")(?:\s|" + _LS_OR_PS + rb")*"
    rb"(?:" + WIDE_SPACE + rb")(?:\s|" + _LS_OR_PS + rb"|" + WIDE_SPACE + rb")*"
)
_LONE_CR = re.compile(rb"\r(?!\n)")
_HASHBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![^\n]*")
_HASHBANG_END = re.compile(_LS_OR_PS)


def known_white_space(source: bytes) -> bytes:
    """Return `source` with line ends that the grammar knows, and with spaces for the white space that hides them.

    Strings, templates and comments change, too. The tree stays the same, and values are read from `source`.
    """
    if b"\r" in source:
        # In JavaScript, a lone CR always ends a line.
        source = _LONE_CR.sub(b"\n", source)
    hashbang = _HASHBANG.match(source)
    if hashbang is not None:
        # In JavaScript, LS and PS end the hashbang line, too.
        source = _HASHBANG_END.sub(b"\n  ", hashbang[0]) + source[hashbang.end() :]
    if source.isascii() or not _WIDE.search(source):
        return source
    return _HIDDEN_LINE_END.sub(_with_spaces, source)


def _with_spaces(blanks: re.Match[bytes]) -> bytes:
    return _WIDE.sub(lambda wide: b" " * len(wide[0]), blanks[0])


def blanks_around(text: bytes | bytearray, offset: int) -> Span:
    """Return the span of the white space around an offset; it is empty if there is none."""
    while 0 < offset < len(text) and _is_inside_character(text[offset]):
        offset -= 1
    behind = _BLANKS_BEHIND.match(text, offset)
    start = offset
    while text.endswith(_BLANKS_BEFORE, 0, start):
        start -= 1
        while _is_inside_character(text[start]):
            start -= 1
    return Span(start, offset if behind is None else behind.end())


def _is_inside_character(byte: int) -> bool:
    return byte & 0xC0 == 0x80
