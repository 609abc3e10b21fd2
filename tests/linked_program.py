"""A program given as texts by file name, analysed and linked by the relative paths of its imports."""

from __future__ import annotations

from collections.abc import Mapping

from esmcache.analysis import analyse_module
from esmcache.linking import ExportResolution, ResolvedBinding
from esmcache.records import ImportName, ModuleRecord, ModuleRequest


class LinkedProgram:
    """A LinkingGraph whose URLs are file names; only names that end in .js are modules with known exports."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.names = tuple(texts)
        self.records: dict[str, ModuleRecord] = {
            name: analyse_module(text.encode()).record for name, text in texts.items() if name.endswith(".js")
        }

    def record(self, url: str) -> ModuleRecord | None:
        return self.records.get(url)

    def resolved_url(self, url: str, request: ModuleRequest) -> str | None:
        name = request.specifier.removeprefix("./")
        return name if name in self.names or request.specifier.startswith("node:") else None

    def reached_from(self, url: str) -> list[str]:
        """Return a module and all modules that it statically imports, directly or indirectly."""
        reached = [url]
        for importer in reached:
            targets = [self.resolved_url(importer, request) for request in self.records[importer].requested_modules]
            reached += [target for target in dict.fromkeys(targets) if target in self.records and target not in reached]
        return reached


def resolution_line(resolution: ExportResolution) -> str:
    """Return a resolution in the words of the Markdown cases."""
    result = resolution.result
    if result is None:
        said = "missing"
    elif isinstance(result, ResolvedBinding):
        said = _binding(result)
    else:
        said = result.value
    candidates = " or ".join(_binding(candidate) for candidate in resolution.candidates)
    steps = ", ".join(f"{step.url} {_step_name(step.entry.export_name)}" for step in resolution.steps)
    return said + (f": {candidates}" if candidates else "") + (f", by {steps}" if steps else "")


def _step_name(export_name: str | None) -> str:
    return "*" if export_name is None else repr(export_name)


def _binding(binding: ResolvedBinding) -> str:
    name = binding.binding_name
    return f"{binding.module} {name.name if isinstance(name, ImportName) else repr(name)}"
