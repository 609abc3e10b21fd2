"""What has to be written anew when files move: specifiers that lead to them, theirs, and package.json's targets."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from esmcache.engine.workspace.importers import Importers
from esmcache.engine.workspace.modules import Occurrence, WorkspaceModule, WorkspaceModules
from esmcache.engine.workspace.values import Range, TextChange
from esmcache.file_source import file_url_from_path, path_from_file_url
from esmcache.records import CallKind, Resolution
from esmcache.spans import LineIndex, Span

_SOURCES = (".js", ".mjs", ".cjs", ".json", ".wasm", ".node")
# What `require` tries behind a path, and so what its specifiers leave out.
_LEFT_OUT = ("", ".js", ".json", ".node", "/index.js", "/index.json", "/index.node")
_TARGETS = frozenset({"main", "module", "exports", "imports", "bin", "browser", "types", "esmcache"})
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')
_NOT_IN_PATHS = {"%": "%25", "?": "%3F", "#": "%23", "\\": "%5C"}


class Moves:
    """Finds the changes for some moves, before they happen."""

    def __init__(self, modules: WorkspaceModules, importers: Importers) -> None:
        self._modules = modules
        self._importers = importers

    def changes(self, moves: Sequence[tuple[str, str]]) -> dict[str, list[TextChange]]:
        """Return what to change, by the URL that each file has now; `moves` are old and new paths."""
        moved = dict(_files(moves))
        changes: dict[str, dict[Range, TextChange]] = {}
        for old in moved:
            url = file_url_from_path(old)
            for importer, occurrences in self._importers.of(url):
                for occurrence in occurrences:
                    self._change(importer, occurrence, old, moved, changes)
            module = self._modules.module(url)
            for occurrence in () if module is None else module.occurrences():
                target = None if module is None else self._target(module, occurrence)
                if module is not None and target is not None and target not in moved:
                    self._change(module, occurrence, target, moved, changes)
        found = {url: list(some.values()) for url, some in changes.items()}
        for package_json in {path for path in map(_package_json_above, moved) if path is not None}:
            if package_json not in moved and (edits := self._package_changes(package_json, moved, moves)):
                found[file_url_from_path(package_json)] = edits
        return found

    def _target(self, module: WorkspaceModule, occurrence: Occurrence) -> str | None:
        answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
        return path_from_file_url(answer.resolved_url) if isinstance(answer, Resolution) else None

    def _change(
        self,
        module: WorkspaceModule,
        occurrence: Occurrence,
        target: str,
        moved: Mapping[str, str],
        changes: dict[str, dict[Range, TextChange]],
    ) -> None:
        new_target, new_home = moved.get(target, target), moved.get(module.path, module.path)
        if occurrence.specifier.startswith(("./", "../", "/", "file:")) or occurrence.specifier in (".", ".."):
            specifier = _relative_again(module.path, occurrence, target, new_home, new_target)
        else:
            specifier = _through_pattern(occurrence.specifier, target, new_target)
        if specifier is None or specifier == occurrence.specifier:
            return
        inside = Span(occurrence.span.start + 1, occurrence.span.end - 1)
        range_ = self._modules.range(module, inside)
        changes.setdefault(module.url, {})[range_] = TextChange(range_, specifier)

    def _package_changes(
        self, package_json: str, moved: Mapping[str, str], moves: Sequence[tuple[str, str]]
    ) -> list[TextChange]:
        try:
            content = self._modules.documents.read(package_json)
            text = content.decode()
        except (OSError, UnicodeDecodeError):
            return []
        root = os.path.dirname(package_json)
        lines = LineIndex(content)
        changes = []
        for start, end, value in _target_strings(text):
            old = os.path.normpath(os.path.join(root, value))
            new = _moved_pattern(old, moves) if "*" in value else moved.get(old)
            if new is None or not new.startswith(root + os.sep):
                continue
            written = os.path.relpath(new, root)
            written = "./" + written if value.startswith("./") else written
            first, last = len(text[:start].encode()), len(text[:end].encode())
            unit = self._modules.unit
            range_ = Range(lines.position(first, unit), lines.position(last, unit))
            changes.append(TextChange(range_, json.dumps(written, ensure_ascii=False)))
        return changes


def _files(moves: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield old and new path of every file that moves; links are followed in the old ones, as Node does."""
    for old, new in moves:
        if not os.path.isdir(old):
            yield os.path.realpath(old), os.path.abspath(new)
            continue
        for folder, names, files in os.walk(old):
            names[:] = [name for name in names if name != "node_modules"]
            for name in files:
                if name.endswith(_SOURCES):
                    path = os.path.join(folder, name)
                    yield os.path.realpath(path), os.path.join(os.path.abspath(new), os.path.relpath(path, old))


