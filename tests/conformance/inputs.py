"""The compared modules: Test262, its parser tests, real packages and hand-written hard cases."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from case_file import read_cases
from conformance.hard_cases import hard_cases
from conformance.large_cases import large_cases
from conformance.typescript_cases import typescript_cases

TESTS = Path(__file__).parent.parent
REPOSITORY = TESTS.parent
_PARSER_TESTS = TESTS / "fixtures" / "conformance" / "node_modules" / "test262-parser-tests"
_OLD_TEST262 = TESTS / "fixtures" / "test262" / "node_modules" / "@gerhobbelt" / "test262"
_PACKAGES = (
    TESTS / "fixtures" / "packages" / "node_modules",
    TESTS / "fixtures" / "conformance" / "node_modules",
    REPOSITORY / "examples" / "dashboard" / "node_modules",
)
# Only `make conformance` installs them.
_TYPESCRIPT_PACKAGES = TESTS / "fixtures" / "typescript" / "node_modules"
# Declarations have no code.
_TYPESCRIPT = re.compile(r"(?<!\.d)\.[cm]?ts$")
_TYPESCRIPT_SUFFIXES = (".ts", ".mts", ".cts")
_NOT_REAL = frozenset({"test262-parser-tests", "@oven"})
_SEED = 262
_LARGEST_FILE = 2 << 20
_FLAGS = re.compile(rb"^\s*flags:\s*\[([^\]]*)\]", re.MULTILINE)
_FEATURES = re.compile(rb"^\s*features:\s*\[([^\]]*)\]", re.MULTILINE)
_FEATURE_LIST = re.compile(rb"^features:\s*\n((?:\s+-\s.*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Module:
    """A file, its name in reports, and its feature flags in Test262.

    `typescript` is the file of which `file` has the text without types.
    """

    file: Path
    name: str
    features: frozenset[str] = frozenset()
    typescript: Path | None = None


@dataclass(frozen=True, slots=True)
class InputSet:
    """A row's modules."""

    name: str
    modules: tuple[Module, ...]


def test262(root: Path | None) -> InputSet:
    """Return Test262's tests with the flag `module` and the modules that they import.

    `root` is a checkout of tc39/test262; the default is the registry's copy, which is old.
    """
    name = "Test262" if root else "Test262 (2018)"
    root = root or _OLD_TEST262
    modules = []
    for file in sorted((root / "test").rglob("*.js")):
        source = file.read_bytes()
        flags = _words(_FLAGS.search(source))
        fixture = file.name.endswith("_FIXTURE.js") and re.search(rb"\b(?:im|ex)port\b", source)
        if "module" in flags or fixture:
            modules.append(Module(file, file.relative_to(root / "test").as_posix(), _features(source)))
    return InputSet(name, tuple(modules))


def parser_tests(limit: int | None = None) -> InputSet:
    """Return Test262's parser tests, including scripts; all readers read them as modules."""
    files = [file for part in ("pass", "fail", "early") for file in sorted((_PARSER_TESTS / part).glob("*.js"))]
    if limit is not None:
        modules = [file for file in files if file.name.endswith(".module.js")]
        others = [file for file in files if not file.name.endswith(".module.js")]
        files = modules + sorted(random.Random(_SEED).sample(others, limit - len(modules)))
    return InputSet(
        "Test262 parser tests", tuple(Module(file, file.relative_to(_PARSER_TESTS).as_posix()) for file in files)
    )


def language_tests(root: Path | None) -> InputSet:
    """Return all of Test262's tests of the language's syntax, including scripts; all readers read them as modules."""
    name = "Test262 language" if root else "Test262 language (2018)"
    test = (root or _OLD_TEST262) / "test"
    files = sorted(file for part in ("language", "annexB/language") for file in (test / part).rglob("*.js"))
    return InputSet(name, tuple(Module(file, file.relative_to(test).as_posix()) for file in files))


