"""Updates the cache after a save: one module's own cache, and what runners read of it.

A save does not walk the graph again. If the module's requests are unchanged, the manifests that hold it are changed in
place. Otherwise the caller must warm their entry points.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from esmcache.build.commit import commit_save
from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.graph import GraphModule, Problem
from esmcache.build.module_rows import InputSets, request_rows
from esmcache.build.publish import Publisher
from esmcache.build.walk import Walk
from esmcache.build.walk_result import WalkResult
from esmcache.cache_files import read_regular
from esmcache.engines.node.compile_cache_layout import is_top_level_only
from esmcache.file_source import file_url_from_path
from esmcache.maintain.domain_directory import DomainDirectory
from esmcache.private_files import write_whole
from esmcache.serving.layout import ServedKind
from esmcache.serving.manifest import check_manifest, may_count_calls
from esmcache.serving.manifest_change import with_changed_module
from esmcache.store.rows import CodeCacheLinkRow, EntryPointRow, RequestRow

# Node loads no TSX, and its syntax would be an error in JavaScript. Editors open such files only to be told so.
_NEVER_LOADED = ".tsx"


@dataclass(slots=True)
class Update:
    """The result of updating saved modules.

    `updated` are the URLs whose caches now match their files. `to_warm` has, by conditions, the entry points that are
    served the old graph until they are warmed.
    """

    updated: list[str] = field(default_factory=list)
    to_warm: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class Save:
    """Updates the cache of single files, for one Node build."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._index = context.index

    def run(self, paths: Iterable[str], conditions: tuple[str, ...]) -> Update:
        """Update the cache of saved modules.

        Args:
            paths: The absolute real paths of the modules.
            conditions: The conditions for a module that no entry point reaches.

        Raises:
            OSError: If a file of the cache cannot be written.
            IndexUnusable: If the index cannot be read or written.
        """
        update = Update()
        for path in paths:
            if not path.endswith(_NEVER_LOADED):
                self._update(path, conditions, update)
        return update

    def _update(self, path: str, conditions: tuple[str, ...], update: Update) -> None:
        first = self._visit(path, conditions)
        if first is None:
            return
        entries = self._entries_with(first.module.url)
        by_conditions: dict[tuple[str, ...], list[EntryPointRow]] = {}
        for entry in entries:
            by_conditions.setdefault(_conditions_of(entry), []).append(entry)
        claims = self._index.where(CodeCacheLinkRow, "url", [first.module.url])
        if any(is_top_level_only(claim.kind) for claim in claims):
            first.compiler.keep_top_levels([first.module], first.publisher.current_source)
        places = commit_save(
            self._context, first.module, first.found, first.compiler, first.publisher, with_requests=not entries
        )
        for place in places:
            DomainDirectory(self._context.directory, self._index, place, first.compiler.store).write()
        update.problems += first.found.problems
        update.updated.append(first.module.url)
        for chosen, some in by_conditions.items():
            visit = first if chosen == conditions else self._visit(path, chosen)
            if visit is None:
                continue
            stored = sorted(
                self._index.where(RequestRow, "url", [visit.module.url]), key=lambda request: request.ordinal
            )
            # Until Node can strip the types, nobody knows what the module requests.
            is_unknown = visit.module.is_typescript and visit.module.has_syntax_error
            asks_the_same = is_unknown or stored == request_rows(visit.module, InputSets())
            for entry in some:
                if not (asks_the_same and self._change(entry, visit)):
                    update.to_warm.setdefault(chosen, []).append(entry.path)

    def _entries_with(self, url: str) -> list[EntryPointRow]:
        rows = self._index.where(EntryPointRow, "manifest", self._index.entries_with(url))
        return [row for row in rows if row.engine_tag == self._context.node.engine_tag]

    def _visit(self, path: str, conditions: tuple[str, ...]) -> _Visit | None:
        started_ms = time.time() * 1000
        compiler = Compiler(self._context)
        found = Walk(self._context, conditions, compiler).look_at(path)
        module = found.modules.get(file_url_from_path(path))
        if module is None:
            return None
        publisher = Publisher(self._context, conditions, compiler, started_ms)
        for refused, reason in publisher.pack([module]):
            refused.leave_native(reason)
        return _Visit(module, found, compiler, publisher)

    def _change(self, entry: EntryPointRow, visit: _Visit) -> bool:
        """Change the entry point's manifest in place; return False if the entry point must be warmed instead."""
        module, publisher = visit.module, visit.publisher
        if module.has_syntax_error:
            # A program that loads the module gets Node's error, as from any changed file. The next save mends the
            # manifest.
            return True
        if module.kind is ServedKind.NATIVE or module.fact is None or publisher.may_name_paths(module):
            return False
        if visit.compiler.keeps_back(module):
            # The module must claim its name in Node's directory without a code cache.
            return False
        path = self._context.directory.manifests_path / entry.manifest
        before = read_regular(path)
        if before is None or check_manifest(before) is None:
            return False
        if visit.compiler.may_count_calls(module) and not may_count_calls(before):
            return False
        source = publisher.source_of(module)
        after = with_changed_module(before, module.url, module.fact, source, publisher.pack_fact(source))
        if after is None:
            return False
        if after != before:
            write_whole(path, after)
        return True


@dataclass(frozen=True, slots=True)
class _Visit:
    """One module as it was found under certain conditions."""

    module: GraphModule
    found: WalkResult
    compiler: Compiler
    publisher: Publisher


def _conditions_of(entry: EntryPointRow) -> tuple[str, ...]:
    return tuple(entry.conditions.split("\0")) if entry.conditions else ()