def _relative_again(home: str, occurrence: Occurrence, target: str, new_home: str, new_target: str) -> str | None:
    """Return a specifier that leads from the new place of a file to the new place of another."""
    specifier = occurrence.specifier
    path, mark, suffix = specifier, "", ""
    if occurrence.kind is not CallKind.REQUIRE:
        path, mark, suffix = next(
            ((before, sign, after) for before, sign, after in map(specifier.partition, "?#") if sign),
            (specifier, "", ""),
        )
    if path.startswith("file:"):
        return file_url_from_path(new_target) + mark + suffix
    spelled = os.path.normpath(os.path.join(os.path.dirname(home), _plain(path, occurrence)))
    left_out = next((one for one in _LEFT_OUT if os.path.realpath(spelled + one) == target), None)
    if left_out is None:
        return None
    written = new_target
    if left_out and written.endswith(left_out):
        written = written[: -len(left_out)]
    if path.startswith("/"):
        return _as_specifier(written, occurrence) + mark + suffix
    relative = os.path.relpath(written, os.path.dirname(new_home)).replace(os.sep, "/")
    relative = relative if relative.startswith("../") else "./" + relative
    return _as_specifier(relative, occurrence) + mark + suffix


def _plain(path: str, occurrence: Occurrence) -> str:
    """Return the file's path that an import's specifier spells; `require` takes a path as it is."""
    return path if occurrence.kind is CallKind.REQUIRE else os.fsdecode(unquote_to_bytes(path))


def _as_specifier(path: str, occurrence: Occurrence) -> str:
    if occurrence.kind is CallKind.REQUIRE:
        return path
    return "".join(_NOT_IN_PATHS.get(character, character) for character in path)


def _package_json_above(path: str) -> str | None:
    directory = os.path.dirname(path)
    while True:
        candidate = os.path.join(directory, "package.json")
        if os.path.isfile(candidate):
            return candidate
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _through_pattern(specifier: str, old: str, new: str) -> str | None:
    """Return the specifier for a file that a pattern in its package's exports or imports led to, and still does."""
    package_json = _package_json_above(old)
    if package_json is None:
        return None
    try:
        with open(package_json, "rb") as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    root, name = os.path.dirname(package_json), content.get("name")
    field, prefix = ("imports", "") if specifier.startswith("#") else ("exports", str(name))
    patterns = content.get(field)
    if not isinstance(patterns, dict):
        return None
    for key, targets in patterns.items():
        written = posixpath.normpath(prefix + key.removeprefix(".")) if field == "exports" else key
        star = _star(written, specifier)
        if star is None:
            continue
        for target in _strings(targets):
            pattern = posixpath.normpath(target)
            old_star = _star(pattern, os.path.relpath(old, root))
            new_star = _star(pattern, os.path.relpath(new, root))
            if old_star == star and new_star is not None:
                return str(written).replace("*", new_star)
    return None


def _moved_pattern(pattern: str, moves: Sequence[tuple[str, str]]) -> str | None:
    """Return where a pattern's files are after a move of a folder that holds them all, None where there is none."""
    before = os.path.dirname(pattern.partition("*")[0])
    for old, new in moves:
        if os.path.isdir(old) and (before == old or before.startswith(old + os.sep)):
            return os.path.abspath(new) + pattern[len(old) :]
    return None


def _star(pattern: str, text: str) -> str | None:
    """Return what the pattern's one `*` stands for in `text`, None where it does not match."""
    before, star, after = pattern.partition("*")
    if not star or not text.startswith(before) or not text.endswith(after) or len(text) <= len(before) + len(after):
        return None
    return text[len(before) : len(text) - len(after)]


def _strings(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (dict, list)):
            pending += one.values() if isinstance(one, dict) else one


def _target_strings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield place and value of every string that names a file of the package, in its package.json."""
    depth, field = 0, ""
    tokens = list(_JSON_TOKEN.finditer(text))
    for number, token in enumerate(tokens):
        written = token[0]
        if written in "{[":
            depth += 1
        elif written in "}]":
            depth -= 1
        elif written.startswith('"'):
            is_key = number + 1 < len(tokens) and tokens[number + 1][0] == ":"
            try:
                value = json.loads(written)
            except ValueError:
                continue
            if is_key and depth == 1:
                field = value
            elif not is_key and field in _TARGETS:
                yield token.start(), token.end(), value
