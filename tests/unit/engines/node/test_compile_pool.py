"""The promises of the pool, with real Nodes: correct results for any number of sources, even if workers die."""

from __future__ import annotations

import os
import signal
import stat
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from esmcache.engines.node import CompileKind, CompilePool, CompileTask, NodeMissing, describe_node, worker_process
from esmcache.records import (
    CompiledSource,
    CompileFailure,
    ImportAttribute,
    ModuleFormat,
    ModuleRequest,
    NodeBuild,
)

URL = "file:///project/src/a%20module.js"


def build_of(node: Path) -> NodeBuild:
    build = describe_node(str(node))
    assert isinstance(build, NodeBuild)
    return build


def compile_one(node: Path, kind: CompileKind, source: bytes) -> CompiledSource | CompileFailure:
    with CompilePool(build_of(node)) as pool:
        return pool.submit(CompileTask(kind, URL, source)).result(60)


def compiled(node: Path, kind: CompileKind, source: bytes) -> CompiledSource:
    result = compile_one(node, kind, source)
    assert isinstance(result, CompiledSource), result
    assert result.code_cache
    return result


def failure(node: Path, kind: CompileKind, source: bytes) -> CompileFailure:
    result = compile_one(node, kind, source)
    assert isinstance(result, CompileFailure), result
    return result


def test_requests_come_from_the_engine(any_node: Path) -> None:
    source = rb"""
        import a from 'x' with {type: 'json'}; export * from 'y';
        import {b} from 'x'; import '\ud800'; import 'y'; import('z');
    """
    assert compiled(any_node, CompileKind.MODULE, source).requested_modules == (
        ModuleRequest("x", (ImportAttribute("type", "json"),)),
        ModuleRequest("y"),
        ModuleRequest("x"),
        ModuleRequest("\ud800"),
    )


def test_nothing_is_evaluated(any_node: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    source = f"import fs from 'node:fs'; fs.writeFileSync({str(witness)!r}, '')".encode()
    compiled(any_node, CompileKind.MODULE, source)
    compiled(any_node, CompileKind.COMMONJS, f"require('fs').writeFileSync({str(witness)!r}, '')".encode())
    assert not witness.exists()


@pytest.mark.parametrize("kind", [CompileKind.MODULE, CompileKind.COMMONJS])
@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"#!/usr/bin/env node\r\nlet a;\r\n",
        b"\xef\xbb\xbflet a",
        b"let a = '\xc3\xa9\xf0\x9f\x98\x80'",
        b"let a = '\xff\xed\xa0\x80'",
        b"let a = 'a\0b'",
        rb"let a = '\ud800'",
        b"let a;\r\rlet b;\xe2\x80\xa8let c",
    ],
)
def test_unusual_sources_compile(any_node: Path, kind: CompileKind, source: bytes) -> None:
    compiled(any_node, kind, source)


@pytest.mark.parametrize("kind", [CompileKind.MODULE, CompileKind.COMMONJS])
@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("let a = = 1;", 1, 9),
        ("let a;\r\n\tlet é = '😀', b = = 3;", 2, 20),
        ("a\0b", 1, 2),
        ("\ufeff#!/usr/bin/env node", 1, 2),
    ],
)
def test_syntax_errors_have_a_position(any_node: Path, kind: CompileKind, source: str, line: int, column: int) -> None:
    if source.startswith("\ufeff") and kind is CompileKind.MODULE:
        # The ES module loader removes the byte order mark, and then the hashbang is valid.
        compiled(any_node, kind, source.encode())
        return
    answer = failure(any_node, kind, source.encode())
    assert (answer.line, answer.column, answer.is_syntax_error) == (line, column, True)
    assert answer.message


def test_a_stack_overflow_is_not_a_syntax_error(node: Path) -> None:
    assert not failure(node, CompileKind.MODULE, b"(" * 500_000).is_syntax_error


@pytest.mark.parametrize(
    ("source", "detected"),
    [
        (b"exports.a = 1", ModuleFormat.COMMONJS),
        (b"", ModuleFormat.COMMONJS),
        (b"return 1", ModuleFormat.COMMONJS),
        (b"import 'a'", ModuleFormat.MODULE),
        (b"import.meta", ModuleFormat.MODULE),
        (b"await 1", ModuleFormat.MODULE),
        (b"const require = 1; await require", ModuleFormat.MODULE),
        (b"import 'a'; = =", ModuleFormat.MODULE),
        (b"= =", ModuleFormat.COMMONJS),
    ],
)
def test_the_kind_is_detected_as_in_node(any_node: Path, source: bytes, detected: ModuleFormat) -> None:
    assert compile_one(any_node, CompileKind.DETECT, source).detected_kind is detected


