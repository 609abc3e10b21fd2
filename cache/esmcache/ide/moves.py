"""The text changes that moves of files require: specifiers in and of these files, and targets in package.json."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import unquote_to_bytes

from esmcache.build.targets import SOURCE_SUFFIXES
from esmcache.file_source import FileSource, file_url_from_path, path_from_file_url
from esmcache.ide.importers import Importers
from esmcache.ide.modules import Occurrence, WorkspaceModule, WorkspaceModules
from esmcache.ide.moved_files import MovedFiles
from esmcache.ide.package_targets import (
    Rewriting,
    moved_targets,
    names_by_patterns,
    package_fields,
    package_json_above,
    rewritten,
)
from esmcache.ide.specifiers import between_quotes, relative_path, split_specifier, url_path
from esmcache.ide.values import Range, TextChange
from esmcache.records import CallKind, Resolution
from esmcache.resolution import Resolver
from esmcache.spans import LineIndex, Span

# The suffixes that `require` tries after a path, so its specifiers may leave them out.
_EXTENSIONS = (".js", ".json", ".node", ".cts", ".ts", ".mts")
_LEFT_OUT = ("", *_EXTENSIONS, *(f"/index{extension}" for extension in _EXTENSIONS))
_WORD = re.compile(r"[A-Za-z0-9_\-]+")
# Files that are found by the name of their folder.
_FOUND_BY_FOLDER = ("index", "package")
_DOTS_ALONE = b"[\"'`/][.]{1,2}/?[\"'`]"
_INTERNAL_NAME = b"[\"'`]#"


class Moves:
    """Finds the changes for moves of files, before these happen.

    Args:
        make_resolver: Returns a resolver over the given files.
    """

    def __init__(
        self, modules: WorkspaceModules, importers: Importers, make_resolver: Callable[[FileSource], Resolver]
    ) -> None:
        self._modules = modules
        self._importers = importers
        self._make_resolver = make_resolver

    def changes(self, moves: Sequence[tuple[str, str]], folders: Sequence[str]) -> dict[str, list[TextChange]]:
        """Return the changes, by the current URL of each file.

        Args:
            moves: The old and new paths of files and folders.
            folders: The folders in which importers are searched, besides those in the index.
        """
        real = [(_with_real_directory(old), _with_real_directory(new)) for old, new in moves]
        found, texts = self._package_changes(real)
        files = MovedFiles(self._modules.documents, real, texts)
        rewriter = _Rewriter(self._modules, files, self._make_resolver(files))
        for url in self._candidates(real, folders):
            module = self._modules.module(url)
            if module is not None and (changes := rewriter.changes(module)):
                found[url] = changes
        return found

    def _candidates(self, moves: Sequence[tuple[str, str]], folders: Sequence[str]) -> Iterable[str]:
        """Return the modules that move, or that may request a file that moves."""
        found: dict[str, None] = {}
        for path in _files(moves):
            url = file_url_from_path(path)
            if path.endswith(SOURCE_SUFFIXES) or not os.path.splitext(path)[1]:
                found[url] = None
            found.update(dict.fromkeys(self._importers.urls(url)))
        wanted = self._wanted(old for old, _ in moves)
        for path in _sources_below(folders):
            url = file_url_from_path(path)
            if url not in found and self._matches(path, wanted):
                found[url] = None
        return found

    def _wanted(self, paths: Iterable[str]) -> re.Pattern[bytes]:
        """Return a pattern that matches every text that may request one of the files, or a file in one of the folders.

        A specifier contains the name of the file, or of the folder of an index file, without letters that may be
        encoded; or the name of the file's package, or a name that the package gives it (`#…`).
        """
        words = {_INTERNAL_NAME}
        for path in paths:
            stem = os.path.splitext(os.path.basename(path))[0]
            names = [stem]
            if stem in _FOUND_BY_FOLDER:
                names.append(os.path.basename(os.path.dirname(path)))
                words.add(_DOTS_ALONE)
            package_json = package_json_above(self._modules.documents, path)
            if package_json is not None:
                name = package_fields(self._modules.documents, package_json).get("name")
                names += [name] if isinstance(name, str) else []
            # A name without any plain letters gives an empty pattern, which matches every text.
            words |= {max(_WORD.findall(name), key=len, default="").encode() for name in names}
        return re.compile(b"|".join(sorted(words)))

    def _matches(self, path: str, wanted: re.Pattern[bytes]) -> bool:
        try:
            return wanted.search(self._modules.documents.read(path)) is not None
        except OSError:
            return False

    def _package_changes(
        self, moves: Sequence[tuple[str, str]]
    ) -> tuple[dict[str, list[TextChange]], dict[str, bytes]]:
        """Return the changes of package.json files by URL, and their new contents by path."""
        documents = self._modules.documents
        after = MovedFiles(documents, moves, {}).after
        changes, texts = {}, {}
        for path in dict.fromkeys(package_json_above(documents, old) for old, _ in moves):
            if path is None or after(path) != path:
                continue
            try:
                content = documents.read(path)
                text = content.decode()
            except (OSError, UnicodeDecodeError):
                continue
            found = moved_targets(text, os.path.dirname(path), after)
            if found:
                texts[path] = rewritten(text, found).encode()
                changes[file_url_from_path(path)] = list(self._text_changes(text, content, found))
        return changes, texts

    def _text_changes(self, text: str, content: bytes, found: Iterable[Rewriting]) -> Iterator[TextChange]:
        lines, unit = LineIndex(content), self._modules.unit
        for one in found:
            start, end = len(text[: one.start].encode()), len(text[: one.end].encode())
            yield TextChange(Range(lines.position(start, unit), lines.position(end, unit)), one.text)


class _Rewriter:
    """Finds the specifiers that no longer lead to the same module after a move, and their replacements."""

    def __init__(self, modules: WorkspaceModules, files: MovedFiles, resolver: Resolver) -> None:
        self._modules = modules
        self._files = files
        self._resolver = resolver

    def changes(self, module: WorkspaceModule) -> list[TextChange]:
        """Return the changes in a module."""
        found = []
        for occurrence in (*module.occurrences(), *self._modules.type_occurrences(module)):
            answer = self._modules.answer(module, occurrence.specifier, occurrence.kind)
            target = path_from_file_url(answer.resolved_url) if isinstance(answer, Resolution) else None
            specifier = None if target is None else self._specifier(module.path, occurrence, target)
            if specifier is not None and specifier != occurrence.specifier and _is_unicode(specifier):
                found.append((occurrence.span, specifier))
        return list(self._text_changes(module, found))

    def _text_changes(self, module: WorkspaceModule, found: Iterable[tuple[Span, str]]) -> Iterator[TextChange]:
        try:
            source = self._modules.documents.read(module.path)
        except OSError:
            return
        for span, specifier in found:
            quote_mark = source[span.start : span.start + 1].decode("ascii", "replace")
            range_ = self._modules.range(module, Span(span.start + 1, span.end - 1))
            yield TextChange(range_, between_quotes(specifier, quote_mark))

    def _specifier(self, home: str, occurrence: Occurrence, target: str) -> str | None:
        """Return the replacement of a specifier, or None if it stays or no specifier leads to the target."""
        after = self._files.after
        new_home, new_target = after(home), after(target)
        is_path = _is_path(occurrence.specifier)
        spelled = _spelled(home, occurrence) if is_path else target
        if (new_home, new_target, after(spelled)) == (home, target, spelled):
            return None
        if self._leads(occurrence.specifier, occurrence, new_home, new_target):
            return None
        if is_path:
            candidates = list(self._paths(occurrence, spelled, target, new_home))
            # If the file cannot be loaded from its new place, for example due to its extension, use its path anyway.
            default = candidates[-1]
        else:
            candidates = list(self._names(home, occurrence, target, new_home))
            default = None
        leading = (one for one in candidates if self._leads(one, occurrence, new_home, new_target))
        return next(leading, default)

    def _paths(self, occurrence: Occurrence, spelled: str, target: str, new_home: str) -> Iterator[str]:
        """Yield paths to a file's new place: as spelled before, with the same suffix left out, and the whole path."""
        after = self._files.after
        new_target = after(target)
        path, suffix = (occurrence.specifier, "") if _is_required(occurrence) else split_specifier(occurrence.specifier)
        if path.startswith("file:"):
            yield file_url_from_path(new_target) + suffix
            return
        written = [after(spelled)]
        written += [
            new_target[: len(new_target) - len(left_out)]
            for left_out in (_LEFT_OUT if _is_required(occurrence) else ())
            if os.path.realpath(spelled + left_out) == target and new_target.endswith(left_out)
        ]
        for one in [*written, new_target]:
            shown = one if path.startswith("/") else relative_path(one, new_home)
            yield (shown if _is_required(occurrence) else url_path(shown, path)) + suffix

    def _names(self, home: str, occurrence: Occurrence, target: str, new_home: str) -> Iterator[str]:
        """Yield names by the patterns of a package, and the relative path if both files are in the package."""
        new_target = self._files.after(target)
        is_internal = occurrence.specifier.startswith("#")
        package_json = package_json_above(self._files, new_home if is_internal else new_target)
        if package_json is not None:
            fields = package_fields(self._files, package_json)
            yield from names_by_patterns(fields, os.path.dirname(package_json), occurrence.specifier, new_target)
        documents = self._modules.documents
        is_own = package_json_above(documents, home) == package_json_above(documents, target)
        if (is_internal or is_own) and "/node_modules/" not in new_target:
            relative = relative_path(new_target, new_home)
            yield relative if _is_required(occurrence) else url_path(relative, occurrence.specifier)

    def _leads(self, specifier: str, occurrence: Occurrence, home: str, target: str) -> bool:
        if _is_required(occurrence):
            answer = self._resolver.resolve_require(specifier, home)
        else:
            answer = self._resolver.resolve_import(specifier, file_url_from_path(home))
        return isinstance(answer, Resolution) and path_from_file_url(answer.resolved_url) == target


