"""Valid JavaScript that the grammar cannot read, respelled in the same number of bytes so that it can.

Names and values are read from the text as written, so a respelling must keep the structure alone. It is
tried only where the text as written has errors, and dropped where it has errors, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from esmcache.spans import Span

# Bounded and possessive, so that no text makes these search for long.
_COMMENT = rb"/\*(?:[^*]|\*(?!/)){0,300}+\*/|//[^\r\n]{0,300}+(?=[\r\n])"
_GAP = rb"(?:\s|" + _COMMENT + rb"){0,300}+"
_NO_LINE_END = re.compile(rb"[^\n]")
_LARGEST_SOURCE = 4 << 20
_RESERVED = (
    rb"(?:break|case|catch|class|const|continue|debugger|delete|do|else|enum|export|extends|false|finally|for"
    rb"|function|if|import|in|instanceof|new|null|return|super|switch|this|throw|true|try|typeof|var|void"
    rb"|while|with)"
)

# A reserved word is a name in `export {catch_ as catch}` and `import {if as x} from 'a'`.
_RESERVED_NAME = re.compile(rb"(?<![\w$\\'\"])" + _RESERVED + rb"(?![\w$\\'\"])")
# `export {a}` and `from 'a'` with a line's end between them.
_LATE_FROM = re.compile(rb"(?<=\})(" + _GAP + rb")(?=from" + _GAP + rb"['\"])")
# `export` and `{a}` with a line's end between them.
_LATE_EXPORT = re.compile(rb"(?<=export)(?<![\w$.]export)(" + _GAP + rb")(?=[{*\w])")
# Names at a line's beginning that the grammar takes for the operators `in` and `instanceof`.
_IN_WORD = re.compile(rb"(?<![\w$.])in(?=(?:stanceof)?[\d_$])")
# `with {…}` after `export … from 'a'`, or after a line's end.
_STRING = rb"\"(?:[^\"\\\r\n]|\\.){0,1000}+\"|'(?:[^'\\\r\n]|\\.){0,1000}+'"
_WITH_CLAUSE = re.compile(
    rb"(?<=['\"])"
    + _GAP
    + rb"(?P<clause>with\b"
    + _GAP
    + rb"\{(?:[^{}'\"/]++|"
    + _STRING
    + rb"|"
    + _COMMENT
    + rb"){0,500}+\})"
)
# White space beyond ASCII (no line's end), which hides a line's end from the grammar.
_WIDE_SPACE = re.compile(rb"\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xaf]|\xe2\x81\x9f|\xe3\x80\x80|(?<!^)\xef\xbb\xbf")


@dataclass(frozen=True, slots=True)
class Respelling:
    """A text as long as the source, and the clauses it lacks by the offset where their specifier ends."""

    text: bytes
    attribute_clauses: dict[int, bytes]


def respell_names(source: bytes, unread_names: Iterable[Span]) -> bytes:
    """Return `source` with other words for the reserved ones in `unread_names`.

    Those are the places within the braces of import and export that the grammar could not read.
    """
    changed = bytearray(source)
    for span in unread_names:
        text = source[span.start : span.end]
        changed[span.start : span.end] = _RESERVED_NAME.sub(lambda name: b"_" * len(name[0]), text)
    return bytes(changed)


def respell(source: bytes) -> Respelling:
    """Return `source` with white space where the grammar minds what is there."""
    if len(source) > _LARGEST_SOURCE:
        return Respelling(source, {})
    clauses = {match.start(): match["clause"] for match in _WITH_CLAUSE.finditer(source)}
    text = _WITH_CLAUSE.sub(_blank, source)
    text = _LATE_FROM.sub(_blank, text)
    text = _LATE_EXPORT.sub(_blank, text)
    text = _IN_WORD.sub(b"an", text)
    return Respelling(_WIDE_SPACE.sub(_blank, text), clauses)


def _blank(match: re.Match[bytes]) -> bytes:
    # A CR ends a comment that the match may begin in, but no statement, as the grammar sees it.
    return _NO_LINE_END.sub(b" ", match[0]).replace(b"\n", b"\r")
