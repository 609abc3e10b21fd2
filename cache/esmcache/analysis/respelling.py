"""Valid JavaScript that the grammar cannot parse, respelled in the same number of bytes so that it can.

Names and values are read from the original text, so a respelling must keep only the structure. Rules apply only near
places that could not be parsed. A respelling that the grammar cannot parse, either, is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import regex as re  # Python 3.11.2 gets possessive repeats of groups wrong; this does not

from esmcache.analysis.doubts import Doubt, windows
from esmcache.analysis.respelled_text import RespelledText
from esmcache.analysis.white_space import WIDE_SPACE, blanks_around
from esmcache.spans import Span

# The repeats are possessive, and bounded except for white space, so that no text makes these patterns search for long.
_COMMENT = rb"/\*(?:[^*]|\*(?!/)){0,300}+\*/|//[^\r\n]{0,300}+(?=[\r\n])"
_GAP = rb"(?:(?:\s|\xe2\x80[\xa8\xa9])++|" + _COMMENT + rb"){0,300}+"
_NAME = rb"(?:[\w$]|(?!\xe2\x80[\xa8\xa9])[\x80-\xff]|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]+\}){1,200}+"
_WORD = rb"(?<![\w$.\\\x80-\xff])"
_WORD_END = rb"(?![\w$\\\x80-\xff])"
# The cause is searched for within this many bytes around a place that could not be parsed.
_MARGIN = 600
_NEAR = 60


def respell(source: bytes, doubts: Sequence[Doubt], earlier: RespelledText | None = None) -> RespelledText:
    """Return `source` respelled near the doubts; `earlier` is a previous respelling, which is changed further."""
    made = earlier or RespelledText(bytearray(source))
    made.changed = []
    for rule in _rules():
        for window in windows(doubts, rule.margin, rule.parents, at_statement=rule.at_statement):
            searched = window if rule.at_statement else _beyond_blanks(made.text, window, rule.margin)
            # The text must not change while it is searched.
            for match in list(rule.pattern.finditer(made.text, searched.start, searched.end)):
                rule.apply(made, match)
    return made


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[bytes]
    apply: Callable[[RespelledText, re.Match[bytes]], None]
    margin: int = _MARGIN
    # The rule applies to doubts in nodes of these types only; empty: of any type.
    parents: frozenset[str] = frozenset()
    # Search at the start of the statement, which may be far from the place that could not be parsed.
    at_statement: bool = False


def _beyond_blanks(text: bytearray, window: Span, margin: int) -> Span:
    """Return a larger window if it begins or ends in white space: where Node removes types, there may be much of it."""
    before = blanks_around(text, window.start)
    after = blanks_around(text, min(window.end, len(text)))
    start = window.start if before.start == before.end else max(0, before.start - margin)
    return Span(start, window.end if after.start == after.end else after.end + margin)


def _blank_group(group: int | str) -> Callable[[RespelledText, re.Match[bytes]], None]:
    def apply(made: RespelledText, match: re.Match[bytes]) -> None:
        made.blank(match.start(group), match.end(group))

    return apply


def _put(group: int | str, new: bytes) -> Callable[[RespelledText, re.Match[bytes]], None]:
    def apply(made: RespelledText, match: re.Match[bytes]) -> None:
        made.replace(match.start(group), match.end(group), new)

    return apply


# `with {…}` after `export … from 'a'`, or after a line end.
_STRING = rb"\"(?:[^\"\\\r\n]|\\.){0,1000}+\"|'(?:[^'\\\r\n]|\\.){0,1000}+'"
_WITH_CLAUSE = (
    rb"(?<=['\"])(?P<gap>"
    + _GAP
    + rb")(?P<clause>with\b"
    + _GAP
    + rb"\{(?:[^{}'\"/]++|"
    + _STRING
    + rb"|"
    + _COMMENT
    + rb"){0,500}+\})"
)


def _take_clause(made: RespelledText, match: re.Match[bytes]) -> None:
    made.attribute_clauses[match.start()] = match["clause"]
    made.blank(match.start(), match.end())


_RESERVED = (
    rb"(?:break|case|catch|class|const|continue|debugger|delete|do|else|enum|export|extends|false|finally|for"
    rb"|function|if|import|in|instanceof|new|null|return|super|switch|this|throw|true|try|typeof|var|void"
    rb"|while|with)"
)


def _replace_name(made: RespelledText, match: re.Match[bytes]) -> None:
    made.replace(*match.span("name"), b"_" * len(match["name"]))


def _end_statement(made: RespelledText, match: re.Match[bytes]) -> None:
    if _ends_line(match["gap"]):
        made.end_statement(match.start("gap"), match.end("gap"))


def _ends_line(gap: bytes) -> bool:
    return b"\n" in gap or b"\r" in gap or b"\xe2\x80\xa8" in gap or b"\xe2\x80\xa9" in gap


def _end_line(made: RespelledText, match: re.Match[bytes]) -> None:
    if _ends_line(match[0]):
        made.replace(match.start(), match.end(), b"\n" + b" " * (len(match[0]) - 1))


def _assign(made: RespelledText, match: re.Match[bytes]) -> None:
    made.replace(match.start("sign"), match.end("sign"), b" " * (len(match["sign"]) - 1) + b",")


def _index(made: RespelledText, match: re.Match[bytes]) -> None:
    start, end = match.span("arguments")
    made.replace(start, end, b"._" if end - start == 2 else b"[0" + b" " * (end - start - 3) + b"]")


def _mend_escape(made: RespelledText, match: re.Match[bytes]) -> None:
    if match["wrong"]:
        made.replace(match.start(), match.start() + 1, b"_")


def _declare(made: RespelledText, match: re.Match[bytes]) -> None:
    if match["await"]:
        made.awaits.add(match.start("await"))
        made.blank(*match.span("await"))
    made.replace(*match.span("using"), b"const")


def _name_default(made: RespelledText, match: re.Match[bytes]) -> None:
    start, end = match.span("all")
    words = b"".join((b"async " if match["async"] else b"", match["kind"], b"*" if match["star"] else b" "))
    words += b"_" * len("default")
    made.defaults[start + len(words) - len("default")] = Span(start, start + len("default"))
    made.replace(start, end, words.ljust(end - start))


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return the rules; few texts need them, and compiling their patterns is a tenth of importing esmcache."""
    return (
        # Such white space hides a line end from the grammar. At the start of a text, U+FEFF is a byte order mark.
        _Rule(
            re.compile(rb"(?!^\xef\xbb\xbf)(?:" + WIDE_SPACE + rb")++"),
            _blank_group(0),
        ),
        _Rule(re.compile(_WITH_CLAUSE), _take_clause),
        # A reserved word is a name in `export {catch_ as catch}`, `import {if as x} from 'a'`, `export {do} from 'a'`.
        _Rule(
            re.compile(
                rb"(?<![\w$\\'\"])as" + _GAP + rb"(?P<name>" + _RESERVED + rb")(?=" + _GAP + rb"(?:[,}]|from\b))"
            ),
            _replace_name,
        ),
        _Rule(
            re.compile(
                rb"(?<![\w$.\\'\"])(?P<name>"
                + _RESERVED
                + rb")(?="
                + _GAP
                + rb"as"
                + _GAP
                + rb"(?:"
                + _NAME
                + rb"|"
                + _STRING
                + rb")"
                + _GAP
                + rb"[,}])"
            ),
            _replace_name,
        ),
        _Rule(
            re.compile(rb"(?<![\w$\\'\"])(?P<name>" + _RESERVED + rb")(?![\w$\\'\"])"),
            _replace_name,
            0,
            frozenset({"export_clause", "named_imports"}),
        ),
        # `export {a}` and `from 'a'` with a line end between them; `export` and `{a}` likewise.
        _Rule(re.compile(rb"(?<=\})(" + _GAP + rb")(?=from" + _GAP + rb"['\"])"), _blank_group(1)),
        _Rule(re.compile(rb"(?<=export)(?<![\w$.]export)(" + _GAP + rb")(?=[{*\w])"), _blank_group(1)),
        # Names at the start of a line that the grammar takes for the operators `in` and `instanceof`.
        _Rule(re.compile(rb"(?<![\w$.])in(?=(?:stanceof)?[\d_$])"), _put(0, b"an")),
        # `import defer * as a from 'a'`, `import source a from 'a'`.
        _Rule(
            re.compile(
                rb"(?<=import)(?<![\w$.]import)"
                + _GAP
                + rb"(?P<phase>defer(?="
                + _GAP
                + rb"\*)|source(?="
                + _GAP
                + rb"(?!from\b"
                + _GAP
                + rb"['\"])"
                + _NAME
                + _GAP
                + rb"from))"
            ),
            _blank_group("phase"),
        ),
        # `import.defer('a')`, `import.source('a')`.
        _Rule(
            re.compile(
                rb"(?<=import)(?<![\w$.]import)"
                + _GAP
                + rb"(?P<phase>\."
                + _GAP
                + rb"(?:defer|source))(?="
                + _GAP
                + rb"\()"
            ),
            _blank_group("phase"),
        ),
        # `export {a}`, `import 'a'` or `let a`, a line end, and text that could continue it: a call, a property or an
        # operation.
        _Rule(
            re.compile(
                _WORD
                + rb"(?:export"
                + _GAP
                + rb"\{[^{}]*+\}|import"
                + _GAP
                + rb"(?:"
                + _STRING
                + rb"))(?P<gap>"
                + _GAP
                + rb")(?=[(\[`/+-])"
            ),
            _end_statement,
        ),
        _Rule(
            re.compile(
                _WORD
                + rb"(?:let|var)(?:"
                + _GAP
                + _NAME
                + _GAP
                + rb",){0,100}+"
                + _GAP
                + _NAME
                + rb"(?P<gap>"
                + _GAP
                + rb")(?=[(\[`/+-])"
            ),
            _end_statement,
        ),
        # `export default function () {} a()`: the grammar has such declarations only with a name.
        _Rule(
            re.compile(
                rb"export"
                + _GAP
                + rb"(?P<all>default"
                + _GAP
                + rb"(?P<async>async"
                + _GAP
                + rb")?(?P<kind>function|class)"
                + _WORD_END
                + rb"(?:"
                + _GAP
                + rb"(?P<star>\*))?)(?="
                + _GAP
                + rb"(?:[({]|extends))"
            ),
            _name_default,
            at_statement=True,
        ),
        # `using` and `undefined` as names.
        _Rule(
            re.compile(_WORD + rb"using" + _WORD_END + rb"(?!" + _GAP + _NAME + _GAP + rb"(?:=|of\b))"),
            _put(0, b"us_ng"),
        ),
        _Rule(re.compile(_WORD + rb"undefined(?=" + _GAP + rb"(?::|=>))"), _put(0, b"undef_ned")),
        # A field without a semicolon before `[b]` or `*b() {}`.
        _Rule(
            re.compile(rb"(?<=[\w$\x80-\xff\]'\"])(?P<gap>" + _GAP + rb")(?=[\[*])"),
            _end_statement,
            _NEAR,
            frozenset({"class_body", "class_static_block", "method_definition", "field_definition"}),
        ),
        _Rule(re.compile(rb"(?<![\w$.])in(?=(?:stanceof)?[\s;])"), _put(0, b"an"), _NEAR, frozenset({"class_body"})),
        # A line end within a comment.
        _Rule(re.compile(rb"/\*(?:[^*]|\*(?!/)){0,300}+\*/"), _end_line, _NEAR),
        # `for (async of => {};;)`, `for (using a = b;;)`, `for (await using a = b;;)`.
        _Rule(re.compile(_WORD + rb"async" + _GAP + rb"(?P<name>of)" + _GAP + rb"(?==>)"), _put("name", b"o_")),
        _Rule(
            re.compile(
                _WORD
                + rb"for"
                + _GAP
                + rb"\("
                + _GAP
                + rb"(?:(?P<await>await)"
                + _GAP
                + rb")?(?P<using>using)"
                + _WORD_END
                + rb"(?="
                + _GAP
                + _NAME
                + _GAP
                + rb"=)"
            ),
            _declare,
        ),
        # `[(a)] = b`, `({a: (b.c)} = d)`.
        _Rule(
            re.compile(
                rb"(?<=[\[,:.{])"
                + _GAP
                + rb"(?P<open>\()(?="
                + _GAP
                + rb"[\w$\x80-\xff.\[\]]{1,200}+"
                + _GAP
                + rb"\)"
                + _GAP
                + rb"(?:[\],}]|=(?!>)))"
            ),
            lambda made, match: _blank_parentheses(made, match),
        ),
        # `f() = a` and `for (f() of a)`, for which V8 throws only when they run.
        _Rule(re.compile(rb"(?<=\))" + _GAP + rb"(?P<sign>(?:\*\*|<<|>>>?|[-+*/%&|^])?=)(?![=>])"), _assign, _NEAR),
        _Rule(
            re.compile(
                _WORD
                + rb"for"
                + _GAP
                + rb"\("
                + _GAP
                + rb"[\w$.\x80-\xff]{1,200}+(?P<arguments>\([^()]*\))(?="
                + _GAP
                + rb"(?:in|of)\b)"
            ),
            _index,
        ),
        # Invalid escapes, which tagged templates may have, and U+0000.
        _Rule(
            re.compile(rb"\\(?:(?P<wrong>x(?![0-9a-fA-F]{2})|u(?![0-9a-fA-F]{4}|\{[0-9a-fA-F]+\}))|.)", re.DOTALL),
            _mend_escape,
            _NEAR,
        ),
        _Rule(re.compile(rb"\0"), _put(0, b"\1"), _NEAR),
        # `a<!--b`: modules have no HTML-like comments.
        _Rule(re.compile(rb"<!--"), _put(0, b"< --"), 0, frozenset({"html_comment"})),
    )


def _blank_parentheses(made: RespelledText, match: re.Match[bytes]) -> None:
    made.blank(*match.span("open"))
    closing = made.text.index(b")", match.end("open"))
    made.blank(closing, closing + 1)
