"""Finds out whether a name that a module does not export is that of a type, as far as texts show.

No record has types, since Node strips them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from esmcache.linking import LinkingGraph

# `doctor` and editors add this to the message of a missing export.
ONLY_A_TYPE = ", only a type of this name, and Node strips types"
# A declaration, `type T` or `type { …, T` in an import or export, up to the name.
_DECLARED = rb"\b(?:interface|type|declare\s+[a-z\s]+)\s+%(name)s(?![\w$])"
_LISTED = rb"\b(?:import|export)\s+type\b[^;\"']*?(?<![\w$])%(name)s(?![\w$])"


def is_type_name(graph: LinkingGraph, url: str, name: str, text_of: Callable[[str], bytes | None]) -> bool:
    """Return whether a TypeScript module, or one that it exports all names of, has a type of this name.

    Args:
        url: The URL of the module.
        text_of: Returns the text of the TypeScript module at a URL, or None for other modules.
    """
    urls, seen = [url], {url}
    while urls:
        at = urls.pop()
        text = text_of(at)
        if text is None:
            continue
        if _declares_type(text, name):
            return True
        record = graph.record(at)
        for entry in () if record is None else record.star_export_entries:
            target = entry.module_request and graph.resolved_url(at, entry.module_request)
            if target and target not in seen:
                seen.add(target)
                urls.append(target)
    return False


def _declares_type(source: bytes, name: str) -> bool:
    escaped = {b"name": re.escape(name.encode("utf-8", "surrogatepass"))}
    return any(re.search(pattern % escaped, source) for pattern in (_DECLARED, _LISTED))