def test_thousands_of_tasks_on_two_workers(node: Path) -> None:
    with CompilePool(build_of(node), jobs=2) as pool:
        # A single worker is replaced before it has handled this many.
        futures = [
            pool.submit(CompileTask(CompileKind.MODULE, f"file:///{number}.mjs", b"import './%d'" % number))
            for number in range(20_000)
        ]
        for number, future in enumerate(futures):
            result = future.result(120)
            assert isinstance(result, CompiledSource)
            assert result.requested_modules == (ModuleRequest(f"./{number}"),)


def test_large_sources_do_not_block(node: Path) -> None:
    source = b"let a = '" + b"x" * (10 << 20) + b"'; export {a}"
    with CompilePool(build_of(node)) as pool:
        futures = [pool.submit(CompileTask(CompileKind.MODULE, URL, source)) for _ in range(4)]
        assert all(isinstance(future.result(120), CompiledSource) for future in futures)


def test_the_environment_is_left_out(node: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NODE_OPTIONS", f"--require {tmp_path / 'absent.cjs'}")
    monkeypatch.setenv("NODE_COMPILE_CACHE", str(tmp_path / "cache"))
    compiled(node, CompileKind.MODULE, b"export {}")
    assert list(tmp_path.iterdir()) == []


def write_node(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_tasks_of_a_killed_worker_are_done(node: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    wrapper = write_node(tmp_path / "node", f'echo $$ > "{pid_file}"; exec "{node.resolve()}" "$@"')
    build = replace(build_of(node), executable=str(wrapper))
    with CompilePool(build) as pool:
        pool.submit(CompileTask(CompileKind.MODULE, URL, b"")).result(60)
        first = pid_file.read_text()
        slow = b"let a = [" + b"1," * (2 << 20) + b"]"
        futures = [pool.submit(CompileTask(CompileKind.MODULE, URL, slow))]
        futures += [pool.submit(CompileTask(CompileKind.MODULE, URL, b"import 'a'")) for _ in range(500)]
        os.kill(int(first), signal.SIGKILL)
        assert all(isinstance(future.result(60), CompiledSource) for future in futures)
        assert pid_file.read_text() != first


def test_a_source_that_ends_the_engine_is_a_failure(node: Path, tmp_path: Path) -> None:
    # Every worker of this Node dies when it compiles one source, as it would from an engine bug.
    preload = tmp_path / "die.cjs"
    preload.write_text(
        "const vm = require('node:vm'); const SourceTextModule = vm.SourceTextModule;"
        "vm.SourceTextModule = class extends SourceTextModule { constructor(source, options) {"
        " if (source === 'deadly') process.kill(process.pid, 'SIGSEGV'); super(source, options); } };"
    )
    wrapper = write_node(tmp_path / "node", f'exec "{node.resolve()}" --require "{preload}" "$@"')
    build = replace(build_of(node), executable=str(wrapper))
    with CompilePool(build) as pool:
        sources = [b"a", b"b", b"deadly", b"c", b"deadly", *[b"d"] * 200]
        results = [pool.submit(CompileTask(CompileKind.MODULE, URL, source)) for source in sources]
        for source, future in zip(sources, results, strict=True):
            result = future.result(60)
            if source == b"deadly":
                assert isinstance(result, CompileFailure)
                assert result.message.startswith("the engine process ended by SIGSEGV")
                assert not result.is_syntax_error
            else:
                assert isinstance(result, CompiledSource)


@pytest.mark.parametrize("script", ["exit 9", "echo nonsense nonsense nonsense"])
def test_a_node_that_does_not_start_refuses_all_tasks(node: Path, tmp_path: Path, script: str) -> None:
    build = replace(build_of(node), executable=str(write_node(tmp_path / "node", script)))
    check_refused(build)


def test_another_node_in_the_same_place_is_refused(node: Path) -> None:
    check_refused(replace(build_of(node), version="v24.0.0"))


def test_an_absent_node_is_refused(node: Path, tmp_path: Path) -> None:
    check_refused(replace(build_of(node), executable=str(tmp_path / "absent")))


def check_refused(build: NodeBuild) -> None:
    with CompilePool(build) as pool:
        futures = [pool.submit(CompileTask(CompileKind.MODULE, URL, b"")) for _ in range(300)]
        for future in [*futures, pool.submit(CompileTask(CompileKind.MODULE, URL, b""))]:
            result = future.result(60)
            assert isinstance(result, CompileFailure)
            assert not result.is_syntax_error


def test_close_answers_or_cancels_all_tasks(node: Path) -> None:
    pool = CompilePool(build_of(node))
    futures = [pool.submit(CompileTask(CompileKind.MODULE, URL, b"let a")) for _ in range(3000)]
    pool.close()
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError):
        pool.submit(CompileTask(CompileKind.MODULE, URL, b""))


def test_a_callback_may_close_the_pool(node: Path) -> None:
    pool = CompilePool(build_of(node))
    closed: Future[None] = Future()

    def close(_: object) -> None:
        pool.close()
        closed.set_result(None)

    pool.submit(CompileTask(CompileKind.MODULE, URL, b"")).add_done_callback(close)
    closed.result(60)


def test_flags_change_the_code_cache_only(node: Path) -> None:
    build = build_of(node)
    task = CompileTask(CompileKind.MODULE, URL, b"export function a() { return 1 }")
    with CompilePool(build) as plain, CompilePool(build, v8_flags=("--no-lazy",)) as eager:
        first, second = plain.submit(task).result(60), eager.submit(task).result(60)
    assert isinstance(first, CompiledSource)
    assert isinstance(second, CompiledSource)
    assert len(second.code_cache) > len(first.code_cache)


@pytest.mark.parametrize("kind", [CompileKind.MODULE, CompileKind.COMMONJS, CompileKind.DETECT])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\u2028", " "])
def test_the_code_cache_contains_the_requested_functions(any_node: Path, kind: CompileKind, line_end: str) -> None:
    lines = [
        "#!/usr/bin/env node \U0001f600\n",
        "import { one } from './nowhere.mjs';" if kind is not CompileKind.COMMONJS else "'é';",
        "function f() { return 'in f'; }",
        "var g = async () => 'in g', unasked = () => 'in unasked';",
        "class C { static s() { return 'in s'; } *m() { yield 'in m'; } }",
        "function outer() { 'in outer'; return function inner() { return 'in inner'; }; }",
        # V8 generates no code for a function without references.
        "throw [f, g, unasked, C, outer];",
    ]
    text = line_end.join(lines)
    starts = {"f": "function f", "g": "async ()", "s": "s() {", "m": "*m() {", "inner": "function inner"}
    offsets = [len(text[: text.index(start)].encode("utf-16-le")) // 2 for start in starts.values()]
    # Some offsets are not the start of a function; they must do no harm.
    task = CompileTask(kind, URL, text.encode(), (*offsets, 0, 25, len(text), 1 << 31))
    with CompilePool(build_of(any_node)) as pool:
        plain, asked = (pool.submit(one).result(60) for one in (replace(task, functions=()), task))
    assert isinstance(plain, CompiledSource)
    assert isinstance(asked, CompiledSource)
    assert asked.requested_modules == plain.requested_modules
    for name in starts:
        assert f"in {name}".encode() not in plain.code_cache
        assert f"in {name}".encode() in asked.code_cache
    assert b"in unasked" not in asked.code_cache


def test_a_missing_node_is_a_value(tmp_path: Path) -> None:
    assert isinstance(describe_node(str(tmp_path / "absent")), NodeMissing)


def test_a_source_that_takes_too_long_ends_only_its_worker(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costly = b"".join(b"export const f%d = () => %d;\n" % (n, n) for n in range(300_000))
    monkeypatch.setattr(worker_process, "_LOOKS_EVERY_S", 0.02)
    with CompilePool(build_of(node)) as pool:
        # This task starts the worker before the limit is lowered.
        assert isinstance(pool.submit(CompileTask(CompileKind.MODULE, URL, b"1")).result(60), CompiledSource)
        monkeypatch.setattr(worker_process, "_MOST_SECONDS", 0.2)
        first = pool.submit(CompileTask(CompileKind.MODULE, URL, costly))
        second = pool.submit(CompileTask(CompileKind.MODULE, URL, b"2"))
        refused = first.result(120)
        assert isinstance(refused, CompileFailure)
        assert (refused.ended_engine, refused.message) == (True, "compiling it takes more than 0 s")
        monkeypatch.setattr(worker_process, "_MOST_SECONDS", 60)
        assert isinstance(second.result(120), CompiledSource)
