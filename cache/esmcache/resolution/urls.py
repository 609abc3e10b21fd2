"""URLs as the WHATWG standard parses them, for the schemes of module resolution: file:, data:, node:.

Other schemes are recognised but not normalised: resolution only needs their error.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from esmcache.file_source import file_url_from_path
from esmcache.resolution.errors import (
    InvalidFileUrlHost,
    InvalidFileUrlPath,
    InvalidUrlScheme,
    JavaScriptUriError,
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_WEB_SCHEMES = frozenset(("http", "https", "ws", "wss", "ftp"))
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20#/<>?@\\^|%\x7f]")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE = str.maketrans("", "", "\t\n\r")
_PATH_SAFE = "!$%&'()*+,-./:;=@[\\]_|~"
_QUERY_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
_FRAGMENT_SAFE = "!#$%&'()*+,-./:;=?@[\\]^_{|}~"
_OPAQUE_SAFE = "".join(map(chr, range(0x20, 0x7F)))
_PLAIN = re.compile(r"[A-Za-z0-9_\-/@+~!$&'()*,;=:.]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(r"%2[Ff]")
_SINGLE_DOT = frozenset((".", "%2e", "%2E"))
_DOUBLE_DOT = frozenset(first + second for first in _SINGLE_DOT for second in _SINGLE_DOT)


class Url(NamedTuple):
    """A parsed URL; `search` and `hash` include `?` and `#`, even if nothing follows; `data:x` has an opaque path."""

    scheme: str
    host: str
    path: str
    search: str = ""
    hash: str = ""
    opaque: bool = False

    @property
    def href(self) -> str:
        """Return the URL's text."""
        slashes = "//" if self.scheme == "file" or (self.host and not self.opaque) else ""
        return f"{self.scheme}:{slashes}{self.host}{self.path}{self.search}{self.hash}"

    def file_path(self) -> str:
        """Return the same path as Node's fileURLToPath; raises its errors."""
        if self.scheme != "file":
            raise InvalidUrlScheme
        if self.host:
            raise InvalidFileUrlHost
        path = self.path
        if "%" not in path:
            return path
        if _ENCODED_SLASH.search(path):
            raise InvalidFileUrlPath
        if _BAD_ESCAPE.search(path):
            raise JavaScriptUriError
        try:
            return unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            raise JavaScriptUriError from None


def well_formed(text: str) -> str:
    """Return `text` with lone surrogates replaced, as JavaScript's `toWellFormed` does."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def url_from_path(path: str) -> Url:
    """Return the URL of an absolute path, as Node's pathToFileURL does."""
    return Url("file", "", file_url_from_path(well_formed(path))[7:])


def parse_url(text: str, base: Url | None = None) -> Url | None:
    """Return the URL that `text` means relative to `base`, or None if the standard returns a failure."""
    text = well_formed(text).strip(_C0_AND_SPACE).translate(_TAB_OR_NEWLINE)
    match = _SCHEME.match(text)
    if match is None:
        if base is None or base.opaque or base.scheme != "file":
            return None
        return _parse_file(text, base)
    scheme = match[1].lower()
    rest = text[match.end() :]
    if scheme == "file":
        return _parse_file(rest, base if base is not None and base.scheme == "file" else None)
    rest, hash_ = _split_suffix(rest, "#", _FRAGMENT_SAFE)
    rest, search = _split_suffix(rest, "?", _QUERY_SAFE)
    if scheme in _WEB_SCHEMES:
        return _parse_web(scheme, rest, search, hash_)
    if rest.startswith("/"):
        host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest[1:])
        return Url(scheme, host, slash + quote(path, safe=_PATH_SAFE), search, hash_)
    return Url(scheme, "", quote(rest, safe=_OPAQUE_SAFE), search, hash_, opaque=True)


def _split_suffix(text: str, mark: str, safe: str) -> tuple[str, str]:
    text, found, suffix = text.partition(mark)
    return text, mark + quote(suffix, safe=safe) if found else ""


def _parse_web(scheme: str, rest: str, search: str, hash_: str) -> Url | None:
    authority, _, path = rest.replace("\\", "/").lstrip("/").partition("/")
    host = authority.rpartition("@")[2]
    name = host.partition(":")[0]
    if not name or _FORBIDDEN_IN_HOST.search(name):
        return None
    return Url(scheme, host.lower(), "/" + quote(path, safe=_PATH_SAFE), search, hash_)


def _parse_file(text: str, base: Url | None) -> Url | None:
    if _PLAIN.fullmatch(text):
        path, search, hash_ = text, base.search if base is not None and text == "" else "", ""
    else:
        rest, hash_ = _split_suffix(text, "#", _FRAGMENT_SAFE)
        path, question, query = rest.partition("?")
        search = question and "?" + quote(query, safe=_QUERY_SAFE)
        path = path.replace("\\", "/")
        if path == "" and base is not None and not question:
            search = base.search
    host = base.host if base is not None else ""
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        host = host.lower()
        path = slash + path
        if _FORBIDDEN_IN_HOST.search(host) or ":" in host:
            return None
        if host == "localhost":
            host = ""
    elif not path.startswith("/"):
        if path == "" and base is not None:
            return Url("file", host, base.path, search, hash_)
        directory = base.path[: base.path.rfind("/") + 1] if base is not None else "/"
        path = directory + path
    return Url("file", host, _without_dots(path), search, hash_)


def _without_dots(path: str) -> str:
    if not _PLAIN.fullmatch(path):
        path = quote(path, safe=_PATH_SAFE)
    elif "/." not in path:
        return path or "/"
    kept: list[str] = []
    names = path.split("/")[1:]
    for name in names:
        if name in _DOUBLE_DOT:
            if kept:
                kept.pop()
        elif name not in _SINGLE_DOT:
            kept.append(name)
    if names and (names[-1] in _SINGLE_DOT or names[-1] in _DOUBLE_DOT):
        kept.append("")
    return "/" + "/".join(kept)
