"""Owns `Cache`: everything that the command line, the server and Python programs can ask of esmcache."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from esmcache.build.context import BuildContext
from esmcache.build.export import Export, ExportReport
from esmcache.build.graph import GONE, Problem, is_utf8
from esmcache.build.save import Save, Update
from esmcache.build.single_module import Inspection, ModuleBuilder, inspect_bmes
from esmcache.build.targets import SOURCE_SUFFIXES, find_targets
from esmcache.build.walk import Progress
from esmcache.build.warm import Warm, WarmReport
from esmcache.cache_directory import CacheDirectory, CacheDirectoryRefused, open_cache_directory
from esmcache.engines.node import CompilePool, NodeMissing, v8_tag
from esmcache.engines.node.node_builds import node_build
from esmcache.errors import CacheError, NodeUnavailableError
from esmcache.file_source import LARGEST_FILE, DiskFileSource, FileSource, file_url_from_path, path_from_file_url
from esmcache.launch.named_nodes import named_nodes, note_nodes
from esmcache.launch.program import installed_hook
from esmcache.maintain.clear import clear_files, forget_gone, forget_modules
from esmcache.maintain.collect import Collected, SelfCollection, collect
from esmcache.maintain.domain_directory import is_sealed, places_of_build
from esmcache.maintain.files import file_sizes, remove_abandoned, used_bytes
from esmcache.maintain.runner_reports import RunnerReport, fold_events
from esmcache.maintain.statistics import Statistics, count_all
from esmcache.maintain.turns import writing
from esmcache.maintain.verify import Finding, verify_files, verify_places
from esmcache.query.counts import Counts, count_states, own_modules
from esmcache.query.describe import Description, describe
from esmcache.query.lookup import CacheState, Explanation, Lookup, Lookups
from esmcache.records import ModuleFormat, NodeBuild, Resolution, ResolutionFailure
from esmcache.regular_files import read_regular_file
from esmcache.resolution import Resolver
from esmcache.settings import ProjectSettings, SettingsError, UserChoices, read_user_choices
from esmcache.store.index import Index, IndexDamaged, IndexUnusable, IndexVanished, discard_index
from esmcache.store.rows import MissRow

__all__ = ["Cache", "CacheError"]

_TRIES = 3
# `gc` waits this long for other processes to finish writing.
_WAIT_TO_COLLECT_S = 10.0
_OTHER_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class _CacheLostError(CacheError):
    """The index was damaged, or the index or the whole cache was removed; another try makes them again."""


def _healing(
    method: Callable[Concatenate[Cache, _Arguments], _Answer],
) -> Callable[Concatenate[Cache, _Arguments], _Answer]:
    """Return a method that is tried again if the cache is lost while it runs."""

    def healed(cache: Cache, /, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_CacheLostError):
                return method(cache, *arguments, **named)
        return method(cache, *arguments, **named)

    update_wrapper(healed, method)
    return healed


@dataclass(slots=True)
class Cache:
    """One user's cache, with the files that it describes and the Node that it serves.

    Use it as a context manager, from one thread. The cache directory is opened when something needs it.
    """

    choices: UserChoices
    files: FileSource = field(default_factory=DiskFileSource)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _directory: CacheDirectory | None = None
    _index: Index | None = None
    _pools: dict[NodeBuild, CompilePool] = field(default_factory=dict)
    _collection: SelfCollection = field(default_factory=SelfCollection)

    @classmethod
    def open(
        cls,
        *,
        cache_dir: str | None = None,
        node: str | None = None,
        jobs: int | None = None,
        max_size: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Cache:
        """Open a cache by arguments, environment and the user's configuration; raises CacheError."""
        environment = os.environ if environment is None else environment
        choices = read_user_choices(environment, cache_dir=cache_dir, node=node, jobs=jobs, max_size=max_size)
        if isinstance(choices, SettingsError):
            raise CacheError(str(choices))
        return cls(choices, environment=environment)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop Node's workers and close the index."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        self._close_index()

    @property
    def directory(self) -> CacheDirectory:
        """Return the cache directory, made if it is absent; raises CacheError if it is refused."""
        if self._directory is None or not self._directory.path.is_dir():
            opened = open_cache_directory(self.choices.cache_path)
            if isinstance(opened, CacheDirectoryRefused) and not os.path.lexists(opened.path):
                # Another process removed it during the check.
                opened = open_cache_directory(self.choices.cache_path)
            if isinstance(opened, CacheDirectoryRefused):
                raise CacheError(f"cache directory refused: {opened.reason}")
            self._directory = opened
        return self._directory

    @property
    def index(self) -> Index:
        """Return the index; raises CacheError."""
        if self._index is not None and not self._index.is_there:
            # The cache was removed, and data that is written into a file without a name is lost.
            self._close_index()
        if self._index is None:
            self._index = self._open_index()
        return self._index

    def node_build(self, node: str | None = None) -> NodeBuild | NodeMissing:
        """Return the Node to serve, or why none was found; raises CacheError."""
        with self._guard():
            build = node_build(self.directory, node or self.choices.node, self.environment)
        if node is None and isinstance(build, NodeBuild):
            note_nodes(self.environment, [build.executable])
        return build

    def supported_node(self, node: str | None = None) -> NodeBuild:
        """Return the Node to serve; raises CacheError if it is missing or not supported."""
        build = self.node_build(node)
        if isinstance(build, NodeMissing):
            raise NodeUnavailableError(f"no Node to serve: {build.reason}")
        if not build.supported:
            raise NodeUnavailableError(f"{build.executable} cannot be served: {build.reason}")
        return build

    @_healing
    def warm(
        self,
        paths: Sequence[Path],
        progress: Progress = lambda stage, done, total: None,
        conditions: Sequence[str] | None = None,
        settings: ProjectSettings | None = None,
    ) -> WarmReport:
        """Warm entry points, packages and folders, and all that they reach; raises CacheError.

        `conditions` replace those of the project's configuration; `settings` are added to that configuration.
        """
        targets = find_targets(list(paths), settings)
        self.forget_gone([path for path in paths if os.path.isdir(path) and is_utf8(os.path.abspath(path))])
        chosen = targets.conditions if conditions is None else tuple(conditions)
        report = self._warm(self.supported_node(), targets.entries, targets.modules, chosen, progress)
        report.problems[:0] = targets.problems
        return report

    @_healing
    def update(self, paths: Sequence[Path], conditions: Sequence[str] = ()) -> Update:
        """Update the cache of single files, and the manifests that hold them; raises CacheError.

        The answer names the entry points whose graph has changed its shape: they must be warmed.
        """
        build = self.supported_node()
        with self._guard():
            with writing(self.directory.path):
                save = Save(self._context(build, self._pool(build)))
                update = save.run([os.path.realpath(path) for path in paths], tuple(conditions))
            self._collection.run(self.directory, self.index, self.choices.max_size, by_time=False)
            return update

    @_healing
    def warm_missed(self, progress: Progress = lambda stage, done, total: None) -> WarmReport:
        """Warm what runners reported as missing or out of date, each for the Node that ran it; raises CacheError."""
        self.fold_events()
        wanted: dict[tuple[str, str], set[str]] = {}
        with self._guard():
            reported = [miss for miss in self.index.all(MissRow) if not miss.is_settled]
        for miss in reported:
            if os.path.exists(miss.entry) and os.path.exists(miss.executable):
                wanted.setdefault((miss.executable, miss.conditions), set()).add(miss.entry)
        total = WarmReport()
        gone = sorted({path for miss in reported for path in (miss.entry, miss.executable) if not os.path.exists(path)})
        total.problems += [Problem(path, GONE, "is gone since a start reported it", is_error=False) for path in gone]
        with contextlib.suppress(CacheError):
            # The Node that the user names now counts, too.
            self.node_build()
        named = named_nodes(self.environment)
        for (executable, joined), entries in sorted(wanted.items()):
            if executable not in named:
                unnamed = "was not named by you: start it once with `esmcache run --node`"
                total.problems.append(Problem(executable, "engine-missing", unnamed, is_error=False))
                continue
            build = self.node_build(executable)
            if isinstance(build, NodeMissing) or not build.supported:
                total.problems.append(Problem(executable, "engine-missing", "is no supported Node", is_error=False))
                continue
            conditions = tuple(joined.split("\0")) if joined else ()
            total.add(self._warm(build, sorted(entries), (), conditions, progress))
        return total

    @_healing
    def export(
        self,
        entries: Sequence[Path],
        target: Path,
        *,
        uid: int | None = None,
        v8_flags: Sequence[str] = (),
        progress: Progress = lambda stage, done, total: None,
    ) -> ExportReport:
        """Fill a compile-cache directory for plain Node with what entry points reach; raises CacheError.

        `uid` is the number of the user who will start them (None: this one). `v8_flags` are the flags that Node will be
        started with.
        """
        build = self.supported_node()
        if not build.compile_cache_layout:
            raise CacheError(f"{build.executable} has a compile cache in a layout that esmcache does not know")
        tag = v8_tag(build, v8_flags)
        if isinstance(tag, NodeMissing):
            raise CacheError(tag.reason)
        targets = find_targets(list(entries), each_is_started=True)
        with self._guard():
            tagged = replace(build, v8_tag=tag)
            number = os.geteuid() if uid is None else uid
            with (
                writing(self.directory.path),
                CompilePool(tagged, self.choices.jobs, tuple(v8_flags)) as pool,
            ):
                export = Export(self._context(tagged, pool))
                report = export.run(targets.entries, targets.conditions, target, number, progress)
        report.problems[:0] = targets.problems
        return report

    @_healing
    def fold_events(self) -> list[RunnerReport]:
        """Move new reports of runners into the index, and return them; raises CacheError."""
        with self._guard():
            return fold_events(self.directory, self.index)

    def describe(self, path: str) -> Description:
        """Return the description of a file as an ES module; it has an error if the file cannot be read."""
        return describe(self.files, path)

    def resolver(self, conditions: Sequence[str] = (), files: FileSource | None = None) -> Resolver:
        """Return a resolver over `files` (else those of the cache), by the rules of the Node that is found."""
        files = files or self.files
        build = None
        with contextlib.suppress(CacheError):
            build = self.node_build()
        if isinstance(build, NodeBuild):
            major, minor, patch = build.version_numbers
            return Resolver(files, tuple(conditions), (major, minor, patch), dict(self.environment))
        return Resolver(files, tuple(conditions), environment=dict(self.environment))

    def resolve(self, specifier: str, referrer: str, conditions: Sequence[str] = ()) -> Resolution | ResolutionFailure:
        """Return Node's answer to `import specifier` in a module (see `as_referrer_url`); raises CacheError."""
        return self.resolver(conditions).resolve_import(specifier, as_referrer_url(referrer))

    @_healing
    def generate(self, url: str, source: bytes | None = None) -> Lookup:
        """Store the cache of one module and return its key and paths; raises CacheError.

        `url` is a path or a file: URL, both naming the same module; `source` is its text, else the file is read. The
        modules that it imports are not touched.
        """
        url = as_file_url(url)
        build = self.supported_node()
        with self._guard(), writing(self.directory.path):
            made = self._module_builder(build).generate(url, source)
        kind = ModuleFormat.MODULE.value
        with self._guard():
            return self._lookups().stored(url, CacheState.FRESH, kind, made.source_sha256, build.engine_tag)

    @_healing
    def lookup(self, url: str) -> Lookup:
        """Return what the cache holds of a module (path or file: URL): fresh, stale or cold; raises CacheError."""
        with self._guard():
            return self._lookups().lookup(as_file_url(url), self.node_build())

    @_healing
    def get(self, url: str, *, with_bytecode: bool = True) -> bytes:
        """Return a module's BMES bytes, generated if they are absent; raises CacheError."""
        with self._guard(), writing(self.directory.path):
            return self._module_builder(self.supported_node()).bmes(as_file_url(url), with_bytecode=with_bytecode)

    def inspect(self, path: Path) -> Inspection:
        """Return the parts of a BMES file, or of a module's cache; raises CacheError."""
        if path.suffix in SOURCE_SUFFIXES:
            return inspect_bmes(str(path), self.get(str(path)))
        try:
            return inspect_bmes(str(path), read_regular_file(path, LARGEST_FILE))
        except OSError as error:
            raise CacheError(f"{path}: {error.strerror}") from error

    @_healing
    def explain(self, url: str) -> Explanation:
        """Return why a runner is or is not served this module; raises CacheError."""
        self.fold_events()
        with self._guard():
            return self._lookups().explain(as_file_url(url), self.node_build())

    @_healing
    def verify(self, *, repair: bool = False) -> list[Finding]:
        """Return everything in the cache that is damaged, removing it with `repair`; raises CacheError."""
        with self._guard():
            findings = verify_places(self.directory, repair=repair)
            if any(finding.kind == "index" and not finding.removed for finding in findings):
                return findings
            faults = [self.index.replaced] if self.index.replaced else self.index.check()
            findings += [
                Finding("index.db", "index", fault, repair or bool(self.index.replaced)) for fault in faults[:1]
            ]
            if faults:
                if not repair:
                    return findings
                self._discard_index()
            with writing(self.directory.path):
                findings += verify_files(self.directory, self.index, repair=repair)
            # A place that holds no file is also found to be missing: keep the first finding of each place.
            named: dict[str, Finding] = {}
            for finding in findings:
                named.setdefault(finding.place, finding)
            return list(named.values())

    @_healing
    def statistics(self) -> Statistics:
        """Return counts, sizes and what runners reported; raises CacheError."""
        self.fold_events()
        with self._guard():
            return count_all(self.directory, self.index)

    @_healing
    def unsealed_directories(self) -> tuple[int, int]:
        """Return the number of this Node's compile-cache directories that no start uses, and the number of all of them.

        Raises CacheError.
        """
        build = self.supported_node()
        with self._guard():
            places = places_of_build(self.index, build)
            return sum(not is_sealed(self.directory, place) for place in places), len(places)

    @_healing
    def counts(self, folders: Sequence[str], settings: ProjectSettings | None = None) -> Counts:
        """Return how many of the folders' own modules are cached, and how large the cache is; raises CacheError."""
        build = self.node_build()
        served = isinstance(build, NodeBuild) and build.supported
        with self._guard():
            paths = [os.path.realpath(path) for path in own_modules(folders, settings)]
            states = count_states(paths, self.index, self.files)
            return Counts(
                states[CacheState.FRESH],
                states[CacheState.STALE],
                states[CacheState.COLD],
                used_bytes(self.directory),
                build.engine_tag if isinstance(build, NodeBuild) and served else "",
                "" if served else build.reason,
            )

    @_healing
    def collect(self) -> Collected:
        """Bring the cache under its size limit, least recently used first; raises CacheError."""
        with self._guard():
            # On a full disk, this may free the space without which the index cannot be opened.
            remove_abandoned(self.directory, file_sizes(self.directory))
        self.fold_events()
        with self._guard():
            return collect(self.directory, self.index, self.choices.max_size, _WAIT_TO_COLLECT_S)

    @_healing
    def clear(self) -> Collected:
        """Remove everything that is cached, and the index itself if it cannot be used; raises CacheError."""
        with self._guard():
            # The index is removed first, whatever its state. If this process is killed here, files without rows are
            # left, which are no fault, and no rows without files. The next process that opens the index makes a new
            # one.
            before = used_bytes(self.directory)
            self._discard_index()
            cleared = clear_files(self.directory)
            cleared.bytes_before = before
            return cleared

    @_healing
    def forget(self, paths: Sequence[Path]) -> None:
        """Remove the cache of single files, so that the next warm makes it again; raises CacheError."""
        with self._guard():
            urls = [file_url_from_path(os.path.realpath(path)) for path in paths]
            forget_modules(self.directory, self.index, urls)

    @_healing
    def forget_gone(self, paths: Sequence[Path]) -> None:
        """Remove the data of files, at or below `paths`, that no longer exist; raises CacheError."""
        with self._guard():
            forget_gone(self.directory, self.index, [os.path.abspath(path) for path in paths])

    def install_hook(self) -> Path:
        """Install the preload and return its stable path; raises CacheError."""
        return installed_hook(self.environment)

    def _warm(
        self,
        build: NodeBuild,
        entries: Sequence[str],
        modules: Sequence[str],
        conditions: tuple[str, ...],
        progress: Progress,
    ) -> WarmReport:
        with self._guard():
            try:
                return self._warm_once(build, entries, modules, conditions, progress)
            except IndexDamaged:
                self._discard_index()
            except IndexVanished:
                self._close_index()
            except OSError:
                # Perhaps something else lies where a file or directory belongs.
                if not verify_places(self.directory, repair=True):
                    raise
            return self._warm_once(build, entries, modules, conditions, progress)

    def _warm_once(
        self,
        build: NodeBuild,
        entries: Sequence[str],
        modules: Sequence[str],
        conditions: tuple[str, ...],
        progress: Progress,
    ) -> WarmReport:
        with writing(self.directory.path):
            fold_events(self.directory, self.index)
            context = self._context(build, self._pool(build))
            report = Warm(context, conditions).run(entries, modules, progress)
            if report.overtaken:
                for chosen, paths in Save(context).run(report.overtaken, conditions).to_warm.items():
                    Warm(context, chosen).run(paths, (), progress)
        self._collection.run(self.directory, self.index, self.choices.max_size, by_time=True)
        return report

    def guarded(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that turns faults of the cache into CacheError, for code that reads `index` directly."""
        return self._guard()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn faults into a CacheError with one line; a damaged index is removed, which costs only time."""
        try:
            yield
        except IndexDamaged as error:
            self._discard_index()
            raise _CacheLostError(f"{error}; it was removed and will be made again, please try again") from error
        except IndexVanished as error:
            self._close_index()
            raise _CacheLostError(f"{error}; please try again") from error
        except IndexUnusable as error:
            raise CacheError(str(error)) from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            # A file of the cache that is unexpectedly missing was there a moment ago: the cache was lost.
            is_lost = isinstance(error, FileNotFoundError) and where.startswith(str(self.choices.cache_path))
            kind = _CacheLostError if is_lost else CacheError
            raise kind(f"{where}{error.strerror or error}") from error

    def _open_index(self) -> Index:
        with self._guard():
            for _ in range(_TRIES - 1):
                # If the cache is removed at this very moment, the next try makes it again.
                with contextlib.suppress(IndexVanished):
                    return Index(self.directory.index_path)
            return Index(self.directory.index_path)

    def _close_index(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    def _discard_index(self) -> None:
        if self._index is not None:
            self._index.discard()
            self._index = None
        else:
            discard_index(self.directory.index_path)

    def _lookups(self) -> Lookups:
        return Lookups(self.directory, self.index, self.files)

    def _module_builder(self, build: NodeBuild) -> ModuleBuilder:
        return ModuleBuilder(self._context(build, self._pool(build)))

    def _context(self, build: NodeBuild, pool: CompilePool) -> BuildContext:
        return BuildContext(self.directory, self.index, self.files, build, pool)

    def _pool(self, build: NodeBuild) -> CompilePool:
        """Return the workers of a Node build; they start when there is work, and end when idle."""
        pool = self._pools.get(build)
        if pool is None:
            pool = self._pools[build] = CompilePool(build, self.choices.jobs)
        return pool


def as_file_url(url: str) -> str:
    """Return the file: URL of a path or file: URL; raises CacheError for anything else."""
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
    """Return the URL of an importing module given by path, file: or data: URL; raises CacheError."""
    return referrer if referrer.startswith("data:") else as_file_url(referrer)
