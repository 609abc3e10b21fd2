"""Suggests what to write for a specifier that Node cannot resolve, above all for one that TypeScript's tools resolve.

These tools guess extensions, take `./a.js` for `a.ts`, and follow `paths` of tsconfig.json; Node does nothing of this.
The rules are pure functions of a specifier and of the files that are there. `SpecifierHints` asks them for files on
disk. Nothing here changes what a specifier means.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from esmcache.file_source import FileSource
from esmcache.records import ResolutionFailure
from esmcache.resolution.file_facts import EntryKind, FileFacts, normalized
from esmcache.resolution.module_formats import DECLARATION_SUFFIXES, TYPESCRIPT_SUFFIXES
from esmcache.resolution.tsconfig import TsConfig, TsConfigReader

# TypeScript's own rule: a specifier names the file that a compiler will write.
_OF_COMPILED = {".js": ".ts", ".mjs": ".mts", ".cjs": ".cts"}
_OTHER_SUFFIXES = (".js", ".mjs", ".cjs", ".json", "/index.js")
_IMPORTED_SUFFIXES = (*TYPESCRIPT_SUFFIXES, ".js", ".mjs", ".cjs", ".json", ".wasm", ".node")
_NODE_HINT = re.compile(r'\nDid you mean to import (?P<json>".*")\?$', re.DOTALL)
_FURTHER_LINES = re.compile(r"\nRequire stack:\n- .*\Z", re.DOTALL)
# In a URL, these characters of a file's name mean something else.
_ESCAPES = str.maketrans({"%": "%25", "?": "%3F", "#": "%23"})

# Returns whether there is a file at an absolute path, links followed.
IsFile = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class SpecifierHint:
    """A specifier to write instead, '' if none is known, and why TypeScript's tools resolve what is written, or ''."""

    specifier: str = ""
    reason: str = ""


class SpecifierHints:
    """Makes hints for one snapshot of the file system; discard it when files may have changed."""

    def __init__(self, files: FileSource) -> None:
        self._facts = FileFacts(files)
        self._configs = TsConfigReader(self._facts)

    def hint(self, specifier: str, importer_path: str, failure: ResolutionFailure) -> SpecifierHint:
        """Return the hint for a specifier that Node cannot resolve in a module.

        Args:
            importer_path: The real path of the module.
            failure: Node's error.
        """
        if not _is_path(specifier) and "/node_modules/" not in importer_path:
            configs = self._configs.nearest(os.path.dirname(importer_path))
            aliases = (alias_hint(config, specifier, importer_path, self._is_file) for config in configs)
            if (alias := next((one for one in aliases if one is not None), None)) is not None:
                return alias
        return SpecifierHint(suggested_specifier(specifier, importer_path, failure, self._is_file))

    def _is_file(self, path: str) -> bool:
        return self._facts.entry(path).kind is EntryKind.FILE


def with_hint(message: str, hint: SpecifierHint) -> str:
    """Return the message of Node's error without its further lines, and with the hint in their place.

    Line breaks in names are no further lines.
    """
    told = _FURTHER_LINES.sub("", without_suggestion(message))
    told += f"; {hint.reason}" if hint.reason else ""
    return told + (f'; did you mean "{hint.specifier}"?' if hint.specifier else "")


def suggested_specifier(specifier: str, importer_path: str, failure: ResolutionFailure, is_file: IsFile) -> str:
    """Return what to write instead of a specifier, or '' if no file suits.

    A TypeScript file is suggested to TypeScript before the file that Node suggests in its error, since a compiler may
    have written that one beside it.
    """
    of_node = node_suggestion(failure)
    typed = typescript_specifier(specifier, os.path.dirname(importer_path), is_file)
    found = typed if typed and (importer_path.endswith(TYPESCRIPT_SUFFIXES) or not of_node) else of_node
    return "" if found == specifier else found


def node_suggestion(failure: ResolutionFailure) -> str:
    """Return the specifier that Node's error suggests, or ''."""
    hint = _NODE_HINT.search(failure.message)
    return "" if hint is None else str(json.loads(hint["json"]))


def without_suggestion(message: str) -> str:
    """Return the message of Node's error without its last line if that suggests a specifier."""
    return _NODE_HINT.sub("", message)


