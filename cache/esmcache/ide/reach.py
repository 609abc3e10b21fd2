"""The modules that each module reaches, from the index: counted once for every state of the index."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmcache.build.graph import Asked
from esmcache.store.index import Index


@dataclass(frozen=True, slots=True)
class Reached:
    """The modules that one module statically reaches, including itself, and the bytes of their sources."""

    modules: int
    bytes: int


@dataclass(slots=True)
class Reach:
    """The edges of the module graph in memory; they are read again if another process has written the index."""

    index: Index
    _version: tuple[int, int] = (-1, -1)
    _edges_version: int = -1
    _targets: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _counted: dict[str, Reached] = field(default_factory=dict)

    def through(self, url: str) -> Reached:
        """Return the count and size of the modules that a module statically reaches."""
        self.refresh()
        found = self._counted.get(url)
        if found is None:
            urls = self.closure([url], dynamic=False)
            size = sum(self._sizes.get(one, 0) for one in urls)
            found = self._counted[url] = Reached(len(urls), size)
        return found

    def closure(self, urls: list[str], *, dynamic: bool) -> list[str]:
        """Return all modules that `urls` reach.

        Args:
            dynamic: Whether to follow requests that are made while running, too.
        """
        self.refresh()
        found = dict.fromkeys(urls)
        pending = list(found)
        while pending:
            for target, while_running in self._targets.get(pending.pop(), ()):
                if target not in found and (dynamic or not while_running):
                    found[target] = None
                    pending.append(target)
        return list(found)

    def targets(self, url: str) -> list[tuple[str, bool]]:
        """Return the modules that a module requests; the flag of each says whether it does so only while it runs."""
        self.refresh()
        return self._targets.get(url, [])

    def refresh(self) -> bool:
        """Read the edges again if the index has changed, and return whether it has."""
        version = self.index.version()
        if version == self._version:
            return False
        self._version = version
        self._counted = {}
        self._sizes = self.index.sizes()
        edges_version = self.index.edges_version()
        if edges_version != self._edges_version:
            self._edges_version, self._targets = edges_version, {}
            for importer, imported, asked in self.index.edges():
                self._targets.setdefault(importer, []).append((imported, bool(asked & Asked.WHILE_RUNNING)))
        return True
