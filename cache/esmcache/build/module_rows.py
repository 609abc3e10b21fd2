"""Converts modules, their requests and the answers to rows of the index."""

from __future__ import annotations

import json
from hashlib import sha256

from esmcache.build.graph import GraphModule
from esmcache.records import Resolution, ResolutionInput
from esmcache.store.rows import InputRow, ModuleRow, RequestRow


class InputSets:
    """Names each set of resolution inputs by a digest of its content."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._sets: dict[str, tuple[ResolutionInput, ...]] = {}

    def name(self, inputs: tuple[ResolutionInput, ...]) -> str:
        """Return the name of a set, or '' for an empty one."""
        if not inputs:
            return ""
        name = self._names.get(id(inputs))
        if name is None:
            text = "\0".join(f"{one.kind.value}\1{one.path}\1{one.detail}" for one in inputs)
            name = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
            self._names[id(inputs)] = name
            self._sets[name] = inputs
        return name

    def rows(self, name: str) -> list[InputRow]:
        """Return the rows of a set that `name` was called with."""
        return [
            InputRow(name, ordinal, one.kind.value, _storable(one.path), _storable(one.detail))
            for ordinal, one in enumerate(self._sets[name])
        ]


def module_row(module: GraphModule, package_root: str, now: float) -> ModuleRow | None:
    """Return the row of a module, or None if its file cannot be read.

    Args:
        package_root: The directory of the package that holds the file.
        now: When the module was warmed, in seconds since the epoch.
    """
    fact = module.fact
    if fact is None:
        return None
    kind = module.module_format.value if module.module_format is not None else "unknown"
    seen = fact.fingerprint
    return ModuleRow(
        module.url,
        module.path,
        kind,
        seen.size,
        seen.mtime_ms,
        seen.ctime_ms,
        seen.inode,
        int(fact.proven),
        fact.sha256,
        package_root,
        module.native_because,
        now,
    )


def is_same(row: ModuleRow, known: ModuleRow) -> bool:
    """Return whether two rows are equal except for the time when they were written."""
    return all(getattr(row, name) == getattr(known, name) for name in ModuleRow.__slots__ if name != "warmed_at")


def request_rows(module: GraphModule, sets: InputSets) -> list[RequestRow]:
    """Return a module's requests and their answers."""
    rows = []
    for ordinal, (request, answer) in enumerate(zip(module.requests, module.answers, strict=True)):
        attributes = json.dumps({a.key: a.value for a in request.attributes}) if request.attributes else ""
        resolved = isinstance(answer, Resolution)
        rows.append(
            RequestRow(
                module.url,
                ordinal,
                _storable(request.specifier),
                int(request.asked),
                attributes,
                answer.resolved_url if isinstance(answer, Resolution) else "",
                "" if isinstance(answer, Resolution) else answer.code,
                "" if isinstance(answer, Resolution) else _storable(answer.message),
                sets.name(answer.inputs) if resolved or answer.inputs else "",
            )
        )
    return rows


def _storable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
