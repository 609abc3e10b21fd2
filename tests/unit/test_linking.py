"""Linking has no limit on the length of a chain of modules, and repeats no work."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from esmcache.linking import (
    ExportedNames,
    ResolvedBinding,
    Unlinked,
    exported_names,
    import_cycles,
    link_problems,
    resolve_export,
)
from esmcache.records import ExportEntry, ImportEntry, ImportName, ModuleRecord, ModuleRequest, Phase

MANY = 50_000


class CountingGraph:
    """A graph whose specifiers are URLs, with a count of how often each record was requested."""

    def __init__(self, records: Mapping[str, ModuleRecord]) -> None:
        self._records = records
        self.asked: dict[str, int] = {}

    def record(self, url: str) -> ModuleRecord | None:
        self.asked[url] = self.asked.get(url, 0) + 1
        return self._records.get(url)

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        return request.specifier


def local(name: str) -> ExportEntry:
    return ExportEntry(name, None, None, name)


def indirect(name: str, url: str, import_name: str) -> ExportEntry:
    return ExportEntry(name, ModuleRequest(url), import_name, None)


def star(url: str) -> ExportEntry:
    return ExportEntry(None, ModuleRequest(url), ImportName.ALL_BUT_DEFAULT, None)


def requests(*urls: str) -> tuple[ModuleRequest, ...]:
    return tuple(ModuleRequest(url) for url in urls)


def test_a_chain_of_names_may_be_long() -> None:
    records = {
        str(number): ModuleRecord(indirect_export_entries=(indirect("a", str(number + 1), "a"),))
        for number in range(MANY)
    }
    records[str(MANY)] = ModuleRecord(local_export_entries=(local("a"),))
    resolution = resolve_export(CountingGraph(records), "0", "a")
    assert resolution.result == ResolvedBinding(str(MANY), "a", local("a"))
    assert [step.url for step in resolution.steps] == [str(number) for number in range(MANY)]


def test_a_chain_of_stars_may_be_long() -> None:
    records = {
        str(number): ModuleRecord(requests(str(number + 1)), star_export_entries=(star(str(number + 1)),))
        for number in range(MANY)
    }
    records[str(MANY)] = ModuleRecord(local_export_entries=(local("a"),))
    graph = CountingGraph(records)
    assert exported_names(graph, "0") == ExportedNames(("a",), True)
    assert resolve_export(graph, "0", "a").result == ResolvedBinding(str(MANY), "a", local("a"))
    assert resolve_export(graph, "0", "b").result is None
    assert import_cycles(graph, ["0"]) == []


def test_a_circle_of_stars_may_be_large() -> None:
    urls = [str(number) for number in range(MANY)]
    records = {
        url: ModuleRecord(
            requests(following), star_export_entries=(star(following),), local_export_entries=(local(url),)
        )
        for url, following in zip(urls, [*urls[1:], urls[0]], strict=True)
    }
    graph = CountingGraph(records)
    assert exported_names(graph, "0").names == tuple(urls)
    assert resolve_export(graph, "0", urls[-1]).result == ResolvedBinding(urls[-1], urls[-1], local(urls[-1]))
    assert resolve_export(graph, "0", "absent").result is None
    assert import_cycles(graph, ["7"]) == [(*urls[7:], *urls[:7])]


def test_modules_with_mutual_stars_are_visited_once() -> None:
    urls = [str(number) for number in range(100)]
    records = {url: ModuleRecord(star_export_entries=tuple(star(other) for other in urls)) for url in urls}
    graph = CountingGraph(records)
    assert resolve_export(graph, "0", "a").result is None
    assert graph.asked == dict.fromkeys(urls, 1)
    assert exported_names(graph, "0") == ExportedNames((), True)
    assert graph.asked == dict.fromkeys(urls, 2)


def test_names_among_mutual_stars_are_found_quickly() -> None:
    urls = [str(number) for number in range(100)]
    records = {
        url: ModuleRecord(
            local_export_entries=(ExportEntry(f"own{url}", None, None, "own"),),
            star_export_entries=tuple(star(other) for other in urls if other != url),
        )
        for url in urls
    }
    names = [ImportEntry(ModuleRequest("0"), f"own{url}", "name") for url in [*urls, "absent"]]
    records["all"] = ModuleRecord(import_entries=tuple(names))
    graph = CountingGraph(records)
    assert [problem.name for problem in link_problems(graph, "all")] == ["ownabsent"]
    assert sum(graph.asked.values()) < 10 * len(urls)
    # The path follows the search: the first star of each module leads to the next module.
    found = resolve_export(graph, "0", "own99")
    assert [step.url for step in found.steps] == urls[:-1]


def test_an_unknown_module_has_no_problems() -> None:
    graph = CountingGraph({})
    assert resolve_export(graph, "absent", "a").result is Unlinked.UNKNOWN
    assert exported_names(graph, "absent") == ExportedNames((), False)
    assert link_problems(graph, "absent") == []
    assert import_cycles(graph, ["absent", "absent"]) == []


def test_a_name_that_is_exported_twice_is_the_first_one() -> None:
    # This is an early error of the module itself, and its importers do not report it.
    record = ModuleRecord(
        requests("absent"),
        indirect_export_entries=(
            indirect("a", "b", "none"),
            ExportEntry("a", ModuleRequest("absent"), ImportName.ALL, None),
        ),
    )
    graph = CountingGraph({"a": record, "b": ModuleRecord()})
    assert resolve_export(graph, "a", "a").result is None
    assert [(problem.name, problem.target_url) for problem in link_problems(graph, "a")] == [("none", "b")]


@pytest.mark.parametrize("phase", [Phase.SOURCE, Phase.DEFER])
def test_a_phase_binds_no_export(phase: Phase) -> None:
    request = ModuleRequest("b", phase=phase)
    record = ModuleRecord((request,), (ImportEntry(request, "default", "x"),))
    assert link_problems(CountingGraph({"a": record, "b": ModuleRecord()}), "a") == []
