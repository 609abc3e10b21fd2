"""The JSON of esmcache's own requests and commands, made from its values; docs/how-to/editors.md describes it."""

from __future__ import annotations

from typing import Any

from esmcache.build.save import Update
from esmcache.build.warm import WarmReport
from esmcache.ide.values import Graph, GraphNode, PackageModules
from esmcache.maintain.statistics import Statistics
from esmcache.query.lookup import Explanation, Lookup
from esmcache.wording import printable
from esmcache_lsp.convert import uri_from_path, uri_from_url
from esmcache_lsp.markdown import code_span, escaped, one_line


def summary_to_json(report: WarmReport | Update) -> dict[str, Any]:
    """Return the counts and problems of a warm or of an update of single files."""
    problems = [
        {"path": one.path, "code": one.code, "message": one_line(one.message), "line": one.line}
        for one in report.problems
    ]
    if isinstance(report, Update):
        count = len(report.updated)
        return {
            "entries": 0,
            "modules": count,
            "served": count,
            "native": 0,
            "read": count,
            "compiled": count,
            "seconds": 0.0,
            "problems": problems,
        }
    return {
        "entries": report.entries,
        "modules": report.modules,
        "served": report.served,
        "native": report.native,
        "read": report.read,
        "compiled": report.compiled,
        "seconds": round(report.seconds, 3),
        "problems": problems,
    }


def statistics_to_json(statistics: Statistics) -> dict[str, Any]:
    """Return counts and sizes of the whole cache."""
    return {
        "directory": statistics.directory,
        "totalBytes": statistics.total_bytes,
        "bytes": statistics.bytes,
        "files": statistics.files,
        "entryPoints": statistics.entry_points,
        "modules": statistics.modules,
        "packages": [
            {"name": printable(name), "modules": count, "bytes": size} for name, count, size in statistics.packages
        ],
        "engines": [{"tag": tag, "modules": count, "bytes": size} for tag, count, size in statistics.engines],
        "counters": statistics.counters,
    }


def lookup_to_json(found: Lookup) -> dict[str, Any]:
    """Return the state, the key and the files of a module in the cache."""
    return {
        "uri": uri_from_url(found.url),
        "state": found.state.value,
        "key": found.key,
        "blobPath": None if found.blob_path is None else str(found.blob_path),
        "codeCachePath": None if found.code_cache_path is None else str(found.code_cache_path),
        "engine": found.engine_tag,
    }


def explanation_to_json(found: Explanation) -> dict[str, Any]:
    """Return why a module is served or not; `markdown` is the whole explanation."""
    lines = [f"**{found.verdict}**: {escaped(found.reason)}", "", f"state: {found.state.value}"]
    for title, some in (
        ("at starts of", map(code_span, found.starts)),
        ("entry points", map(code_span, found.entry_points)),
        ("changed", map(code_span, found.changed)),
        ("missed by starts", map(code_span, found.missed)),
        ("unresolved", [f"{code_span(one)}: {code} {escaped(message)}" for one, code, message in found.unresolved]),
        *(
            (f"key of the {name}", [f"{key}: {code_span(str(value))}" for key, value in pairs])
            for name, pairs in found.ingredients.items()
        ),
    ):
        if items := [f"- {one}" for one in some]:
            lines += ["", f"{title}:", "", *items]
    return {
        "uri": uri_from_url(found.url),
        "state": found.state.value,
        "served": found.served,
        "reason": printable(found.reason),
        "text": "\n".join(lines),
    }


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """Return a module graph."""
    return {
        "root": None if graph.root is None else uri_from_url(graph.root),
        "truncated": graph.truncated,
        "nodes": [
            {**_node_to_json(one), "package": printable(one.package), "inCycle": one.in_cycle} for one in graph.nodes
        ],
        "edges": [{"from": start, "to": end, "dynamic": dynamic} for start, end, dynamic in graph.edges],
    }


def packages_to_json(packages: list[PackageModules]) -> dict[str, Any]:
    """Return modules by package."""
    return {
        "packages": [
            {
                "name": printable(one.name),
                "version": printable(one.version),
                "root": uri_from_path(one.root) if one.root else "",
                "isWorkspace": one.is_workspace,
                "modules": [{**_node_to_json(node), "bytecodeBytes": size} for node, size in one.modules],
            }
            for one in packages
        ]
    }


def _node_to_json(node: GraphNode) -> dict[str, Any]:
    return {
        "uri": uri_from_url(node.url),
        "name": printable(node.name),
        "kind": node.kind.value,
        "state": node.state.value,
        "bytes": node.bytes,
        "problem": printable(node.problem),
    }