def _with_real_directory(path: str) -> str:
    """Return a path with the links in its directory followed, but not a link in the last name, since that moves."""
    path = os.path.abspath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _files(moves: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the old path of every file that moves."""
    for old, _ in moves:
        if os.path.isdir(old) and not os.path.islink(old):
            for folder, names, files in os.walk(old):
                names[:] = [name for name in names if name != "node_modules"]
                yield from (os.path.join(folder, name) for name in files)
        else:
            yield old


def _sources_below(folders: Sequence[str]) -> Iterator[str]:
    """Yield the real paths of the folders' own modules."""
    for top in dict.fromkeys(map(os.path.realpath, folders)):
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if name != "node_modules" and not name.startswith(".")]
            yield from (os.path.join(folder, name) for name in files if name.endswith(SOURCE_SUFFIXES))


def _is_path(specifier: str) -> bool:
    return specifier.startswith(("./", "../", "/", "file:")) or specifier in (".", "..")


def _is_required(occurrence: Occurrence) -> bool:
    return occurrence.kind is CallKind.REQUIRE


def _spelled(home: str, occurrence: Occurrence) -> str:
    """Return the file's path that a specifier spells; `require` does not decode paths."""
    specifier = occurrence.specifier
    if specifier.startswith("file:"):
        return path_from_file_url(specifier) or specifier
    path = specifier
    if not _is_required(occurrence):
        path = os.fsdecode(unquote_to_bytes(split_specifier(specifier)[0].encode("utf-8", "replace")))
    return os.path.normpath(os.path.join(os.path.dirname(home), path))


def _is_unicode(text: str) -> bool:
    # A file's name need not be Unicode, but then no JavaScript string can spell it.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
