"""Finds out what a start of one entry point would do with a module now, by the facts that `hooks.cjs` checks.

It reads what a start reads: the manifest, the pack, and the files, directories and links that answers rest on.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from esmcache.build.freshness import UnreadableFile, read_file
from esmcache.cache_directory import CacheDirectory
from esmcache.cache_files import read_regular
from esmcache.engines.node.node_builds import UNKNOWN_LAYOUT
from esmcache.file_source import FileSource, fingerprint, path_from_file_url
from esmcache.maintain.domain_directory import NO_SOURCE, domain_place, is_sealed, owners_of_names, preload_names
from esmcache.records import InputKind, NodeBuild, Resolution, ResolutionFailure
from esmcache.resolution import Resolver
from esmcache.serving.layout import ASKED_BY_IMPORT, ASKED_BY_REQUIRE, ServedKind
from esmcache.serving.manifest_view import (
    ManifestView,
    WarmedFile,
    WarmedInput,
    WarmedModule,
    WarmedRequest,
    view_manifest,
)
from esmcache.serving.names import manifest_identity
from esmcache.serving.pack import held_places
from esmcache.serving.served_kinds import COMMONJS_KINDS, COMPILED_KINDS, FORMAT_OF_KIND
from esmcache.store.index import Index
from esmcache.store.rows import CodeCacheLinkRow, EntryPointRow, ReplacedRow
from esmcache.wording import plural


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """The way in which a start loads a module, with the reason in one line.

    `has_all` is True if the cache answers everything, `has_part` if it answers at least a part.
    """

    has_all: bool
    has_part: bool
    reason: str

    def __str__(self) -> str:
        verdict = "served" if self.has_all else "partly served" if self.has_part else "not served"
        return f"{verdict}: {self.reason}"


# hooks.cjs reports this name once a program has called the function.
_REGISTER = "Module.register"


class StartAnswers:
    """Answers for the starts of one Node build."""

    def __init__(self, directory: CacheDirectory, index: Index, files: FileSource, build: NodeBuild) -> None:
        self._directory = directory
        self._index = index
        self._files = files
        self._build = build

    def answer(self, entry: EntryPointRow, url: str) -> StartAnswer:
        """Return what a start of an entry point does with the module at `url`."""
        if self._files.lstat(entry.path) is None:
            return _left(f"its entry point {entry.path} is gone")
        view = self._view(entry)
        if view is None:
            state = "damaged" if os.path.lexists(self._directory.manifests_path / entry.manifest) else "missing"
            return _left(f"the manifest of {entry.path} is {state}; `esmcache warm {entry.path}` makes it again")
        module = view.module(url)
        if module is None or module.kind is ServedKind.NATIVE:
            return _left(f"the manifest of {entry.path} leaves it to Node; `esmcache warm {entry.path}` makes it again")
        if changed := self._why_changed(module):
            return _left(f"changed since it was warmed: {changed}")
        resolver = Resolver(self._files, _conditions_of(entry), self._build.version_numbers)
        resolution = _Resolution(self._files, resolver, module)
        if elsewhere := resolution.why_another(url):
            return _left(elsewhere)
        by_node = resolution.why_by_node()
        if fault := self._why_no_source(module):
            return _left(fault)
        parts = [] if by_node else ["resolution"]
        parts += ["source"] if self._gives_source(module) else []
        caches = self._code_cache(entry, view, url, module) if module.kind in COMPILED_KINDS else ""
        if not parts:
            return _left(f"Node resolves it itself: {by_node}")
        node = f"; Node resolves it itself: {by_node}" if by_node else ""
        left = left_to_node(self._index, entry)
        return StartAnswer(not by_node, True, f"{' and '.join(parts)}{caches}{node}{f'; {left}' if left else ''}")

    def why_left_off(self, entry: EntryPointRow) -> str:
        """Return why starts of an entry point use no code caches, or '' if the program is not to blame for it."""
        view = self._view(entry)
        return "" if view is None else self._why_program_has_none(entry, view)

    def _view(self, entry: EntryPointRow) -> ManifestView | None:
        identity = manifest_identity(entry.path, entry.node_version, entry.arch, _conditions_of(entry))
        return view_manifest(read_regular(self._directory.manifests_path / entry.manifest) or b"", identity)

    def _gives_source(self, module: WarmedModule) -> bool:
        """Return whether the cache has the module's source, and this Node takes it."""
        if module.source is None or not self._build.answers_load:
            return False
        is_required = any(request.asked & ASKED_BY_REQUIRE for request in module.requests)
        return module.kind not in COMMONJS_KINDS or is_required or self._build.answers_imported_commonjs

    def _why_changed(self, module: WarmedModule) -> str:
        """Return how the module's file differs from the warmed one, or ''."""
        status = self._files.lstat(module.path)
        if status is None:
            return "the file is gone"
        if fingerprint(status) == module.file.fingerprint:
            return ""
        answer = read_file(self._files, module.path)
        if isinstance(answer, UnreadableFile):
            return answer.reason
        return "" if answer.fact.sha256 == module.file.sha256 else "its content"

    def _why_no_source(self, module: WarmedModule) -> str:
        """Return why a start does not find the module's source in its pack, or '' if it does or needs none."""
        status = self._files.lstat(module.path)
        is_untouched = status is not None and fingerprint(status) == module.file.fingerprint
        if module.source is None or not self._build.answers_load or not is_untouched:
            # A start reads a file that has new times, but the same content.
            return ""
        wanted = [(module.file.sha256, module.source)]
        if list(held_places(self._directory.packs_path, module.source.pack, wanted, None)) == wanted:
            return ""
        return "its source in the cache is damaged or missing; `esmcache warm` adds it"

    def _code_cache(self, entry: EntryPointRow, view: ManifestView, url: str, module: WarmedModule) -> str:
        why_none = self._why_no_code_cache(entry, view, url, module)
        if why_none:
            return f", without a code cache: {why_none}"
        return ", with a code cache" + (" of its top level only" if view.counts_calls else "")

    def _why_no_code_cache(self, entry: EntryPointRow, view: ManifestView, url: str, module: WarmedModule) -> str:
        """Return why a start does not find a code cache of a module, or '' if it does."""
        if not self._build.compile_cache_layout:
            return f"{self._build.version} has {UNKNOWN_LAYOUT}"
        place = domain_place(entry.domain, self._build)
        links = list(self._index.where(CodeCacheLinkRow, "directory", [place]))
        claims = [link for link in links if link.url == url]
        if not claims:
            return "none was made"
        if any(claim.source_sha256 == NO_SOURCE for claim in claims):
            return "it is outside of the program's workspace, V8 warns of its source, or Node cannot make one"
        if any(claim.source_sha256 != module.file.sha256 for claim in claims):
            return "its code cache is that of another text; `esmcache warm` makes it again"
        owners = owners_of_names(links)
        if any(owners.get(claim.name) != claim for claim in claims):
            return "Node gives its code cache the same name as another module's"
        if why_left_off := self._why_program_has_none(entry, view):
            return why_left_off
        if not is_sealed(self._directory, place):
            return "its directory was written to, or copied, since it was warmed; `esmcache warm` repairs it"
        return ""

    def _why_program_has_none(self, entry: EntryPointRow, view: ManifestView) -> str:
        """Return why starts of one program leave code caches off, or '' if they don't for a reason of its own."""
        if self._is_quarantined(entry):
            return "a start ended while it loaded the program's code caches; `esmcache warm` makes them again"
        if view.has_code_caches:
            return ""
        modules = {row.url: row.path for row in self._index.closure(entry.manifest)}
        owners: dict[str, str] = preload_names()
        for link in self._index.where(CodeCacheLinkRow, "directory", [domain_place(entry.domain, self._build)]):
            path = modules.get(link.url, "")
            other = owners.setdefault(link.name, path) if path else ""
            if other not in ("", path):
                return f"Node gives the code caches of {other} and {path} the same name"
        return "`esmcache warm` makes them again"

    def _is_quarantined(self, entry: EntryPointRow) -> bool:
        """Return whether the last start of this manifest died while it loaded code caches (see quarantine.cjs)."""
        mark = read_regular(self._directory.starts_path / entry.manifest.removesuffix(".manifest")) or b""
        which, _, word = mark.partition(b"\n")[0].decode("utf-8", "replace").partition(" ")
        status = self._files.lstat(str(self._directory.manifests_path / entry.manifest))
        seen = None if status is None else fingerprint(status)
        inode, _, changed_ms = which.partition("-")
        with contextlib.suppress(ValueError):
            # JavaScript writes the same number in another way than Python.
            if seen is not None and (int(inode), float(changed_ms)) == (seen.inode, seen.ctime_ms):
                return int(word) > 0 and not _is_running(int(word))
        return False


