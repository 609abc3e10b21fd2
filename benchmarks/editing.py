"""Measures a save in an editor: the time until diagnostics, and until the cache can serve the next start.

The benchmark runs a real `esmcache-lsp` over stdio, in a workspace of 2,000 real modules with one entry point that
imports them all. The same run measures tree-sitter's parse and Node's compile of the saved texts for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import tree_sitter_javascript
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient
from tree_sitter import Language, Parser

from common import NODE24, PROJECT, Failure, environment_of
from esmcache.analysis import analyse_module

PACKAGES = PROJECT / "tests" / "fixtures" / "packages" / "node_modules"
SERVER = Path(sys.executable).with_name("esmcache-lsp")
MODULES = 2_000
LARGEST = 100_000
WATCHDOG_S = 120
_RELATIVE = re.compile(r"""(?:from|import)\s*['"](?P<specifier>\.[^'"]*)['"]""")
_MARKERS = ("<!-- editing: begin -->", "<!-- editing: end -->")
_COMPILE = """
import vm from 'node:vm';
import { readFileSync } from 'node:fs';
const texts = JSON.parse(readFileSync(0, 'utf8'));
const times = texts.map((text, i) => {
  const start = performance.now();
  new vm.SourceTextModule(text, { identifier: `file:///${i}.mjs` }).createCachedData();
  return performance.now() - start;
});
console.log(JSON.stringify(times));
"""


@dataclass
class Figures:
    """Times of each kind in milliseconds, one for each save or request."""

    diagnostics: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    parse: list[float] = field(default_factory=list)
    compile: list[float] = field(default_factory=list)
    hover: list[float] = field(default_factory=list)
    links: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


def main() -> int:
    """Print the table, and write it into a document on request; return 1 if a measurement is impossible."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--node", type=Path, default=NODE24)
    arguments.add_argument("--saves", type=int, default=100)
    arguments.add_argument("--markdown-into", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="esmcache-editing-") as directory:
        try:
            table = asyncio.run(measure(Path(directory), chosen.node, chosen.saves))
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    print(table)
    if chosen.markdown_into is not None:
        text = chosen.markdown_into.read_text("utf-8")
        before, _, rest = text.partition(_MARKERS[0])
        _, _, after = rest.partition(_MARKERS[1])
        chosen.markdown_into.write_text(f"{before}{_MARKERS[0]}\n{table}\n{_MARKERS[1]}{after}", "utf-8")
    return 0


