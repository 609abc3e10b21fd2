"""The importers of a module: those in the index, checked against their current texts."""

from __future__ import annotations

from collections.abc import Iterator

from esmcache.ide.modules import Occurrence, WorkspaceModule, WorkspaceModules, real_url
from esmcache.ide.specifiers import split_specifier
from esmcache.records import Resolution
from esmcache.store.index import Index
from esmcache.store.rows import RequestRow


class Importers:
    """Finds importers; modules that were never warmed are found only while they are open."""

    def __init__(self, modules: WorkspaceModules, index: Index) -> None:
        self._modules = modules
        self._index = index

    def urls(self, url: str) -> list[str]:
        """Return the URLs of the modules that may request `url`, open ones first."""
        known = [row.url for row in self._index.where(RequestRow, "resolved_url", [url])]
        return list(dict.fromkeys([*(real_url(path) for path in self._modules.documents), *known]))

    def of(self, url: str) -> Iterator[tuple[WorkspaceModule, list[Occurrence]]]:
        """Yield each module that requests `url`, with the occurrences of the specifiers that do."""
        for one in self.urls(url):
            module = self._modules.module(one)
            if module is None:
                continue
            found = [occurrence for occurrence in module.occurrences() if self._leads_to(module, occurrence, url)]
            if found:
                yield module, found

    def depending(self, url: str) -> list[str]:
        """Return the URLs of the modules that request `url`, or a module that re-exports from it."""
        found: dict[str, None] = {}
        exporting = [url]
        for one in exporting:
            for module, occurrences in self.of(one):
                if module.url in found:
                    continue
                found[module.url] = None
                specifiers = {occurrence.specifier for occurrence in occurrences}
                entries = (*module.record.star_export_entries, *module.record.indirect_export_entries)
                if any(entry.module_request and entry.module_request.specifier in specifiers for entry in entries):
                    exporting.append(module.url)
        return list(found)

    def _leads_to(self, module: WorkspaceModule, occurrence: Occurrence, url: str) -> bool:
        answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
        # With a query or fragment, the same file is another module.
        return isinstance(answer, Resolution) and split_specifier(answer.resolved_url)[0] == url
