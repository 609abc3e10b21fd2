"""The loader of a module follows from the ways that lead to it; the e2e tests compare it with what Node does."""

from __future__ import annotations

import pytest

from esmcache.build.graph import Asked, GraphModule, GraphRequest
from esmcache.build.loaders import imported_modules
from esmcache.records import ModuleFormat, Resolution

FORMATS = {"mts": ModuleFormat.MODULE_TYPESCRIPT, "cts": ModuleFormat.COMMONJS_TYPESCRIPT, "cjs": ModuleFormat.COMMONJS}
WAYS = {
    "import": Asked.IMPORT,
    "import()": Asked.IMPORT | Asked.WHILE_RUNNING,
    "require": Asked.REQUIRE | Asked.WHILE_RUNNING,
    "Worker": Asked.WORKER | Asked.IMPORT | Asked.WHILE_RUNNING,
}


def graph(entry: str, *requests: tuple[str, str, str]) -> dict[str, GraphModule]:
    """Return the graph in which the first name of each triple requests the last one."""
    names = dict.fromkeys([entry, *(name for one, _, another in requests for name in (one, another))])
    modules = {name: GraphModule(name, f"/{name}", FORMATS[name.partition(".")[2]]) for name in names}
    modules[entry].is_root = True
    for one, way, another in requests:
        modules[one].requests += (GraphRequest(another, WAYS[way]),)
        modules[one].answers.append(Resolution(another, modules[another].module_format))
        modules[another].is_root |= way == "Worker"
    return modules


@pytest.mark.parametrize("keeps_stripped", [False, True])
def test_a_commonjs_program_that_is_imported_in_a_cycle_was_required_first(*, keeps_stripped: bool) -> None:
    modules = graph("app.cts", ("app.cts", "import()", "a.mts"), ("a.mts", "import", "app.cts"))
    assert imported_modules(modules, keeps_stripped=keeps_stripped) == {"a.mts"}


@pytest.mark.parametrize("keeps_stripped", [False, True])
def test_a_worker_is_an_entry_point(*, keeps_stripped: bool) -> None:
    modules = graph("app.mts", ("app.mts", "Worker", "w.cts"), ("app.mts", "Worker", "w.mts"))
    assert imported_modules(modules, keeps_stripped=keeps_stripped) == {"app.mts", "w.mts"}


def test_without_stripped_texts_imported_commonjs_passes_its_loader_on() -> None:
    modules = graph(
        "app.mts",
        ("app.mts", "import", "a.cts"),
        ("a.cts", "require", "b.cjs"),
        ("b.cjs", "require", "c.cts"),
        ("app.mts", "import", "d.cjs"),
        ("d.cjs", "require", "e.cts"),
        ("d.cjs", "require", "e.mts"),
    )
    assert imported_modules(modules, keeps_stripped=False) >= {"a.cts", "c.cts"}
    assert not imported_modules(modules, keeps_stripped=False) & {"e.cts", "e.mts"}
    assert not imported_modules(modules, keeps_stripped=True) & {"c.cts", "e.cts", "e.mts"}


def test_modules_that_nothing_leads_to_are_loaded_by_their_format() -> None:
    modules = graph("app.mts") | {name: GraphModule(name, name, FORMATS[name[2:]]) for name in ("a.mts", "a.cts")}
    assert imported_modules(modules, keeps_stripped=False) == {"app.mts", "a.mts"}
