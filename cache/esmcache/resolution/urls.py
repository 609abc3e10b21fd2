"""URLs as Node parses them, by Ada, the library that parses URLs in Node, too.

Resolution loads file:, data: and node: only. Of other URLs it needs the scheme, and whether they are URLs at all.

The version of Ada is that of Node 26. Older Nodes differ in three ways:

- Node 22 leaves `^` in a path as it is. Only messages show that.
- Node 22 leaves the last space of an opaque path as it is; `as_node_22` does this for data: URLs.
- Before Node 26, `./x#` relative to a data: URL is a URL, which Node then refuses to load; and some hosts that begin
  with `xn--` are refused. No Node loads anything from a host.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ada_url import join_url, normalize_url

from esmcache.file_source import file_url_from_path
from esmcache.resolution.errors import (
    InvalidFileUrlHost,
    InvalidFileUrlPath,
    InvalidUrlScheme,
    JavaScriptUriError,
)

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(r"%2[Ff]")
_SPACE_BEFORE_SUFFIX = re.compile(r"[^?#]* [\t\n\r]*[?#]")


class Url(NamedTuple):
    """A parsed URL; `search` and `hash` include `?` and `#`, even if nothing follows."""

    href: str
    scheme: str
    host: str
    path: str
    search: str = ""
    hash: str = ""

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
    href = file_url_from_path(well_formed(path))
    return Url(href, "file", "", href[7:])


def url_of_builtin(name: str) -> Url:
    """Return the URL of the built-in module `name`."""
    return Url(f"node:{name}", "node", "", name)


def parse_url(text: str, base: Url | None = None) -> Url | None:
    """Return the URL that `text` means relative to `base`, or None if the standard returns a failure."""
    if base is None and ":" not in text:
        return None
    text = well_formed(text)
    try:
        return _split(normalize_url(text) if base is None else join_url(base.href, text))
    except ValueError:
        return None


def as_node_22(url: Url, text: str) -> Url:
    """Return `url`, parsed from `text`, as Node 22 writes it: it leaves the last space of an opaque path."""
    if not url.path.endswith("%20") or url.path.startswith("/") or not _SPACE_BEFORE_SUFFIX.match(text):
        return url
    path = url.path[:-3] + " "
    return url._replace(href=f"{url.scheme}:{path}{url.search}{url.hash}", path=path)


def _split(href: str) -> Url:
    scheme, _, path = href.partition(":")
    path, mark, fragment = path.partition("#")
    hash_ = mark + fragment
    path, mark, query = path.partition("?")
    host = ""
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        path = slash + path
    elif path.startswith("/.//"):
        # These dots only keep the path from being read as a host.
        path = path[2:]
    return Url(href, scheme, host, path, mark + query, hash_)