class _Resolution:
    """The requests that lead to one module, as a start finds them now."""

    def __init__(self, files: FileSource, resolver: Resolver, module: WarmedModule) -> None:
        self._files = files
        self._resolver = resolver
        self._module = module
        self._broken = [(request, fault) for request in module.requests if (fault := self._first_fault(request.inputs))]

    def why_another(self, url: str) -> str:
        """Return why no request leads to this module any more, or why Node loads it as something else, or ''."""
        requests = self._module.requests
        answers = {id(request): self._resolve(request) for request in requests}
        fault = self._broken[0][1] if self._broken else ""
        found = [answers[id(request)] for request, _ in self._broken]
        if requests and len(found) == len(requests) and not any(_leads_to(answer, url) for answer in found):
            request, answer = self._broken[0][0], found[0]
            what = answer.code if isinstance(answer, ResolutionFailure) else answer.resolved_url
            return f"{fault}, so Node finds {what} for {request.specifier!r}"
        return self._why_another_format(answers, fault, url)

    def _why_another_format(self, answers: dict[int, Resolution | ResolutionFailure], fault: str, url: str) -> str:
        expected = FORMAT_OF_KIND[self._module.kind]
        broken = {id(request) for request, _ in self._broken}
        for request in self._module.requests:
            answer = answers[id(request)]
            if not isinstance(answer, Resolution) or not _leads_to(answer, url):
                continue
            # For a request that the cache answers, it gives the format, too, unless it is a `require`.
            is_import = request.asked & ASKED_BY_IMPORT
            if is_import and id(request) not in broken:
                continue
            # Node loads what is required, and an entry point, before it knows a format that only the syntax shows.
            is_open = not is_import or request.specifier == request.parent_url
            now = answer.module_format
            wanted = None if is_import and self._module.is_by_syntax else expected
            if now is not wanted and not (now is None and is_open):
                kind = "whatever its syntax shows" if now is None else now.value
                return f"{fault or 'its package.json has changed'}, so Node takes it for {kind}"
        return ""

    def why_by_node(self) -> str:
        """Return why Node resolves the module itself, at least for some of its importers, or '' if it does not."""
        requests = self._module.requests
        if not requests:
            return "the cache keeps no answer to the requests for it"
        if not self._broken:
            return ""
        fault = self._broken[0][1]
        if len(self._broken) == len(requests):
            return f"{fault}; `esmcache warm` renews the answer"
        return f"{fault} ({len(self._broken)} of {len(requests)} requests); `esmcache warm` renews the answers"

    def _resolve(self, request: WarmedRequest) -> Resolution | ResolutionFailure:
        parent = path_from_file_url(request.parent_url) or ""
        if request.specifier == request.parent_url:
            return self._resolver.resolve_entry(parent)
        if request.asked & ASKED_BY_REQUIRE:
            return self._resolver.resolve_require(request.specifier, parent)
        return self._resolver.resolve_import(request.specifier, request.parent_url)

    def _first_fault(self, inputs: Sequence[WarmedInput]) -> str:
        return next((fault for one in inputs if (fault := self._fault(one))), "")

    def _fault(self, one: WarmedInput) -> str:
        """Return how a fact differs from the warmed one, or '' if it holds."""
        status = self._files.lstat(one.path)
        if one.kind is InputKind.ABSENT:
            return "" if status is None else f"{one.path} was absent when it was warmed"
        if status is None:
            return f"{one.path} is gone since it was warmed"
        if one.kind is InputKind.DIRECTORY:
            return "" if stat.S_ISDIR(status.st_mode) else f"{one.path} is no directory any more"
        if one.kind is InputKind.FILE:
            return "" if stat.S_ISREG(status.st_mode) else f"{one.path} is no regular file any more"
        if one.kind is InputKind.SYMLINK:
            is_same = stat.S_ISLNK(status.st_mode) and self._link(one.path) == one.detail
            return "" if is_same else f"the link {one.path} has changed since it was warmed"
        return "" if self._is_same(one.path, one.file) else f"{one.path} has changed since it was warmed"

    def _link(self, path: str) -> str:
        with contextlib.suppress(OSError):
            return self._files.readlink(path)
        return ""

    def _is_same(self, path: str, file: WarmedFile | None) -> bool:
        status = self._files.lstat(path)
        if status is None or file is None:
            return False
        if fingerprint(status) == file.fingerprint:
            return True
        with contextlib.suppress(OSError):
            return stat.S_ISREG(status.st_mode) and sha256(self._files.read(path)).digest() == file.sha256
        return False


def left_to_node(index: Index, entry: EntryPointRow) -> str:
    """Return what the last start of an entry point left to Node because the program had replaced functions, or ''."""
    row = next(iter(index.where(ReplacedRow, "manifest", [entry.manifest])), None)
    if row is None:
        return ""
    functions = row.functions.split()
    if _REGISTER in functions:
        return "the program registered asynchronous hooks at its last start, so Node itself answered its imports"
    asked = plural(row.questions, "question")
    return f"the program replaced {', '.join(functions)} at its last start, so Node itself answered {asked}"


def _conditions_of(entry: EntryPointRow) -> tuple[str, ...]:
    return tuple(entry.conditions.split("\0")) if entry.conditions else ()


def _left(reason: str) -> StartAnswer:
    return StartAnswer(False, False, reason)


def _leads_to(answer: Resolution | ResolutionFailure, url: str) -> bool:
    return isinstance(answer, Resolution) and answer.resolved_url == url


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