async def measure(directory: Path, node: Path, saves: int) -> str:
    """Return the table in Markdown.

    Args:
        saves: The number of modules to save.

    Raises:
        Failure: If not all modules of the last start are served, or there are too few saves.
    """
    workspace = directory / "workspace"
    modules = make_workspace(workspace)
    environment = environment_of(node, directory)
    session = Session(workspace, node, directory / "cache", environment)
    await session.begin()
    # Half of the saves are of large modules, since most edits are made in those.
    large = sorted(modules, key=lambda path: path.stat().st_size)[-saves * 2 :]
    draw = random.Random(4)
    chosen = list(dict.fromkeys([*draw.sample(large, saves // 2), *draw.sample(modules, saves - saves // 2)]))
    figures, texts = Figures(), []
    for number, path in enumerate(chosen):
        texts.append(await session.save(path, number, figures))
    await session.ask_around(chosen, figures)
    await session.end()
    figures.parse = bare_parses(texts)
    figures.compile = bare_compiles(texts, node)
    served = one_start(workspace, node, environment)
    title = f"{len(modules)} modules in the workspace, {len(chosen)} saved, of up to {max(map(len, texts)) // 1000} kB"
    rows = [
        ("didSave to published diagnostics", figures.diagnostics),
        ("didSave to a cache from which the next start is served", figures.served),
        ("the bare work on the same texts: tree-sitter's parse", figures.parse),
        ("the bare work on the same texts: Node's compile", figures.compile),
        ("hover", figures.hover),
        ("document links", figures.links),
        ("the event loop's answer to anything, while all this goes on", figures.answers),
    ]
    lines = [f"{title}; the start after them was served {served}.", "", "| | p50 | p95 | worst |", "|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(f'{value:.1f} ms' for value in _quantiles(some))} |" for name, some in rows]
    return "\n".join(lines)


def make_workspace(workspace: Path) -> list[Path]:
    """Copy real modules into a workspace of one package with one entry point; return the modules' paths.

    Raises:
        Failure: If the packages are not installed.
    """
    names = ("lodash-es", "date-fns", "effect/dist", "ramda/es", "three/src", "d3-array", "d3-scale", "zod/v4")
    paths: list[Path] = []
    for name in names:
        root = PACKAGES / name
        for path in sorted(root.rglob("*.js")) if len(paths) < MODULES else ():
            text = path.read_text("utf-8", "replace")
            inside = path.relative_to(root)
            if len(text) <= LARGEST and _is_whole(path, text) and "node_modules" not in inside.parts:
                target = workspace / "src" / name.replace("/", "-") / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                paths.append(target)
    # Remove the modules that import a missing file, such as one that was too large, until no import is broken.
    while lost := [path for path in paths if not _is_whole(path, path.read_text("utf-8", "replace"))]:
        for path in lost:
            path.unlink()
        paths = [path for path in paths if path not in set(lost)]
    if not paths:
        raise Failure(f"there is nothing below {PACKAGES}: make setup installs it")
    (workspace / "package.json").write_text('{"name": "workspace", "type": "module", "main": "./main.js"}')
    imports = [f"import * as m{i} from './{path.relative_to(workspace)}';" for i, path in enumerate(paths)]
    (workspace / "main.js").write_text("\n".join([*imports, f"console.log({len(paths)});", ""]))
    return paths


def _is_whole(path: Path, text: str) -> bool:
    requests = analyse_module(text.encode()).record.requested_modules
    return all(one.specifier.startswith(".") and (path.parent / one.specifier).is_file() for one in requests)


class Session:
    """A client of one server."""

    def __init__(
        self,
        workspace: Path,
        node: Path,
        cache_dir: Path,
        environment: Mapping[str, str],
        entries: Sequence[str] = (),
    ) -> None:
        self._workspace = workspace
        self._options = {"node": str(node), "cacheDir": str(cache_dir), "entries": list(entries)}
        self._environment = environment
        self._client = LanguageClient("benchmark", "1")
        self._diagnostics: dict[str, asyncio.Future[list[types.Diagnostic]]] = {}
        self._quiescent = asyncio.Event()
        self._is_quiescent = False
        # pygls sets attributes on the handler, and a bound method does not allow that.
        self._client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._note_diagnostics(params))
        self._client.feature("esmcache/status")(lambda params: self._note_status(params))

    async def begin(self) -> None:
        """Start the server and wait until the workspace is warm."""
        await self._client.start_io(str(SERVER), "--stdio", env=dict(self._environment))
        folder = types.WorkspaceFolder(self._workspace.as_uri(), "workspace")
        capabilities = types.ClientCapabilities(experimental={"esmcacheStatus": True})
        await self._client.initialize_async(
            types.InitializeParams(
                capabilities=capabilities,
                process_id=os.getpid(),
                workspace_folders=[folder],
                initialization_options=self._options,
            )
        )
        self._client.initialized(types.InitializedParams())
        await self._command("esmcache.warmWorkspace")

    async def end(self) -> None:
        """End the server."""
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self._client.stop()  # type: ignore[no-untyped-call]

    async def saved(self, path: Path) -> None:
        """Report a save of a file's text on disk, and wait until the cache contains it."""
        identifier = types.TextDocumentIdentifier(path.as_uri())
        document = types.TextDocumentItem(identifier.uri, "javascript", 1, path.read_text("utf-8"))
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        self.await_news()
        self._client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
        await self.settled()
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def await_news(self) -> None:
        """Make `settled` wait for events from now on."""
        self._quiescent.clear()

    async def settled(self) -> None:
        """Wait until the server has handled all reported and watched changes."""
        await asyncio.wait_for(self._quiescent.wait(), WATCHDOG_S)

    async def save(self, path: Path, number: int, figures: Figures) -> str:
        """Open a module, edit and save it twice, and wait for the results; return the last text."""
        uri, text = path.as_uri(), path.read_text("utf-8", "replace")
        document = types.TextDocumentItem(uri, "javascript", 1, text)
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        # The first line adds a diagnostic, so that one is published; the second replaces it and changes only the body.
        typed = f"export {{ missing{number} }};\n"
        for version, line in ((2, typed), (3, f"export const added{number} = {number};\n")):
            whole = text + line
            end = types.Position(whole.count("\n") + 1, 0)
            start = types.Position(text.count("\n"), len(text) - text.rfind("\n") - 1)
            change = types.TextDocumentContentChangePartial(types.Range(start, end), line)
            identifier = types.VersionedTextDocumentIdentifier(version, uri)
            path.write_text(whole, "utf-8")
            self._client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
            published = self._diagnostics[uri] = asyncio.get_running_loop().create_future()
            self._quiescent.clear()
            began = perf_counter()
            self._client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))
            answering = asyncio.create_task(self._request("esmcache/unknown", None, figures.answers))
            await asyncio.wait_for(published, WATCHDOG_S)
            figures.diagnostics.append((perf_counter() - began) * 1000)
            await asyncio.wait_for(self._quiescent.wait(), WATCHDOG_S)
            if version == 3:
                figures.served.append((perf_counter() - began) * 1000)
            await answering
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        return whole

    async def ask_around(self, paths: Sequence[Path], figures: Figures) -> None:
        """Request document links and a hover over the first specifier of each module."""
        for path in paths:
            text = path.read_text("utf-8", "replace")
            document = types.TextDocumentItem(path.as_uri(), "javascript", 1, text)
            self._client.text_document_did_open(types.DidOpenTextDocumentParams(document))
            found = _RELATIVE.search(text)
            identifier = types.TextDocumentIdentifier(path.as_uri())
            links = types.DocumentLinkParams(identifier)
            # The first answer waits for the server to open the document, so it is not counted.
            await self._request(types.TEXT_DOCUMENT_DOCUMENT_LINK, links, [])
            await self._request(types.TEXT_DOCUMENT_DOCUMENT_LINK, links, figures.links)
            if found is not None:
                at = found.start("specifier") + 1
                line = text.count("\n", 0, at)
                position = types.Position(line, at - (text.rfind("\n", 0, at) + 1))
                hover = types.HoverParams(identifier, position)
                await self._request(types.TEXT_DOCUMENT_HOVER, hover, figures.hover)
            self._client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def _request(self, method: str, params: object, times: list[float]) -> None:
        began = perf_counter()
        try:
            await asyncio.wait_for(self._client.protocol.send_request_async(method, params), WATCHDOG_S)
        except TimeoutError:
            raise Failure(f"{method} is not answered") from None
        except JsonRpcException:
            # An unknown method is refused by the event loop itself, and that is the time to measure.
            if params is not None:
                raise
        times.append((perf_counter() - began) * 1000)

    async def _command(self, name: str) -> None:
        command: Callable[[types.ExecuteCommandParams], Awaitable[Any]] = self._client.workspace_execute_command_async
        await asyncio.wait_for(command(types.ExecuteCommandParams(name, [])), WATCHDOG_S)

    def _note_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        waiting = self._diagnostics.get(params.uri)
        if waiting is not None and not waiting.done():
            waiting.set_result(list(params.diagnostics))

    def _note_status(self, params: Any) -> None:
        if params.quiescent and not self._is_quiescent:
            self._quiescent.set()
        self._is_quiescent = params.quiescent


def bare_parses(texts: Sequence[str]) -> list[float]:
    """Return the milliseconds that tree-sitter takes for each text."""
    parser = Parser(Language(tree_sitter_javascript.language()))
    times = []
    for text in texts:
        source = text.encode()
        began = perf_counter()
        parser.parse(source)
        times.append((perf_counter() - began) * 1000)
    return times


def bare_compiles(texts: Sequence[str], node: Path) -> list[float]:
    """Return the milliseconds that Node takes to compile each text and to make its code cache."""
    command = [str(node), "--no-warnings", "--experimental-vm-modules", "--input-type=module", "--eval", _COMPILE]
    result = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
    times: list[float] = json.loads(result.stdout)
    return times


def one_start(workspace: Path, node: Path, environment: dict[str, str]) -> str:
    """Start the entry point and return how many modules were served.

    Raises:
        Failure: If a module was not served.
    """
    log = workspace.parent / "report.json"
    hook = subprocess.run(
        [sys.executable, "-m", "esmcache", "hook"], env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()
    subprocess.run(
        [node, "--require", hook, workspace / "main.js"],
        env={**environment, "ESMCACHE_LOG": str(log)},
        capture_output=True,
        check=False,
    )
    report = json.loads(log.read_text("utf-8").splitlines()[-1])
    if report["missed"] or report["stale"]:
        raise Failure(f"not all was served: {report}")
    return f"{report['served']} of {report['modules']} modules"


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        raise Failure("too few saves for quantiles")
    cut = statistics.quantiles(values, n=20)
    return statistics.median(values), cut[-1], max(values)


if __name__ == "__main__":
    sys.exit(main())
