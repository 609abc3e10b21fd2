"""The fields of a package.json that resolution reads, parsed as leniently as Node's own parser parses them.

Node walks the top level and does not validate the parts that it skips, so it accepts some files that are not JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from esmcache.resolution.errors import JavaScriptSyntaxError

# Larger files are refused; such requests are then left to Node.
_MAX_CHARACTERS = 16 * 1024 * 1024

_WHITE = r"[ \t\n\r]*"
_STRING = r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"'
_KEY = re.compile(rf'{_WHITE}"((?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*)"{_WHITE}:{_WHITE}')
_OPEN = re.compile(_WHITE + r"\{")
_EMPTY = re.compile(_WHITE + r"\}")
_AFTER_VALUE = re.compile(_WHITE + r"([,}])")
_END = re.compile(_WHITE + r"\Z")
_TOKEN = re.compile(rf'{_STRING}|[{{}}\[\]:,]|"|[^ \t\n\r{{}}\[\]:,"]+')
_FIELDS = frozenset(("name", "main", "type", "exports", "imports", "scripts"))


class InvalidPackageJson(Exception):
    """Node does not accept the text as a package.json."""


@dataclass(slots=True)
class PackageFields:
    """The fields of a package.json; an `Unparsable` as `exports` or `imports` fails only when it is used."""

    name: str | None = None
    main: str | None = None
    type: str = "none"
    exports: Any = None
    imports: Any = None


@dataclass(slots=True)
class Unparsable:
    """An `exports` or `imports` that JSON.parse rejects."""

    text: str

    def error(self) -> JavaScriptSyntaxError:
        """Return the error that Node throws when it uses the value."""
        return JavaScriptSyntaxError(f"{json.dumps(self.text[:20])} is not valid JSON")


def parse_package_fields(content: bytes, *, strict_types: bool) -> PackageFields:
    """Return the fields that resolution reads.

    Args:
        content: The content of a package.json.
        strict_types: Whether to reject values that do not begin like a JSON value, as Node 22 does.

    Raises:
        InvalidPackageJson: If Node does not accept the content as a package.json.
    """
    if len(content) > _MAX_CHARACTERS:
        raise InvalidPackageJson
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise InvalidPackageJson from None
    text = text.removeprefix("\ufeff")
    fields = PackageFields()
    try:
        for key, value in _strict_members(text):
            _set_parsed(fields, key, value)
    except (ValueError, RecursionError):
        fields = PackageFields()
        for key, raw in _lenient_members(text):
            _set_raw(fields, key, raw, strict_types=strict_types)
    return fields


def _reject_constant(constant: str) -> Any:
    raise ValueError(constant)


_decoder = json.JSONDecoder(parse_constant=_reject_constant)


def _strict_members(text: str) -> Iterator[tuple[str, Any]]:
    # Handles the common case at the speed of the json module; the lenient reader handles everything else.
    scan: Any = getattr(_decoder, "scan_once")  # noqa: B009 (absent from the type stubs)
    match = _OPEN.match(text)
    if match is None:
        raise ValueError
    if (empty := _EMPTY.match(text, match.end())) is not None:
        match = empty
    else:
        while True:
            key = _KEY.match(text, match.end())
            if key is None:
                raise ValueError
            try:
                value, end = scan(text, key.end())
            except StopIteration:
                raise ValueError from None
            match = _AFTER_VALUE.match(text, end)
            if match is None:
                raise ValueError
            yield key[1], value
            if match[1] == "}":
                break
    if _END.match(text, match.end()) is None:
        raise ValueError


def _set_parsed(fields: PackageFields, key: str, value: Any) -> None:
    if key not in _FIELDS:
        return
    if isinstance(value, str) and not value.isascii() and not _is_well_formed(value):
        if key in ("main", "imports", "scripts"):
            return
        raise InvalidPackageJson
    if key in ("name", "type") and not isinstance(value, str):
        raise InvalidPackageJson
    if key == "name":
        fields.name = value
    elif key == "main" and isinstance(value, str):
        fields.main = value
    elif key == "type" and value in ("module", "commonjs"):
        fields.type = value
    elif key in ("exports", "imports") and isinstance(value, str | dict | list):
        setattr(fields, key, _parsed_again(value) if isinstance(value, str) else value)


def _parsed_again(value: str) -> Any:
    # Node cannot distinguish a string that begins like an object from an object's text.
    return _parse_json(value) if value[:1] in ("{", "[") else value


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return Unparsable(text)


def _is_well_formed(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lenient_members(text: str) -> Iterator[tuple[str, str]]:
    """Yield keys and raw values as simdjson's on-demand parser does: it counts brackets but does not match them.

    Raises:
        InvalidPackageJson: If that parser does not accept the text.
    """
    tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    if not tokens or any(token == '"' for token, _, _ in tokens):
        raise InvalidPackageJson
    if tokens[0][0] != "{" or tokens[-1][0] != "}":
        raise InvalidPackageJson
    end = len(tokens)
    at = 1
    if tokens[1][0] == "}":
        return
    while True:
        if at + 2 >= end or not tokens[at][0].startswith('"') or tokens[at + 1][0] != ":":
            raise InvalidPackageJson
        key = tokens[at][0][1:-1]
        start = tokens[at + 2][1]
        at = _after_value(tokens, at + 2)
        yield key, text[start : tokens[at - 1][2]]
        if at == end or tokens[at][0] not in (",", "}"):
            raise InvalidPackageJson
        if tokens[at][0] == "}":
            return
        at += 1


def _after_value(tokens: Sequence[tuple[str, int, int]], at: int) -> int:
    """Return the index of the first token after the value that begins at the token `at`.

    Raises:
        InvalidPackageJson: If no value begins there, or its brackets do not end.
    """
    depth = 0
    while at < len(tokens):
        token = tokens[at][0]
        if token in ("{", "["):
            depth += 1
        elif token in ("}", "]"):
            depth -= 1
        if depth < 0 or (depth == 0 and token in (",", ":")):
            raise InvalidPackageJson
        at += 1
        if depth == 0:
            return at
    raise InvalidPackageJson


def _set_raw(fields: PackageFields, key: str, raw: str, *, strict_types: bool) -> None:
    if key not in _FIELDS:
        return
    if strict_types and key in ("exports", "imports", "scripts") and raw[0] not in '{["tfn-0123456789':
        raise InvalidPackageJson
    value: Any = None
    if raw[0] in "{[":
        # Every other field matters only by the type of its value.
        value = _parse_json(raw) if key in ("exports", "imports") else {}
        if isinstance(value, Unparsable):
            setattr(fields, key, value)
            return
    elif raw[0] == '"':
        try:
            value = json.loads(raw)
        except ValueError:
            value = "\ud800"  # Like a lone surrogate: a string that cannot be unescaped.
    _set_parsed(fields, key, value)
