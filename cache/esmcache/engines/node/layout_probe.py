"""Finds out whether a Node executable writes the compile cache that compile_cache_layout.py describes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esmcache.engines.node.compile_cache_layout import (
    compiled_text,
    decode_entry,
    directory_name_of,
    encode_entry,
    module_entries,
    stripping,
)
from esmcache.file_source import file_url_from_path
from esmcache.records import ModuleFormat

_PROBE_SECONDS = 30
_FACTS = """
import v8 from 'node:v8';
const { version, arch } = process;
const facts = { version, arch, tag: v8.cachedDataVersionTag(), uid: process.geteuid() };
"""
_JAVASCRIPT = {
    "module.mjs": f"import './commonjs.cjs';{_FACTS}console.log(JSON.stringify(facts)); // \u00e9\n",
    "commonjs.cjs": "#!/usr/bin/env node\nexports.answer = () => 42; // \U0001f600\n",
}
# The program also prints the stripped texts of each file, by Node's public function: with a comment that names the URL,
# this text stripped again, and one with a comment that names the path.
_TYPESCRIPT = {
    "module.mts": f"""import './imported.cts';{_FACTS}
import {{ readFileSync }} from 'node:fs';
import {{ createRequire, stripTypeScriptTypes as strip }} from 'node:module';
import {{ fileURLToPath }} from 'node:url';
const require = createRequire(import.meta.url);
require('./required.cts');
require('./required.mts');
const texts: Record<string, string[]> = {{}};
for (const name of ['module.mts', 'imported.cts', 'inner.cts', 'required.cts', 'required.mts'] as string[]) {{
  const url = new URL(name, import.meta.url);
  const text: string = readFileSync(url, 'utf8');
  const once = strip(text, {{ sourceUrl: url.href }});
  texts[name] = [once, strip(once, {{ sourceUrl: url.href }}), strip(text, {{ sourceUrl: fileURLToPath(url) }})];
}}
console.log(JSON.stringify({{ ...facts, texts }})); // \u00e9
""",
    "imported.cts": "const \u00e9: number = 1; exports.answer = () => \u00e9 as number; // \U0001f600\n"
    "require('./inner.cts');\n",
    "inner.cts": "exports.answer = (): string => 'inner';\n",
    "required.cts": "type \u00c9 = string; exports.answer = (): \u00c9 => '';\n",
    "required.mts": "export const answer: number = 42;\n",
}
# The modules whose types the loader of ES modules strips: in every Node, and in those that keep no stripped texts.
_IMPORTED = frozenset(("module.mts", "imported.cts"))
_IMPORTED_UNLESS_KEPT = frozenset((*_IMPORTED, "inner.cts"))
_FORMATS = {
    "module.mjs": ModuleFormat.MODULE,
    "commonjs.cjs": ModuleFormat.COMMONJS,
    "module.mts": ModuleFormat.MODULE_TYPESCRIPT,
    "imported.cts": ModuleFormat.COMMONJS_TYPESCRIPT,
    "inner.cts": ModuleFormat.COMMONJS_TYPESCRIPT,
    "required.cts": ModuleFormat.COMMONJS_TYPESCRIPT,
    "required.mts": ModuleFormat.MODULE_TYPESCRIPT,
}
# A dynamically linked executable may need these variables to start at all. None of them configures Node.
_KEPT_VARIABLES = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class ProbedLayout:
    """Which parts of the layout a Node has: code caches of JavaScript, those of TypeScript, and stripped texts."""

    code_caches: bool = False
    typescript: bool = False
    stripped_texts: bool = False


def probe_layout(executable: str, *, strips_types: bool) -> ProbedLayout:
    """Return which names and entries the Node at `executable` writes as we do.

    The probe runs files of ours in a temporary directory with its own compile cache, and TypeScript only if that Node
    strips types. Any error means False.
    """
    if not _is_as_expected(executable, _JAVASCRIPT, keeps_stripped=False):
        return ProbedLayout()
    if strips_types:
        for keeps_stripped in (True, False):
            if _is_as_expected(executable, _TYPESCRIPT, keeps_stripped=keeps_stripped):
                return ProbedLayout(True, True, keeps_stripped)
    return ProbedLayout(True)


def _is_as_expected(executable: str, files: Mapping[str, str], *, keeps_stripped: bool) -> bool:
    try:
        with tempfile.TemporaryDirectory(prefix="esmcache-probe-") as created:
            directory = Path(os.path.realpath(created))
            facts = _run(executable, directory, files)
            expected = _expected(directory, files, facts, keeps_stripped=keeps_stripped)
            return _is_there(directory / "cache", facts, expected)
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return False


def _run(executable: str, directory: Path, files: Mapping[str, str]) -> Any:
    """Run the first file, and return the facts that it prints."""
    for name, source in files.items():
        (directory / name).write_text(source, "utf-8")
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment["NODE_COMPILE_CACHE"] = str(directory / "cache")
    answer = subprocess.run(
        [executable, str(directory / next(iter(files)))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        cwd=directory,
        timeout=_PROBE_SECONDS,
        check=True,
    )
    return json.loads(answer.stdout)


def _expected(
    directory: Path, files: Mapping[str, str], facts: Any, *, keeps_stripped: bool
) -> dict[str, tuple[bytes, bytes | None]]:
    """Return, by the name of each entry, its source and its content, which is None for a code cache."""
    expected: dict[str, tuple[bytes, bytes | None]] = {}
    imported = _IMPORTED if keeps_stripped else _IMPORTED_UNLESS_KEPT
    for name, source in files.items():
        found, path = _FORMATS[name], str(directory / name)
        url, is_imported = file_url_from_path(path), name in imported
        stripped: list[bytes] = []
        if found.is_typescript:
            how = stripping(found, url, path, is_imported=is_imported, keeps_stripped=keeps_stripped)
            once, twice, by_path = [text.encode() for text in facts["texts"][name]]
            stripped = [once, twice][: how.times] if how.source_url == url else [by_path]
        texts = [compiled_text(found.without_types, source.encode()), *stripped]
        contents = [None, *stripped]
        sources = [texts[-1], *texts[:-1]]
        entries = module_entries(found, url, path, is_imported=is_imported, keeps_stripped=keeps_stripped)
        for entry, of_entry, content in zip(entries, sources, contents, strict=False):
            expected[entry.name] = of_entry, content
    return expected


def _is_there(cache: Path, facts: Any, expected: Mapping[str, tuple[bytes, bytes | None]]) -> bool:
    directory = directory_name_of(facts["version"], facts["arch"], facts["tag"], facts["uid"])
    if os.listdir(cache) != [directory] or set(os.listdir(cache / directory)) != set(expected):
        return False
    for name, (source, content) in expected.items():
        data = (cache / directory / name).read_bytes()
        entry = decode_entry(data)
        if entry is None or encode_entry(source, entry.code_cache) != data or content not in (None, entry.code_cache):
            return False
    return True
