"""Names and entries equal Node's own, and Node accepts the entries that we write."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conftest import node_of
from esmcache.engines.node import CompileKind, CompilePool, CompileTask, describe_node
from esmcache.engines.node.compile_cache_layout import (
    compiled_text,
    decode_entry,
    directory_name,
    encode_entry,
    entry_name,
)
from esmcache.engines.node.layout_probe import ProbedLayout, probe_layout
from esmcache.file_source import file_url_from_path
from esmcache.records import CompiledSource, ModuleFormat, NodeBuild

KINDS = {ModuleFormat.MODULE: CompileKind.MODULE, ModuleFormat.COMMONJS: CompileKind.COMMONJS}
SOURCES = {
    "main.mjs": (
        b"\xef\xbb\xbf#!/usr/bin/env node\r\nimport './a b\xc3\xa9.mjs'; import './empty.mjs';"
        b"import {createRequire} from 'module'; const r = createRequire(import.meta.url);"
        b"r('./bom.cjs'); r('./hash.cjs'); r('./bad.cjs'); export const f = (() => () => 1)();"
    ),
    "a b\u00e9.mjs": b"export default '\xff\xed\xa0\x80\xf0\x9f\x98 \0\xe2\x82'; // \xf0\x9f\x98\x80",
    "empty.mjs": b"",
    "bom.cjs": b"\xef\xbb\xbfexports.a = (function () { return 1 })()",
    "hash.cjs": b"#!/usr/bin/env node\r\nexports.a = () => import('./empty.mjs')",
    "bad.cjs": b"exports.a = '\xff\xed\xa0\x80\xf0\x9f\x98'",
}


def test_entry_round_trip() -> None:
    data = encode_entry(b"source", b"cache")
    assert data[:4] == bytes.fromhex("b2dbdf8a")
    entry = decode_entry(data)
    assert entry is not None
    assert entry.code_cache == b"cache"
    assert entry.matches(b"source")
    assert not entry.matches(b"sourcf")


@pytest.mark.parametrize("at", [0, 8, 16, 22])
def test_a_damaged_entry_decodes_to_none(at: int) -> None:
    data = bytearray(encode_entry(b"source", b"cache"))
    data[at] ^= 1
    assert decode_entry(bytes(data)) is None
    assert decode_entry(b"") is None
    assert decode_entry(encode_entry(b"source", b"cache")[:-1]) is None


def test_entry_names_distinguish_urls_and_paths() -> None:
    assert entry_name(ModuleFormat.MODULE, "file:///tmp/cc/lay/m.mjs") == "876baa3e"
    assert entry_name(ModuleFormat.COMMONJS, "/tmp/cc/lay/c.cjs") == "c77ccec6"


def test_directory_name() -> None:
    build = NodeBuild("/node", "v22.15.0", "x64", "12", 0x250A7C, True, True)
    assert directory_name(build, 0) == "v22.15.0-x64-00250a7c-0"
    assert directory_name(build, 1000, 0x5B4CEE11) == "v22.15.0-x64-5b4cee11-1000"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("node22", ProbedLayout(code_caches=True)),
        ("node22ts", ProbedLayout(code_caches=True, typescript=True)),
        ("node24", ProbedLayout(code_caches=True, typescript=True, stripped_texts=True)),
        ("node26", ProbedLayout(code_caches=True, typescript=True, stripped_texts=True)),
    ],
)
def test_the_probe_accepts_every_tested_node(name: str, expected: ProbedLayout) -> None:
    build = describe_node(str(node_of(name)))
    assert isinstance(build, NodeBuild)
    assert probe_layout(build.executable, strips_types=build.strips_types) == expected


@pytest.mark.parametrize("name", ["node22ts", "node24"])
def test_the_probe_rejects_typescript_that_is_kept_in_another_way(name: str, tmp_path: Path) -> None:
    impostor = tmp_path / "node"
    impostor.write_text(f"""#!/bin/sh
"{node_of(name)}" "$@" || exit
case "$1" in *.mts) for entry in "$NODE_COMPILE_CACHE"/*/*; do echo more >> "$entry"; done; esac
""")
    impostor.chmod(0o755)
    assert probe_layout(str(impostor), strips_types=True) == ProbedLayout(code_caches=True)


def test_the_probe_rejects_programs_other_than_node(tmp_path: Path) -> None:
    impostor = tmp_path / "node"
    impostor.write_text("#!/bin/sh\necho '{\"version\":1}'\n")
    impostor.chmod(0o755)
    assert probe_layout(str(impostor), strips_types=True) == ProbedLayout()
    assert probe_layout(str(tmp_path / "absent"), strips_types=True) == ProbedLayout()


@pytest.mark.every_node
def test_node_accepts_code_caches_of_workers(any_node: Path, tmp_path: Path) -> None:
    project = Path(os.path.realpath(tmp_path)) / "project"
    project.mkdir()
    build = describe_node(str(any_node))
    assert isinstance(build, NodeBuild)
    entries = tmp_path / "cache" / directory_name(build, os.geteuid())
    entries.mkdir(parents=True)
    with CompilePool(build) as pool:
        for name, source in SOURCES.items():
            path = project / name
            path.write_bytes(source)
            url = file_url_from_path(str(path))
            kind = ModuleFormat.MODULE if path.suffix == ".mjs" else ModuleFormat.COMMONJS
            result = pool.submit(CompileTask(KINDS[kind], url, source)).result(60)
            assert isinstance(result, CompiledSource), (name, result)
            key = url if kind is ModuleFormat.MODULE else str(path)
            entry = encode_entry(compiled_text(kind, source), result.code_cache)
            (entries / entry_name(kind, key)).write_bytes(entry)
    log = run_with_cache(any_node, project / "main.mjs", tmp_path / "cache")
    assert log.count(" was accepted") == len(SOURCES), log
    assert "rejected" not in log
    assert "writing cache" not in log


def run_with_cache(node: Path, main: Path, cache: Path) -> str:
    environment = {"NODE_COMPILE_CACHE": str(cache), "NODE_DEBUG_NATIVE": "COMPILE_CACHE"}
    done = subprocess.run(
        [node, main], env=environment, capture_output=True, encoding="utf-8", errors="replace", check=True
    )
    return done.stdout + done.stderr
