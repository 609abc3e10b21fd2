"""The exports of modules that are not JavaScript files: JSON, `data:` URLs and Node's own modules."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from esmcache.analysis import analyse_module
from esmcache.diagnostics import Severity
from esmcache.records import ExportEntry, ModuleRecord

# Larger files are rarely written by hand.
LARGEST_JSON = 16_000_000
_BYTE_ORDER_MARK = "\ufeff"
_BASE64 = re.compile(rb";[ \t]*base64[ \t]*\Z", re.IGNORECASE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BLANKS = re.compile(rb"[ \t\n\f\r]+")


@dataclass(frozen=True, slots=True)
class JsonError:
    """The reason why a text is not JSON, and the place of the error."""

    message: str
    byte_offset: int


def record_of_names(names: Iterable[str]) -> ModuleRecord:
    """Return the record of a module that exports exactly these names."""
    return ModuleRecord(local_export_entries=tuple(ExportEntry(name, None, None, name) for name in names))


# A JSON module has one export, its value.
JSON_RECORD = ModuleRecord(local_export_entries=(ExportEntry("default", None, None, "*default*"),))


def json_error(source: bytes) -> JsonError | None:
    """Return the error for which Node rejects a text as JSON, or None if it accepts it or it is too large to check."""
    if len(source) > LARGEST_JSON:
        return None
    # Bytes that are not UTF-8 are decoded as some character, as in Node.
    text = source.decode("utf-8", "surrogateescape")
    start = 1 if text.startswith(_BYTE_ORDER_MARK) else 0
    try:
        # Numbers are not converted: neither their size nor their digits are limited in JavaScript.
        json.loads(text[start:], parse_int=len, parse_float=len, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return _error(text, error.msg[:1].lower() + error.msg[1:], error.pos + start)
    except _Constant as constant:
        without_strings = _STRING.sub(lambda match: " " * len(match[0]), text)
        return _error(text, f"{constant} is no value", without_strings.find(str(constant)))
    except RecursionError:
        # JavaScript has another limit for nesting.
        return None
    return None


def data_url_body(url: str) -> bytes | None:
    """Return the text that a `data:` URL holds, or None if the URL is not well formed.

    Spec: data: URL processor of the Fetch standard.
    """
    head, comma, body = url.partition("#")[0].removeprefix("data:").partition(",")
    if not comma:
        return None
    content = unquote_to_bytes(body)
    if _BASE64.search(head.encode("utf-8", "replace")) is None:
        return content
    content = _BLANKS.sub(b"", content)
    content = content[:-2] if content.endswith(b"==") else content.removesuffix(b"=")
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error:
        return None


def data_record(source: bytes) -> ModuleRecord | None:
    """Return the record of the module in a `data:` URL, or None if it cannot be parsed."""
    analysis = analyse_module(source)
    is_wrong = any(one.kind.severity is Severity.ERROR for one in analysis.diagnostics)
    return None if is_wrong or not analysis.complete else analysis.record


class _Constant(ValueError):
    """A constant that Python's json accepts as a number and JavaScript's JSON does not."""


def _no_constant(name: str) -> None:
    raise _Constant(name)


def _error(text: str, message: str, at: int) -> JsonError:
    return JsonError(message, len(text[:at].encode("utf-8", "surrogateescape")))
