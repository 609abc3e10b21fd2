"""The URL of a module that a person or a program names by a path or a URL."""

from __future__ import annotations

import os
import re

from esmcache.errors import CacheError
from esmcache.file_source import file_url_from_path, path_from_file_url

_OTHER_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def as_file_url(url: str) -> str:
    """Return the file: URL of a module.

    Args:
        url: A path or a file: URL.

    Raises:
        CacheError: If `url` is of another kind, or has a lone surrogate.
    """
    if _OTHER_URL.match(url) and not os.path.lexists(url):
        raise CacheError(f"{url} is neither a path nor a file: URL")
    try:
        if url.startswith("file:"):
            path = path_from_file_url(url)
            return url if path is None else file_url_from_path(path)
        return file_url_from_path(os.path.abspath(url))
    except UnicodeEncodeError as error:
        raise CacheError(f"{url} has a lone surrogate, which no file name can have") from error


def as_referrer_url(referrer: str) -> str:
    """Return the URL of an importing module.

    Args:
        referrer: A path, or a file: or data: URL.

    Raises:
        CacheError: If `referrer` is of another kind, or has a lone surrogate.
    """
    return referrer if referrer.startswith("data:") else as_file_url(referrer)
