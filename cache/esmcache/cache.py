"""Owns `Cache`: everything that the command line, the server and Python programs can ask of esmcache."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from esmcache.build.export import Export, ExportReport
from esmcache.build.graph import GONE, Problem, is_utf8
from esmcache.build.program_check import ProgramCheck, ProgramReport
from esmcache.build.save import Save, Update
from esmcache.build.targets import find_targets
from esmcache.build.walk import Progress
from esmcache.build.warm import Warm, WarmReport
from esmcache.engines.node import CompilePool, NodeMissing, v8_tag
from esmcache.errors import CacheError
from esmcache.file_source import DiskFileSource, file_url_from_path
from esmcache.launch.named_nodes import named_nodes
from esmcache.launch.program import installed_hook
from esmcache.maintain.clear import clear_files, forget_gone, forget_modules
from esmcache.maintain.collect import Collected, SelfCollection, collect
from esmcache.maintain.domain_directory import is_sealed, places_of_build
from esmcache.maintain.files import file_sizes, remove_abandoned, used_bytes
from esmcache.maintain.runner_reports import RunnerReport, fold_events
from esmcache.maintain.statistics import Statistics, count_all
from esmcache.maintain.turns import writing
from esmcache.maintain.verify import Finding, verify_files, verify_places
from esmcache.module_cache import ModuleCache
from esmcache.open_cache import healing
from esmcache.query.counts import Counts, count_states, own_modules
from esmcache.query.lookup import CacheState
from esmcache.query.start_answers import StartAnswers, left_to_node
from esmcache.records import NodeBuild
from esmcache.settings import ProjectSettings, SettingsError, read_user_choices
from esmcache.store.index_file import IndexDamaged, IndexVanished
from esmcache.store.rows import EntryPointRow, MissRow

__all__ = ["Cache", "CacheError"]

# `gc` waits this long for other processes to finish writing.
_WAIT_TO_COLLECT_S = 10.0


@dataclass(slots=True)
class Cache(ModuleCache):
    """One user's cache, with the files that it describes and the Node that it serves.

    Use it as a context manager, from one thread. The cache directory is opened when something needs it.

    A method that needs the cache directory raises CacheError if the directory is refused, or if the index or a file in
    it cannot be read or written. A `url` is a path or a file: URL, which mean the same module; CacheError refuses any
    other kind. The sections of the methods name only further cases.
    """

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
        """Open a cache; where an argument is None, the environment or the user's configuration decides.

        Args:
            max_size: The size limit in bytes.
            environment: The environment variables, or None for those of this process.

        Raises:
            CacheError: If a variable or the user's configuration cannot be used.
        """
        environment = os.environ if environment is None else environment
        choices = read_user_choices(environment, cache_dir=cache_dir, node=node, jobs=jobs, max_size=max_size)
        if isinstance(choices, SettingsError):
            raise CacheError(str(choices))
        return cls(choices, environment=environment)

    @healing
    def warm(
        self,
        paths: Sequence[Path],
        progress: Progress = lambda stage, done, total: None,
        conditions: Sequence[str] | None = None,
        settings: ProjectSettings | None = None,
    ) -> WarmReport:
        """Warm entry points, packages and folders, and all that they reach.

        Args:
            conditions: The conditions, or None for those of the project's configuration.
            settings: Settings that are added to the project's configuration.

        Raises:
            NodeUnavailableError: If no Node can be served.
        """
        self.forget_gone([path for path in paths if os.path.isdir(path) and is_utf8(os.path.abspath(path))])
        build = self.supported_node()
        targets = find_targets(list(paths), settings, strips_types=build.strips_types)
        chosen = targets.conditions if conditions is None else tuple(conditions)
        report = self._warm(build, targets.entries, targets.modules, chosen, progress)
        report.test_files = len(targets.test_files)
        report.problems[:0] = targets.problems
        return report

    @healing
    def update(self, paths: Sequence[Path], conditions: Sequence[str] = ()) -> Update:
        """Update the cache of single files, and the manifests that hold them.

        The answer names the entry points whose graph has changed its shape: they must be warmed.

        Args:
            conditions: The conditions for a module that no entry point reaches.

        Raises:
            NodeUnavailableError: If no Node can be served.
        """
        build = self.supported_node()
        with self.guarded():
            with writing(self.directory.path):
                save = Save(self._context(build, self._pool(build)))
                update = save.run([os.path.realpath(path) for path in paths], tuple(conditions))
            self._collection.run(self.directory, self.index, self.choices.max_size, by_time=False)
            return update

    @healing
    def warm_missed(self, progress: Progress = lambda stage, done, total: None) -> WarmReport:
        """Warm what runners reported as missing or out of date, each for the Node that ran it."""
        self.fold_events()
        wanted: dict[tuple[str, str], set[str]] = {}
        with self.guarded():
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

    @healing
    def export(
        self,
        entries: Sequence[Path],
        target: Path,
        *,
        uid: int | None = None,
        v8_flags: Sequence[str] = (),
        progress: Progress = lambda stage, done, total: None,
    ) -> ExportReport:
        """Fill a compile-cache directory for plain Node with what entry points reach.

        Args:
            target: The directory that Node will find in NODE_COMPILE_CACHE.
            uid: The number of the user who will start the entry points, or None for this one.
            v8_flags: The flags that Node will be started with.

        Raises:
            NodeUnavailableError: If no Node can be served.
            CacheError: If esmcache does not know the layout of Node's compile cache, Node does not start with
                `v8_flags`, or a file in `target` cannot be written.
        """
        build = self.supported_node()
        if not build.compile_cache_layout:
            raise CacheError(f"{build.executable} has a compile cache in a layout that esmcache does not know")
        tag = v8_tag(build, v8_flags)
        if isinstance(tag, NodeMissing):
            raise CacheError(tag.reason)
        targets = find_targets(list(entries), each_is_started=True)
        with self.guarded():
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

    @healing
    def check_program(
        self, entries: Sequence[Path], progress: Progress = lambda stage, done, total: None
    ) -> ProgramReport:
        """Return what keeps programs from running under plain Node or from being served; none of them is run.

        Args:
            entries: Files that are started, or directories of packages.

        Raises:
            NodeUnavailableError: If no Node can be served.
        """
        build = self.supported_node()
        targets = find_targets(list(entries), each_is_started=True)
        with self.guarded(), writing(self.directory.path):
            check = ProgramCheck(self._context(build, self._pool(build)), targets.conditions, progress)
            report = check.run(targets.entries)
        report.add(targets.problems)
        return report

    @healing
    def fold_events(self) -> list[RunnerReport]:
        """Move new reports of runners into the index, and return them."""
        with self.guarded():
            return fold_events(self.directory, self.index)

    @healing
    def verify(self, *, repair: bool = False) -> list[Finding]:
        """Return everything in the cache that is damaged.

        Args:
            repair: Whether to remove what is damaged.
        """
        with self.guarded():
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

    @healing
    def statistics(self) -> Statistics:
        """Return counts, sizes and what runners reported."""
        self.fold_events()
        with self.guarded():
            return count_all(self.directory, self.index)

    @healing
    def unsealed_directories(self) -> tuple[int, int]:
        """Return the number of this Node's compile-cache directories that no start uses, and the number of all of them.

        Raises:
            NodeUnavailableError: If no Node can be served.
        """
        build = self.supported_node()
        with self.guarded():
            places = places_of_build(self.index, build)
            return sum(not is_sealed(self.directory, place) for place in places), len(places)

    @healing
    def programs_without_code_caches(self) -> list[tuple[str, str]]:
        """Return the entry points whose starts leave code caches off on their own account, each with the reason.

        Raises:
            NodeUnavailableError: If no Node can be served.
        """
        build = self.supported_node()
        with self.guarded():
            answers = StartAnswers(self.directory, self.index, DiskFileSource(), build)
            entries = [row for row in self.index.all(EntryPointRow) if row.engine_tag == build.engine_tag]
            return [(row.path, why) for row in entries if (why := answers.why_left_off(row))]

    @healing
    def programs_with_replaced_functions(self) -> list[tuple[str, str]]:
        """Return the entry points whose last start left questions to Node, each with the replaced functions."""
        with self.guarded():
            entries = self.index.all(EntryPointRow)
            return [(row.path, left) for row in entries if (left := left_to_node(self.index, row))]

    @healing
    def counts(self, folders: Sequence[str], settings: ProjectSettings | None = None) -> Counts:
        """Return how many of the folders' own modules are cached, and how large the cache is.

        Args:
            settings: Settings that are added to the project's configuration.
        """
        build = self.node_build()
        served = isinstance(build, NodeBuild) and build.supported
        with self.guarded():
            paths = [os.path.realpath(path) for path in own_modules(folders, settings)]
            states = count_states(paths, self.index, self.files)
            return Counts(
                states[CacheState.FRESH],
                states[CacheState.STALE],
                states[CacheState.COLD],
                states[CacheState.NATIVE],
                used_bytes(self.directory),
                build.engine_tag if isinstance(build, NodeBuild) and served else "",
                "" if served else build.reason,
            )

    @healing
    def collect(self) -> Collected:
        """Bring the cache under its size limit, least recently used first."""
        with self.guarded():
            # On a full disk, this may free the space without which the index cannot be opened.
            remove_abandoned(self.directory, file_sizes(self.directory))
        self.fold_events()
        with self.guarded():
            return collect(self.directory, self.index, self.choices.max_size, _WAIT_TO_COLLECT_S)

    @healing
    def clear(self) -> Collected:
        """Remove everything that is cached, and the index itself if it cannot be used."""
        with self.guarded():
            # The index is removed first, whatever its state. If this process is killed here, files without rows are
            # left, which are no fault, and no rows without files. The next process that opens the index makes a new
            # one.
            before = used_bytes(self.directory)
            self._discard_index()
            cleared = clear_files(self.directory)
            cleared.bytes_before = before
            return cleared

    @healing
    def forget(self, paths: Sequence[Path]) -> None:
        """Remove the cache of single files, so that the next warm makes it again."""
        with self.guarded():
            urls = [file_url_from_path(os.path.realpath(path)) for path in paths]
            forget_modules(self.directory, self.index, urls)

    @healing
    def forget_gone(self, paths: Sequence[Path]) -> None:
        """Remove the data of files, at or below `paths`, that no longer exist."""
        with self.guarded():
            forget_gone(self.directory, self.index, [os.path.abspath(path) for path in paths])

    def install_hook(self) -> Path:
        """Install the preload and return its stable path.

        Raises:
            CacheError: If the user's choices are invalid, or the preload cannot be written or would not load its files.
        """
        return installed_hook(self.environment)

    def _warm(
        self,
        build: NodeBuild,
        entries: Sequence[str],
        modules: Sequence[str],
        conditions: tuple[str, ...],
        progress: Progress,
    ) -> WarmReport:
        # Starts, too, count a condition once that is given twice.
        conditions = tuple(dict.fromkeys(conditions))
        with self.guarded():
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
