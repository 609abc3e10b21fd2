"""The places where a package.json names files of its package, and the patterns by which others name these files."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from esmcache.file_source import FileSource
from esmcache.ide.specifiers import url_path

_TARGETS = frozenset({"main", "module", "exports", "imports", "bin", "browser", "types", "esmcache"})
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A text that replaces the characters `[start, end)` of another text."""

    start: int
    end: int
    text: str


def package_json_above(files: FileSource, path: str) -> str | None:
    """Return the nearest package.json in a file's directory or above it, or None if none exists."""
    directory = path
    while directory != "/":
        directory = os.path.dirname(directory)
        candidate = os.path.join(directory, "package.json")
        if files.lstat(candidate) is not None:
            return candidate
    return None


def moved_targets(text: str, root: str, after: Callable[[str], str]) -> list[Rewriting]:
    """Return the changes in the package.json of the package in `root`.

    A pattern's target changes only if a folder that holds all of its files moves.

    Args:
        text: The content of the package.json.
        after: Returns the new path of a file.
    """
    changes = []
    for start, end, value in _target_strings(text):
        old = os.path.normpath(os.path.join(root, value))
        new = after(old)
        if new != old and new.startswith(root + os.sep):
            written = os.path.relpath(new, root)
            written = "./" + written if value.startswith("./") else written
            changes.append(Rewriting(start, end, json.dumps(written, ensure_ascii=False)))
    return changes


def rewritten(text: str, changes: list[Rewriting]) -> str:
    """Return a text after changes, which must be in the order of the text."""
    for change in reversed(changes):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def package_fields(files: FileSource, package_json: str) -> dict[str, Any]:
    """Return the fields of a package.json; empty if it cannot be read."""
    try:
        content = json.loads(files.read(package_json))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def names_by_patterns(fields: dict[str, Any], root: str, specifier: str, path: str) -> Iterator[str]:
    """Yield the specifiers for the file `path` by those patterns of its package that match the old `specifier`.

    A package without `exports` exports all of its files.
    """
    name = fields.get("name")
    relative = os.path.relpath(path, root)
    if specifier.startswith("#"):
        patterns, prefix = fields.get("imports"), ""
    elif not isinstance(name, str) or not specifier.startswith(f"{name}/"):
        return
    elif "exports" in fields:
        patterns, prefix = fields["exports"], name
    else:
        yield f"{name}/{url_path(relative, specifier)}"
        return
    for key, targets in patterns.items() if isinstance(patterns, dict) else ():
        written = prefix + key.removeprefix(".") if prefix else key
        if _star(written, specifier) is None:
            continue
        for target in _strings(targets):
            star = _star(posixpath.normpath(target), relative)
            if star is not None:
                yield written.replace("*", url_path(star, specifier))


def _star(pattern: str, text: str) -> str | None:
    """Return the part of `text` that the pattern's one `*` matches, or None if the pattern does not match."""
    before, star, after = pattern.partition("*")
    if not star or not text.startswith(before) or not text.endswith(after) or len(text) <= len(before) + len(after):
        return None
    return text[len(before) : len(text) - len(after)]


def _strings(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        one = pending.pop(0)
        if isinstance(one, str):
            yield one
        elif isinstance(one, (dict, list)):
            pending[:0] = one.values() if isinstance(one, dict) else one


def _target_strings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and value of every string in a package.json that names a file of the package."""
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