def typescript_specifier(specifier: str, directory: str, is_file: IsFile) -> str:
    """Return the specifier of the TypeScript file that its tools would take for a relative one, or ''.

    Args:
        directory: The directory of the importing module.
    """
    if not _is_path(specifier):
        return ""
    end = min((at for at in map(specifier.find, "?#") if at >= 0), default=len(specifier))
    path, rest = specifier[:end], specifier[end:]
    for spelling in _typescript_spellings(path):
        if is_file(normalized(os.path.join(directory, unquote(spelling)))):
            return spelling + rest
    return ""


def alias_hint(config: TsConfig, specifier: str, importer_path: str, is_file: IsFile) -> SpecifierHint | None:
    """Return the hint for a specifier that `paths` or `baseUrl` of a tsconfig.json resolves, or None.

    A pattern without any text of its own (`*`), like `baseUrl`, counts only if it leads to a file.
    """
    name = os.path.basename(config.path)
    matched = config.match(specifier)
    if matched is not None:
        pattern, targets = matched
        found = next((path for target in targets if (path := _file_at(target, is_file))), "")
        if found or pattern != "*":
            shown = json.dumps(pattern, ensure_ascii=False)
            return SpecifierHint(
                found and _relative(found, importer_path),
                f"the path {shown} of {name} matches it, but Node does not read {name}",
            )
    if config.base_url and (found := _file_at(normalized(os.path.join(config.base_url, specifier)), is_file)):
        reason = f"it is relative to `baseUrl` of {name}, but Node does not read {name}"
        return SpecifierHint(_relative(found, importer_path), reason)
    return None


def source_of_output(path: str, directory: str, configs: Iterable[TsConfig], is_file: IsFile) -> str:
    """Return the TypeScript file of which a compiler would write the file at `path`, or '' if none is found.

    It is looked for beside `path`, and where `rootDir` and `outDir` of a tsconfig.json put it. Without them, the first
    directory in the path counts as `outDir`, and `src` or the package itself as `rootDir`.

    Args:
        path: The absolute path of the compiled file.
        directory: The absolute path of the package.
    """
    usual_roots = [os.path.join(directory, "src"), directory]
    for config in configs:
        if config.out_dir and _is_below(path, config.out_dir):
            rest = os.path.relpath(path, config.out_dir)
            roots = [config.root_dir] if config.root_dir else usual_roots
            break
    else:
        _, _, rest = os.path.relpath(path, directory).partition("/")
        roots = usual_roots if rest and _is_below(path, directory) else []
    candidates = [path, *(normalized(os.path.join(root, rest)) for root in roots)]
    spellings = (spelling for candidate in candidates for spelling in _typescript_spellings(candidate))
    return next((spelling for spelling in spellings if is_file(spelling)), "")


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory}/")


def _is_path(specifier: str) -> bool:
    return specifier.startswith(("./", "../", "/")) or specifier in (".", "..")


def _typescript_spellings(path: str) -> Iterator[str]:
    """Yield the spellings of a path that TypeScript's tools try for it, in their order, but not declarations."""
    if path.endswith("/") or posixpath.basename(path) in (".", ".."):
        yield from (f"{path.rstrip('/')}/index{suffix}" for suffix in TYPESCRIPT_SUFFIXES)
        return
    stem, extension = posixpath.splitext(path)
    spellings = [stem + _OF_COMPILED[extension]] if extension in _OF_COMPILED else []
    spellings += [path + suffix for suffix in TYPESCRIPT_SUFFIXES]
    spellings += [f"{path}/index{suffix}" for suffix in TYPESCRIPT_SUFFIXES]
    yield from (one for one in spellings if not one.endswith(DECLARATION_SUFFIXES))


def _file_at(target: str, is_file: IsFile) -> str:
    """Return the file that TypeScript's tools find for an absolute path, or ''."""
    # Other files are none that a program imports, and a tsconfig.json may lead anywhere.
    as_written = [target] if target.endswith(_IMPORTED_SUFFIXES) else []
    spellings = [*as_written, *_typescript_spellings(target), *(target + suffix for suffix in _OTHER_SUFFIXES)]
    return next((path for path in spellings if is_file(path)), "")


def _relative(path: str, importer_path: str) -> str:
    relative = posixpath.relpath(path, os.path.dirname(importer_path)).translate(_ESCAPES)
    return relative if relative.startswith("../") else f"./{relative}"
