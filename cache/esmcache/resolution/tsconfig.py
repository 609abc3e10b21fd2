"""Reads the fields of tsconfig.json that say where TypeScript's tools look for modules, and where they write.

Node reads none of this, so nothing here takes part in a resolution: it only explains why a specifier that these tools
understand means nothing to Node. A file that is absent, broken or huge counts as empty.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from esmcache.resolution.file_facts import EntryKind, FileFacts, normalized

_NAME = "tsconfig.json"
_LARGEST = 1 << 20
# Both patterns match a string that never ends up to the end of the text, so that hostile text costs linear time.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_STRING_OR_COMMENT = re.compile(rf"({_STRING})|//[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING_OR_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_CONFIG_DIRECTORY = "${configDir}"


@dataclass(frozen=True, slots=True)
class TsConfig:
    """The fields of one tsconfig.json and of those that it extends by a relative path; all paths are absolute.

    `paths` maps each pattern to its targets, which may contain `*`, too. A directory is '' if it is not given.
    """

    path: str
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    base_url: str = ""
    root_dir: str = ""
    out_dir: str = ""

    def match(self, specifier: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the pattern of `paths` that TypeScript applies to a specifier and its targets, or None.

        An equal pattern counts before one with `*`, and then the one with the longest text before its `*`.
        """
        if specifier in self.paths:
            return specifier, self.paths[specifier]
        fitting = [pattern for pattern in self.paths if _fits(pattern, specifier)]
        if not fitting:
            return None
        pattern = max(fitting, key=lambda one: one.index("*"))
        before, _, behind = pattern.partition("*")
        middle = specifier[len(before) : len(specifier) - len(behind)]
        return pattern, tuple(target.replace("*", middle, 1) for target in self.paths[pattern])


class TsConfigReader:
    """Finds and reads tsconfig.json files, each once; files must not change meanwhile."""

    def __init__(self, facts: FileFacts) -> None:
        self._facts = facts
        self._nearest: dict[str, tuple[TsConfig, ...]] = {}
        self._options: dict[str, _Options] = {}

    def nearest(self, directory: str) -> tuple[TsConfig, ...]:
        """Return the tsconfig.json of the nearest directory upwards, then those that it references; empty if none."""
        known = self._nearest.get(directory)
        if known is None:
            path = os.path.join(directory, _NAME)
            if self._is_file(path):
                known = tuple(self._configs(path))
            else:
                parent = os.path.dirname(directory)
                known = () if parent == directory else self.nearest(parent)
            self._nearest[directory] = known
        return known

    def _configs(self, path: str) -> Iterator[TsConfig]:
        yield self._config(path)
        for reference in self._read(path).references:
            found = os.path.join(reference, _NAME) if self._is_directory(reference) else reference
            if found != path and self._is_file(found):
                yield self._config(found)

    def _config(self, path: str) -> TsConfig:
        options = self._read(path)
        own = os.path.dirname(path)

        def absolute(option: _Option | None) -> str:
            return "" if option is None else option.absolute(own)

        base_url = absolute(options.values.get("baseUrl"))
        paths = options.values.get("paths")
        found = {}
        if paths is not None:
            base = _Option("", base_url or paths.directory)
            found = {
                pattern: tuple(_Option(target, base.directory).absolute(own) for target in targets)
                for pattern, targets in paths.value.items()
            }
        root_dir, out_dir = absolute(options.values.get("rootDir")), absolute(options.values.get("outDir"))
        return TsConfig(path, found, base_url, root_dir, out_dir)

    def _read(self, path: str) -> _Options:
        known = self._options.get(path)
        if known is not None:
            return known
        # A file that extends itself finds this.
        options = self._options[path] = _Options()
        content = self._content(path)
        directory = os.path.dirname(path)
        for name in _texts(content.get("extends")):
            extended = self._extended(directory, name)
            if extended is not None:
                options.values |= self._read(extended).values
        compiler_options = content.get("compilerOptions")
        if isinstance(compiler_options, dict):
            options.values |= _understood(compiler_options, directory)
        references = content.get("references")
        for one in references if isinstance(references, list) else ():
            if isinstance(one, dict) and isinstance(one.get("path"), str):
                options.references.append(_Option(one["path"], directory).absolute(directory))
        return options

    def _content(self, path: str) -> dict[str, Any]:
        try:
            content = self._facts.read(self._facts.entry(path).real_path)
        except OSError:
            return {}
        parsed = parse_jsonc(content) if len(content) <= _LARGEST else None
        return parsed if isinstance(parsed, dict) else {}

    def _extended(self, directory: str, name: str) -> str | None:
        if not name.startswith(("./", "../", "/")):
            return None
        path = _Option(name, directory).absolute(directory)
        return next((one for one in (path, f"{path}.json") if self._is_file(one)), None)

    def _is_file(self, path: str) -> bool:
        return self._facts.entry(path).kind is EntryKind.FILE

    def _is_directory(self, path: str) -> bool:
        return self._facts.entry(path).kind is EntryKind.DIRECTORY


def parse_jsonc(content: bytes) -> Any:
    """Return the value of JSON that may have comments and trailing commas, as TypeScript reads it, or None."""
    try:
        text = content.decode("utf-8-sig")
        text = _STRING_OR_COMMENT.sub(lambda match: match[1] or " ", text)
        return json.loads(_STRING_OR_TRAILING_COMMA.sub(lambda match: match[1] or " ", text), strict=False)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class _Option:
    """The value of an option, and the directory of the file that has it."""

    value: Any
    directory: str

    def absolute(self, config_directory: str) -> str:
        """Return the path that the value stands for.

        Args:
            config_directory: The directory of the file that is read, which may extend the one that has the option.
        """
        value = str(self.value)
        if value.startswith(_CONFIG_DIRECTORY):
            value = config_directory + value.removeprefix(_CONFIG_DIRECTORY)
        return normalized(os.path.join(self.directory, value))


@dataclass(slots=True)
class _Options:
    """The options of a file, those that it extends included, and the paths that it references."""

    values: dict[str, _Option] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)


def _understood(options: dict[str, Any], directory: str) -> dict[str, _Option]:
    found = {
        name: _Option(value, directory)
        for name, value in options.items()
        if name in ("baseUrl", "rootDir", "outDir") and isinstance(value, str)
    }
    paths = options.get("paths")
    if isinstance(paths, dict):
        usable = {pattern: _texts(targets) for pattern, targets in paths.items() if isinstance(targets, list)}
        found["paths"] = _Option(usable, directory)
    return found


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _fits(pattern: str, specifier: str) -> bool:
    before, star, behind = pattern.partition("*")
    is_pattern = star and "*" not in behind and len(specifier) >= len(before) + len(behind)
    return bool(is_pattern) and specifier.startswith(before) and specifier.endswith(behind)