def hard_case_files(directory: Path, *, limit: int | None = None) -> InputSet:
    """Return the hand-written modules, and those of the Markdown cases, as files in `directory`.

    A `limit` restricts their number and excludes the large ones.
    """
    cases = [*_markdown_cases(), *hard_cases()]
    cases = [*cases, *large_cases()] if limit is None else random.Random(_SEED).sample(cases, limit)
    modules = []
    for number, (name, source) in enumerate(cases):
        file = directory / f"{number}.mjs"
        file.write_bytes(source)
        modules.append(Module(file, name))
    return InputSet("hard cases", tuple(modules))


def _markdown_cases() -> Iterator[tuple[str, bytes]]:
    for path in sorted((TESTS / "cases" / "analysis").glob("*.md")):
        for case in read_cases(path):
            for name, text in case.files.items():
                if not name.endswith(".cjs"):
                    yield f"{path.name}: {case.name}", text.encode()


def real_files(count: int) -> InputSet:
    """Return `count` modules of packages."""
    return InputSet("real files", tuple(_drawn(_PACKAGES, _is_module, count)))


def typescript_files(count: int | None = None) -> InputSet:
    """Return `count` TypeScript files of the packages that all tests have, or all files of more packages."""
    if count is None:
        files = _drawn((*_PACKAGES, _TYPESCRIPT_PACKAGES), _is_typescript, sys.maxsize)
    else:
        files = _drawn(_PACKAGES, _is_typescript, count)
    return InputSet("TypeScript", tuple(files))


def typescript_case_files(directory: Path) -> InputSet:
    """Return the hand-written TypeScript as files in `directory`."""
    modules = []
    for number, text in enumerate(typescript_cases()):
        file = directory / f"{number}{_TYPESCRIPT_SUFFIXES[number % len(_TYPESCRIPT_SUFFIXES)]}"
        file.write_bytes(text.encode())
        modules.append(Module(file, text))
    return InputSet("TypeScript hard cases", tuple(modules))


def _drawn(roots: Sequence[Path], is_wanted: Callable[[str, str], bool], count: int) -> list[Module]:
    """Return at most `count` files, drawn in turn from each package with a fixed seed; equal files count once."""
    drawn = random.Random(_SEED)
    packages: dict[str, list[Module]] = {}
    for root in roots:
        for module in _files_of_packages(root, is_wanted):
            packages.setdefault(package_of(module), []).append(module)
    decks = [drawn.sample(modules, len(modules)) for _, modules in sorted(packages.items())]
    modules: dict[bytes, Module] = {}
    while decks and len(modules) < count:
        for deck in decks:
            module = deck.pop()
            source = module.file.read_bytes()
            if len(modules) < count and len(source) <= _LARGEST_FILE:
                modules.setdefault(source, module)
        decks = [deck for deck in decks if deck]
    return list(modules.values())


def package_of(module: Module) -> str:
    """Return the name of the package that a file belongs to."""
    parts = module.name.rpartition("node_modules/")[2].split("/")
    return "/".join(parts[: 2 if parts[0].startswith("@") else 1])


def _files_of_packages(root: Path, is_wanted: Callable[[str, str], bool]) -> Iterator[Module]:
    directories = [(root, "commonjs")]
    while directories:
        directory, kind = directories.pop()
        package_json = directory / "package.json"
        if directory != root and package_json.exists():
            kind = json.loads(package_json.read_bytes()).get("type", "commonjs")
        for entry in sorted(directory.iterdir()):
            name = entry.relative_to(root).as_posix()
            if name.split("/")[0] in _NOT_REAL or entry.is_symlink():
                continue
            if entry.is_dir():
                directories.append((entry, kind))
            elif is_wanted(entry.name, kind):
                yield Module(entry, name)


def _is_module(name: str, kind: str) -> bool:
    return name.endswith(".mjs") or (name.endswith(".js") and kind == "module")


def _is_typescript(name: str, _: str) -> bool:
    return _TYPESCRIPT.search(name) is not None


def _words(found: re.Match[bytes] | None) -> frozenset[str]:
    return frozenset() if found is None else frozenset(found[1].decode().replace(",", " ").split())


def _features(source: bytes) -> frozenset[str]:
    listed = _FEATURE_LIST.search(source)
    if listed is not None:
        return frozenset(listed[1].decode().replace("- ", " ").split())
    return _words(_FEATURES.search(source))
