"""TypeScript that Node cannot strip is translated, and the source map leads back to each place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esmcache.engines.node import CompileKind, CompilePool, CompileTask, NodeMissing, describe_node
from esmcache.engines.node.source_map import SourceMap
from esmcache.records import CompiledSource, CompileFailure
from esmcache.spans import LineIndex

REFUSED = """\
#!/usr/bin/env node
import type { T } from './types';
/* \U0001f600 \u4f60 */ enum E { A } import { type U, b } from './b';
export namespace N { export const n = import('./n'); }
class C { constructor(private c = require('./c'), d?: string) { import('./body'); } }
const d = await import('./d'); const e: T = <T>require('./e');
"""


def translated(node: Path, source: str) -> CompiledSource | CompileFailure:
    build = describe_node(str(node))
    assert not isinstance(build, NodeMissing)
    with CompilePool(build) as pool:
        return pool.submit(CompileTask(CompileKind.TRANSLATE, "file:///a.ts", source.encode())).result(60)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_each_specifier_in_a_translation_has_its_original_place(any_node: Path, line_end: str) -> None:
    source = REFUSED.replace("\n", line_end)
    answer = translated(any_node, source)
    assert isinstance(answer, CompiledSource) and answer.code_cache == b""
    text, mapping = answer.stripped
    assert b"./types" not in text
    places, written, original = SourceMap(mapping), LineIndex(text), LineIndex(source.encode())
    for quoted in ("'./b'", "'./n'", "'./c'", "'./body'", "'./d'", "'./e'"):
        place = places.original(written.position(text.index(quoted.encode())))
        assert place is not None
        start = original.byte_offset(place)
        assert source.encode()[start:].decode().startswith(quoted)


def test_invalid_text_has_no_translation(any_node: Path) -> None:
    answer = translated(any_node, "const a: = 1;")
    assert isinstance(answer, CompileFailure) and not answer.ended_engine


@pytest.mark.parametrize("text", ["", "1", "{}", "[]", '{"mappings": 1}', '{"mappings": "A?AA"}'])
def test_a_text_that_is_no_source_map_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SourceMap(text.encode())


def test_places_that_a_source_map_does_not_know() -> None:
    # The first line begins to be mapped at column 2; the second is not mapped; the third has a segment of one number.
    places = SourceMap(json.dumps({"mappings": "EACE;;G"}).encode())
    assert [places.original(LineIndex(b"    \n\n    \n").position(at)) for at in (0, 3, 5, 9, 10)] == [
        None,
        LineIndex(b"\n    ").position(4),
        None,
        None,
        None,
    ]
