"""Hints for specifiers that Node cannot resolve: each suggestion resolves, and nothing else is suggested."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from esmcache.file_source import DiskFileSource, file_url_from_path
from esmcache.records import Resolution, ResolutionFailure
from esmcache.resolution import Resolver
from esmcache.resolution.specifier_hints import SpecifierHint, SpecifierHints
from esmcache.resolution.tsconfig import parse_jsonc
from unit.resolution.memory_files import MemoryFiles

# Each row: a file beside the importer (or several), what is imported, and the suggestion.
RELATIVE = [
    ("a.ts", "./a", "./a.ts"),
    ("a.ts", "./a.js", "./a.ts"),
    ("a.mts", "./a.mjs", "./a.mts"),
    ("a.mts", "./a", "./a.mts"),
    ("a.cts", "./a.cjs", "./a.cts"),
    ("a/index.ts", "./a", "./a/index.ts"),
    ("a/index.ts", "./a/", "./a/index.ts"),
    ("a/index.ts", "./a/index", "./a/index.ts"),
    ("a/index.ts", "./a/index.js", "./a/index.ts"),
    ("a.ts a/index.ts", "./a", "./a.ts"),
    ("index.ts", ".", "./index.ts"),
    ("../index.ts", "..", "../index.ts"),
    ("../index.ts", "../", "../index.ts"),
    ("../a.ts", "../a.js", "../a.ts"),
    ("user.service.ts", "./user.service", "./user.service.ts"),
    ("a.js.ts", "./a.js", "./a.js.ts"),
    ("a.ts a.js", "./a", "./a.ts"),
    ("a.js", "./a", "./a.js"),
    ("a b.ts", "./a%20b.js", "./a%20b.ts"),
    ("a.ts", "./a?x=./b.js#c", "./a.ts?x=./b.js#c"),
    ("a.ts", "/p/src/a", "/p/src/a.ts"),
    ("a.d.ts", "./a", ""),
    ("a.d.ts", "./a.d", ""),
    ("a.tsx", "./a", ""),
    ("b.ts", "./a", ""),
    ("a.ts", "a", ""),
]
TSCONFIG = """\
{
  // Comments, "strings" in them and trailing commas are allowed.
  "compilerOptions": {
    "paths": {
      "@/*": ["./src/*"], /* several
      lines */
      "@/exact": ["./src/other.ts",],
      "lib/*/x": ["./none/*", "./lib/*.js"],
      "lib/n*": ["./src/a*"],
      "*": ["./types/*"],
      "//": "no list", "bad": [1, null],
    },
  },
}
"""
ALIASES = [
    ("@/a", "./a.ts", "@/*"),
    ("@/a.js", "./a.ts", "@/*"),
    ("@/dir", "./dir/index.ts", "@/*"),
    ("@/exact", "./other.ts", "@/exact"),
    ("@/50%.ts", "./50%25.ts", "@/*"),
    ("@/absent", "", "@/*"),
    ("lib/m/x", "../lib/m.js", "lib/*/x"),
    ("lib/n/x", "./a/x.ts", "lib/n*"),
    ("typed", "../types/typed.ts", "*"),
]


def hint_for(files: MemoryFiles, specifier: str, importer: str = "/p/src/main.ts") -> SpecifierHint:
    """Return the hint for a specifier that Node cannot resolve, after asserting that Node resolves the suggestion."""
    files.write(importer, b"")
    resolver, url = Resolver(files), file_url_from_path(importer)
    failure = resolver.resolve_import(specifier, url)
    assert isinstance(failure, ResolutionFailure)
    hint = SpecifierHints(files).hint(specifier, importer, failure)
    assert not hint.specifier or isinstance(resolver.resolve_import(hint.specifier, url), Resolution)
    return hint


def files_with(contents: dict[str, str]) -> MemoryFiles:
    files = MemoryFiles()
    for path, content in contents.items():
        files.write(path, content.encode())
    return files


@pytest.mark.parametrize(("names", "specifier", "suggestion"), RELATIVE)
def test_files_that_typescript_finds_are_suggested(names: str, specifier: str, suggestion: str) -> None:
    paths = [names] if " b" in names else names.split(" ")
    files = MemoryFiles()
    for path in paths:
        files.write(f"/p/{path[3:]}" if path.startswith("../") else f"/p/src/{path}", b"")
    assert hint_for(files, specifier) == SpecifierHint(suggestion)


def test_javascript_is_suggested_to_javascript_first() -> None:
    files = files_with({"/p/src/a.ts": "", "/p/src/a.js": "", "/p/src/b.ts": ""})
    assert hint_for(files, "./a", "/p/src/main.mjs").specifier == "./a.js"
    assert hint_for(files, "./b", "/p/src/main.mjs").specifier == "./b.ts"


@pytest.mark.parametrize(("specifier", "suggestion", "pattern"), ALIASES)
def test_paths_of_tsconfig_are_explained(specifier: str, suggestion: str, pattern: str) -> None:
    names = ("src/a.ts", "src/dir/index.ts", "src/other.ts", "src/50%.ts", "src/a/x.ts", "lib/m.js", "types/typed.ts")
    files = files_with({"/p/tsconfig.json": TSCONFIG, **{f"/p/{name}": "" for name in names}})
    assert hint_for(files, specifier) == SpecifierHint(
        suggestion, f'the path "{pattern}" of tsconfig.json matches it, but Node does not read tsconfig.json'
    )


def test_a_pattern_for_everything_explains_only_what_it_finds() -> None:
    assert hint_for(files_with({"/p/tsconfig.json": TSCONFIG}), "absent") == SpecifierHint()


@pytest.mark.parametrize(
    ("configs", "specifier", "suggestion"),
    [
        # The targets are relative to the file that has them, and a file replaces what it extends.
        (
            {
                "tsconfig.json": '{"extends": ["./absent", "./base/tsconfig.base"]}',
                "base/tsconfig.base.json": '{"compilerOptions": {"paths": {"@/*": ["../src/*"]}}}',
            },
            "@/a",
            "./a.ts",
        ),
        (
            {
                "tsconfig.json": '{"extends": "./base", "compilerOptions": {"paths": {"~/*": ["./src/*"]}}}',
                "base.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
            },
            "@/a",
            "",
        ),
        ({"tsconfig.json": '{"compilerOptions": {"baseUrl": "src", "paths": {"@/*": ["*"]}}}'}, "@/a", "./a.ts"),
        ({"tsconfig.json": '{"compilerOptions": {"baseUrl": "."}}'}, "src/a", "./a.ts"),
        (
            {
                "tsconfig.json": '{"extends": "./base/t.json"}',
                "base/t.json": '{"compilerOptions": {"paths": {"@/*": ["${configDir}/src/*"]}}}',
            },
            "@/a",
            "./a.ts",
        ),
        (
            {
                "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}, {"path": "./lib"}]}',
                "lib/tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["../src/*"]}}}',
                "tsconfig.app.json": "{}",
            },
            "@/a",
            "./a.ts",
        ),
        # The nearest file counts alone.
        (
            {
                "src/tsconfig.json": "{}",
                "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
            },
            "@/a",
            "",
        ),
    ],
)
def test_which_tsconfig_counts(configs: dict[str, str], specifier: str, suggestion: str) -> None:
    files = files_with({"/p/src/a.ts": "", **{f"/p/{name}": content for name, content in configs.items()}})
    assert hint_for(files, specifier).specifier == suggestion


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"compilerOptions": []}',
        b'{"compilerOptions": {"paths": [], "baseUrl": 1}, "extends": 1, "references": {}}',
        b'{"compilerOptions": {"paths": {"@/*": "src"}, "baseUrl": "\\u0000"}, "references": [1, {"path": 1}]}',
        b'{"extends": "./tsconfig.json"}',
        b'{"extends": ["./tsconfig", "..", "/", "\\u0000"]}',
        b'{"extends": "typescript-config"}',
        b"[" * 100_000,
        b"/*",
        b'{"a": "never closed',
        b'{"a": "\\',
    ],
)
def test_a_broken_tsconfig_is_no_error(content: bytes) -> None:
    files = files_with({"/p/src/a.ts": ""})
    files.write("/p/tsconfig.json", content)
    assert hint_for(files, "@/a") == SpecifierHint()
    assert hint_for(files, "./a") == SpecifierHint("./a.ts")


def test_a_tsconfig_that_is_no_file_is_no_error() -> None:
    files = files_with({"/p/src/a.ts": ""})
    files.make_directory("/p/tsconfig.json")
    assert hint_for(files, "@/a") == SpecifierHint()
    files.remove("/p/tsconfig.json")
    files.make_link("/p/tsconfig.json", "tsconfig.json")
    assert hint_for(files, "@/a") == SpecifierHint()


@pytest.mark.parametrize("text", [b'"\\', b'"\\"', b"/*", b", ", b"//", b'",'])
def test_hostile_text_costs_linear_time(text: bytes) -> None:
    started = time.process_time()
    parse_jsonc(text * 15_000)
    # It takes milliseconds; in quadratic time it would take much longer than this.
    assert time.process_time() - started < 3


def test_packages_get_no_hints_from_a_tsconfig() -> None:
    files = files_with({"/p/tsconfig.json": TSCONFIG, "/p/src/a.ts": ""})
    assert hint_for(files, "@/a", "/p/node_modules/dep/index.js") == SpecifierHint()


def test_a_path_leads_to_no_file_that_a_program_cannot_import(tmp_path: Path) -> None:
    """A tsconfig.json of a foreign project may name any file of the system."""
    (tmp_path / "secret").write_text("a password\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/tsconfig.json").write_text('{"compilerOptions": {"paths": {"@/*": ["../*"]}}}')
    importer = str(tmp_path / "project/app.ts")
    failure = ResolutionFailure("ERR_MODULE_NOT_FOUND", "Cannot find package '@/secret'", ())
    hint = SpecifierHints(DiskFileSource()).hint("@/secret", importer, failure)
    assert (hint.specifier, bool(hint.reason)) == ("", True)
