"""Lists of URLs in the lines that starts write (runtime/reporting.cjs), and which of these files a warm can help with.

Every `esmcache run` imports this module, so it must import only what a start needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import unquote

_FILE = "file://"
# File systems take their times from a clock that moves on in such steps, at most.
_TICK_MS = 10


def listed_urls(texts: Iterable[object]) -> list[str]:
    """Return URLs that are each written as the count of characters as in the URL before, a blank, and the rest.

    Raises:
        ValueError: If a text does not begin with a number.
    """
    urls, before = [], ""
    for text in texts:
        shared, _, rest = str(text).partition(" ")
        before = before[: int(shared)] + rest
        urls.append(before)
    return urls


def lasting_urls(urls: Iterable[str], started_ms: float) -> list[str]:
    """Return the URLs of files that are still there, and that were written before a process started.

    Programs write modules, load them and remove them, or write them again at each start. To warm these is of no use to
    the next start. A file that stays is missed again by the next start, which did not write it.

    Args:
        urls: URLs of any scheme; only those of files are returned.
        started_ms: In ms since the epoch.
    """
    lasting = []
    for url in urls:
        if not url.startswith(_FILE):
            continue
        path = unquote(url.partition("?")[0].partition("#")[0][len(_FILE) :])
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            continue
        if status.st_ctime_ns / 1_000_000 < started_ms - _TICK_MS:
            lasting.append(url)
    return lasting
