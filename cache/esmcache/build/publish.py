"""Writes the files that runners read: packs of sources, and a manifest for each entry point."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

from esmcache.build.compile import Compiler
from esmcache.build.context import BuildContext
from esmcache.build.freshness import FileContent, UnreadableFile, read_file
from esmcache.build.graph import Asked, GraphModule, load_order
from esmcache.build.packages import Packages
from esmcache.build.trust_domains import TrustDomains
from esmcache.cache_files import read_regular
from esmcache.file_source import Fingerprint, directory_fingerprint, is_proven
from esmcache.maintain.domain_directory import NO_SOURCE, domain_place, preload_names
from esmcache.maintain.pack_rows import pack_entry_row, packed_source
from esmcache.private_files import write_whole
from esmcache.records import InputKind, ModuleFormat, Resolution, ResolutionInput
from esmcache.serving.layout import (
    ASKED_BY_IMPORT,
    ASKED_BY_REQUIRE,
    ASKED_WHILE_RUNNING,
    ENTRY_HEADER_SIZE,
    ServedKind,
)
from esmcache.serving.manifest import FileFact, Manifest, ManifestModule, ManifestRequest, encode_manifest
from esmcache.serving.names import manifest_identity, manifest_name
from esmcache.serving.pack import (
    PACK_HEADER_SIZE,
    PackedSource,
    append_sources,
    current_pack,
    family_of,
    held_places,
    is_utf8_source,
    pack_family,
    pack_fingerprint,
    sound_pack,
    why_not_packed,
)
from esmcache.serving.served_kinds import COMPILED_KINDS, ES_MODULE_KINDS, PACKED_KINDS
from esmcache.store.rows import CodeCacheLinkRow, PackEntryRow, PackRow

_ASKED_IN_MANIFEST = ASKED_BY_IMPORT | ASKED_BY_REQUIRE | ASKED_WHILE_RUNNING
# Node refuses encoded separators in the URL of an import and of an entry point.
_REFUSED_IN_URLS = re.compile(r"%2f|%5c", re.IGNORECASE)
_RESOLVE = re.compile(rb"\bresolve\b")
_PATHS = re.compile(rb"\bpaths\b")
_MOST_APPENDED_AT_ONCE = 32 * 1024 * 1024
# In a smaller program, V8 compiles the called functions faster than a start could report them.
_LEAST_BYTES_WITH_CALLS = 64 * 1024
# Below this, one more report would take longer than the functions precompiled from it save in some ten starts.
_LEAST_UNKNOWN_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Published:
    """A manifest that now exists, and its modules.

    `domain` is the name of the trust domain. `links` are the names that its modules claim in the domain's directory,
    where starts look for their entries. `is_written` says that the manifest differs from the one before.
    """

    manifest: str
    modules: list[GraphModule]
    domain: str
    links: list[CodeCacheLinkRow]
    is_written: bool


class Publisher:
    """Writes packs and manifests for one warm; counts what it wrote."""

    def __init__(
        self,
        context: BuildContext,
        conditions: tuple[str, ...],
        compiler: Compiler,
        started_ms: float,
    ) -> None:
        """Prepare to publish a graph.

        Args:
            started_ms: A time before all of the graph's files were looked at, in milliseconds since the epoch.
        """
        self._directory = context.directory
        self._started_ms = started_ms
        self._index = context.index
        self._files = context.files
        self._node = context.node
        self._compiler = compiler
        self.conditions = conditions
        self._package_json_facts: dict[str, FileFact] = {}
        self._directory_facts: dict[str, Fingerprint] = {}
        self._seen_inputs: set[int] = set()
        self._seen_directories: set[str] = set()
        self._places: dict[tuple[bytes, str], PackedSource] = {}
        self.packages = Packages(context.files)
        self._domains = TrustDomains(context.files)
        self._sound_packs: dict[str, Fingerprint] = {}
        self.pack_rows: list[PackEntryRow] = []
        self._sound_pack_rows: dict[str, PackRow] = {}
        self.lost_packs: set[str] = set()
        self.manifests_written = 0

    def pack(self, modules: Iterable[GraphModule]) -> list[tuple[GraphModule, str]]:
        """Append the sources that no pack holds yet.

        Returns:
            The modules whose text cannot be served, each with the reason; Node must load them itself.

        Raises:
            OSError: If a pack cannot be written.
            IndexUnusable: If the index cannot be read.
        """
        served = [one for one in modules if one.kind in PACKED_KINDS and one.fact]
        packs: dict[str, list[GraphModule]] = {}
        for module in served:
            module.package_root = self.packages.root_of(module.path)
            packs.setdefault(pack_family(self.packages.pack_label(module.package_root)), []).append(module)
        self._know_places(module.fact.sha256 for module in served if module.fact)
        return [refused for name, members in packs.items() for refused in self._append(name, members)]

    def _know_places(self, hashes: Iterable[bytes]) -> None:
        """Note the places of sources that packs hold already."""
        rows: dict[str, list[PackEntryRow]] = {}
        for row in self._index.where(PackEntryRow, "source_sha256", set(hashes)):
            rows.setdefault(row.pack, []).append(row)
        self._prove_packs(rows)
        for name, some in rows.items():
            wanted = [(row.source_sha256, packed_source(row)) for row in some]
            for digest, place in held_places(self._directory.packs_path, name, wanted, self._sound_packs.get(name)):
                self._places[digest, family_of(name)] = place

    def _prove_packs(self, names: Collection[str]) -> None:
        """Check all sources in the packs that have changed since the last check, and remove damaged packs."""
        known = {row.pack: Fingerprint(*astuple(row)[1:]) for row in self._index.where(PackRow, "pack", names)}
        changed: dict[str, list[PackEntryRow]] = {}
        for name in names:
            seen = pack_fingerprint(self._directory.packs_path, name)
            if seen is not None and seen == known.get(name):
                self._sound_packs[name] = seen
            else:
                changed[name] = []
        for row in self._index.where(PackEntryRow, "pack", changed):
            changed[row.pack].append(row)
        for name, rows in changed.items():
            sources = [(row.source_sha256, packed_source(row)) for row in rows]
            sound = sound_pack(self._directory.packs_path, name, sources)
            if sound is not None:
                self._note_sound(name, sound)
            else:
                # Until their programs are warmed, manifests that name this pack fall back to Node.
                self.lost_packs.add(name)
                self._directory.remove("packs", name)

    def _note_sound(self, name: str, seen: Fingerprint) -> None:
        self._sound_packs[name] = seen
        self._sound_pack_rows[name] = PackRow(name, *astuple(seen))

    def sound_pack_rows(self) -> list[PackRow]:
        """Return the rows of the packs in which this build has proven every source."""
        return list(self._sound_pack_rows.values())

    def _append(self, family: str, members: Sequence[GraphModule]) -> Iterator[tuple[GraphModule, str]]:
        """Append what is new.

        Yields:
            The modules whose text cannot be served, each with the reason.
        """
        batch: dict[bytes, bytes] = {}
        size = 0
        for module in members:
            if module.fact is None or (module.fact.sha256, family) in self._places or module.fact.sha256 in batch:
                continue
            module.source = self.current_source(module)
            if module.source is None:
                yield module, "changed while it was warmed"
                continue
            if reason := why_not_packed(module.kind, module.source):
                yield module, reason
                continue
            if module.kind is ServedKind.COMMONJS and not is_utf8_source(module.source):
                # It is served without its source: Node replaces the bytes that are not UTF-8.
                continue
            batch[module.fact.sha256] = module.source
            size += len(module.source)
            if size > _MOST_APPENDED_AT_ONCE:
                self._append_batch(family, batch)
                batch, size = {}, 0
        if batch:
            self._append_batch(family, batch)

    def current_source(self, module: GraphModule) -> bytes | None:
        """Return the module's source, or None if its file has changed since it was looked at."""
        if module.source is not None or module.fact is None:
            return module.source
        answer = read_file(self._files, module.path)
        if isinstance(answer, UnreadableFile) or answer.fact.sha256 != module.fact.sha256:
            return None
        return answer.source

    def _append_batch(self, family: str, batch: dict[bytes, bytes]) -> None:
        # If the index was lost, nothing is known of the pack that will be appended to: check it first.
        current = current_pack(self._directory.packs_path, family)
        if current and current not in self._sound_packs:
            self._prove_packs([current])
        places = append_sources(self._directory.packs_path, family, list(batch.items()))
        for digest, place in zip(batch, places, strict=True):
            self._places[digest, family] = place
            self.pack_rows.append(pack_entry_row(digest, place))
        first, last = places[0], places[-1]
        before, seen = self._sound_packs.get(first.pack), pack_fingerprint(self._directory.packs_path, first.pack)
        sound_size = PACK_HEADER_SIZE if before is None else before.size
        is_next = first.offset - ENTRY_HEADER_SIZE == sound_size + -sound_size % 8
        if seen is not None and is_next and seen.size == last.offset + last.length + -last.length % 8:
            # No other process has written to the pack since it was proven or made.
            self._note_sound(first.pack, seen)
        else:
            self._sound_packs.pop(first.pack, None)
            self._sound_pack_rows.pop(first.pack, None)

    def pack_fact(self, source: PackedSource | None) -> Fingerprint | None:
        """Return the fingerprint of the pack that holds a source, or None if some source in the pack is not proven."""
        return None if source is None else self._sound_packs.get(source.pack)

    def publish(self, entry: GraphModule, graph: dict[str, GraphModule], also: Iterable[str]) -> Published:
        """Write the entry point's manifest if it differs from the existing one.

        Args:
            graph: All modules, by URL.
            also: URLs that earlier runs loaded; it is not known which modules requested them.

        Raises:
            OSError: If the manifest cannot be written.
        """
        modules = load_order([entry, *(graph[url] for url in also if url in graph)], graph)
        numbers = {module.url: number for number, module in enumerate(modules)}
        counts_calls = any(self._compiler.may_count_calls(module) for module in modules)
        domain = replace(self._domains.domain_of(entry.path), counts_calls=counts_calls)
        members = self._domains.members(domain, modules, self.packages.root_of)
        if counts_calls:
            self._compiler.keep_top_levels([module for module in modules if module.url in members], self.current_source)
        place = domain_place(domain.name, self._node)
        links = list(self._links(place, modules, members, counts_calls))
        # Node would take the code cache of one module for that of the other.
        is_unique = len({link.name for link in links} - preload_names().keys()) == len(links)
        has_code_caches = self._node.compile_cache_layout and is_unique
        identity = manifest_identity(entry.path, self._node.version, self._node.arch, self.conditions)
        content = encode_manifest(
            Manifest(
                identity,
                [self._manifest_module(module, numbers) for module in modules],
                self._package_json_facts,
                self._directory_facts,
                self._sound_packs,
                self._node.v8_tag if has_code_caches else None,
                domain=domain.name,
                wants_called_functions=has_code_caches and not counts_calls and self._wants_called_functions(modules),
                has_known_layout=self._node.compile_cache_layout,
                counts_calls=counts_calls,
                loaded_first=_count_loaded_first(entry, graph),
            )
        )
        name = manifest_name(identity)
        path = self._directory.manifests_path / name
        differs = read_regular(path) != content
        if differs:
            write_whole(path, content)
            self.manifests_written += 1
        return Published(name, modules, domain.name, links, differs)

    def _links(
        self, place: str, modules: Iterable[GraphModule], members: set[str], counts_calls: bool
    ) -> Iterator[CodeCacheLinkRow]:
        """Yield the names that modules claim in the domain's directory, including modules that Node loads itself.

        A module that must have no code cache claims its name, too, because Node looks for one all the same.
        """
        for module in modules:
            kind = module.module_format
            if kind is not None and kind.without_types in (ModuleFormat.MODULE, ModuleFormat.COMMONJS):
                kept = self._compiler.kept(module, top_level_only=counts_calls) if module.url in members else None
                for entry in self._compiler.entries(module, kind, top_level_only=counts_calls):
                    source = NO_SOURCE if kept is None else kept[entry.name].source_sha256
                    yield CodeCacheLinkRow(place, entry.name, module.url, entry.kind, source)

    def _wants_called_functions(self, modules: Iterable[GraphModule]) -> bool:
        all_bytes = unknown_bytes = 0
        for module in modules:
            if module.kind in COMPILED_KINDS and module.fact is not None:
                size = module.fact.fingerprint.size
                all_bytes += size
                unknown_bytes += 0 if self._compiler.called.is_known(module.fact.sha256) else size
        return all_bytes >= _LEAST_BYTES_WITH_CALLS and unknown_bytes >= _LEAST_UNKNOWN_BYTES

    def _manifest_module(self, module: GraphModule, numbers: dict[str, int]) -> ManifestModule:
        requests: dict[str, list[ManifestRequest]] = {}
        refused = Asked.WORKER | (Asked.REQUIRE if self.may_name_paths(module) else Asked(0))
        if module.is_root and not _REFUSED_IN_URLS.search(module.url):
            # The request for an entry point comes from no URL: it is stored as the module's request for itself.
            inputs = self._with_facts(module.root_inputs)
            requests[module.url] = [ManifestRequest(module.url, ASKED_BY_IMPORT, numbers[module.url], inputs)]
        for request, answer in zip(module.requests, module.answers, strict=True):
            if not isinstance(answer, Resolution) or answer.warns or request.asked & refused:
                continue
            target = numbers.get(answer.resolved_url)
            if target is None or not _is_well_formed(request.specifier):
                continue
            asked = int(request.asked) & _ASKED_IN_MANIFEST
            way = asked & (ASKED_BY_IMPORT | ASKED_BY_REQUIRE)
            same = requests.setdefault(request.specifier, [])
            earlier = next((one for one in same if one.asked & way), None)
            if earlier is None:
                same.append(ManifestRequest(request.specifier, asked, target, self._with_facts(answer.inputs)))
            elif asked & ASKED_WHILE_RUNNING and not earlier.asked & ASKED_WHILE_RUNNING:
                same[same.index(earlier)] = ManifestRequest(
                    earlier.specifier, earlier.asked | ASKED_WHILE_RUNNING, target, earlier.inputs
                )
        self._know_directory(module.path.rpartition("/")[0])
        source, kind = self.source_of(module), module.kind
        if kind is not ServedKind.COMMONJS and source is None:
            kind = ServedKind.NATIVE
        flat = tuple(request for same in requests.values() for request in same)
        return ManifestModule(module.url, module.path, kind, module.fact, source, flat, module.format_is_detected)

    def source_of(self, module: GraphModule) -> PackedSource | None:
        """Return the place of a module's packed source, or None if the source is not served."""
        if module.kind not in PACKED_KINDS or module.fact is None:
            return None
        return self._places.get((module.fact.sha256, pack_family(self.packages.pack_label(module.package_root))))

    def may_name_paths(self, module: GraphModule) -> bool:
        """Return whether the module may use `require.resolve(specifier, {paths})`, which hooks see as a `require`."""
        if not any(Asked.REQUIRE in request.asked for request in module.requests):
            return False
        try:
            source = self._files.read(module.path) if module.source is None else module.source
        except OSError:
            return True
        return _RESOLVE.search(source) is not None and _PATHS.search(source) is not None

    def _with_facts(self, inputs: tuple[ResolutionInput, ...]) -> tuple[ResolutionInput, ...]:
        if id(inputs) in self._seen_inputs:
            return inputs
        # The graph keeps its answers alive, so no other object can get their ids.
        self._seen_inputs.add(id(inputs))
        for one in inputs:
            if one.kind is InputKind.PACKAGE_JSON and one.path not in self._package_json_facts:
                answer = read_file(self._files, one.path)
                # An answer that was resolved from other content than this has no fact, so it is never served.
                if isinstance(answer, FileContent) and answer.fact.sha256.hex() == one.detail:
                    self._package_json_facts[one.path] = answer.fact
            elif one.kind in (InputKind.ABSENT, InputKind.FILE):
                self._know_directory(one.path.rpartition("/")[0])
        return inputs

    def _know_directory(self, directory: str) -> None:
        if not directory or directory in self._seen_directories:
            return
        self._seen_directories.add(directory)
        status = self._files.lstat(directory)
        seen = None if status is None else directory_fingerprint(status)
        if seen is not None and is_proven(seen, self._started_ms):
            self._directory_facts[directory] = seen


def _count_loaded_first(entry: GraphModule, graph: dict[str, GraphModule]) -> int:
    """Return the number of served modules that Node loads before it runs any of them."""
    found: set[str] = set()
    stack = [entry]
    while stack:
        module = stack.pop()
        if module.url in found or module.kind is ServedKind.NATIVE:
            continue
        found.add(module.url)
        if module.kind in ES_MODULE_KINDS:
            asked = zip(module.requests, module.answers, strict=True)
            targets = [
                graph.get(answer.resolved_url)
                for request, answer in asked
                if isinstance(answer, Resolution)
                and Asked.IMPORT in request.asked
                and Asked.WHILE_RUNNING not in request.asked
            ]
            stack += [target for target in targets if target is not None]
    return len(found)


def _is_well_formed(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
