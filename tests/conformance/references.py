"""The references that esmcache is compared with, each as one process for many files."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from conformance.verdicts import Facet, Verdict, frozen_attributes

_HERE = Path(__file__).parent
_FIXTURE = _HERE.parent / "fixtures" / "conformance"


class Reference(Protocol):
    """A reference: its name in the table, and its verdicts on many files."""

    name: str

    def verdicts(self, files: Sequence[Path]) -> list[Verdict]:
        """Return a verdict for each file."""


def _run(command: Sequence[object], files: Sequence[Path], **environment: str) -> subprocess.CompletedProcess[bytes]:
    names = "".join(f"{json.dumps(str(file))}\n" for file in files)
    return subprocess.run(
        [str(part) for part in command],
        input=names.encode(),
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


def answers(command: Sequence[object], files: Sequence[Path]) -> Iterator[Any]:
    """Yield the line of JSON for each file; a file that ends the process is rejected."""
    answered = 0
    while answered < len(files):
        done = _run(command, files[answered:])
        # Only newlines end a line, since names may contain U+2028.
        lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
        if done.returncode > 0 or (not lines and not done.returncode):
            raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:].decode(errors='replace')}")
        yield from map(json.loads, lines)
        answered += len(lines)
        if answered < len(files):
            yield {"error": f"the process was ended by signal {-done.returncode}"}
            answered += 1


@dataclass(frozen=True, slots=True)
class JavaScriptCore:
    """The engine's own record, in the text of its debug option."""

    bun: Path
    name: str = "JavaScriptCore"

    def verdicts(self, files: Sequence[Path]) -> list[Verdict]:
        command = [self.bun, _HERE / "javascriptcore.mjs"]
        said = _run(command, files, BUN_JSC_dumpModuleRecord="1").stderr.decode("utf-8", "replace")
        blocks = _JSC_END.split(said)[:-1]
        found = [
            _jsc_verdict(number, block, json.loads(error))
            for number, (block, error) in enumerate(zip(blocks[::3], blocks[2::3], strict=True))
        ]
        if len(found) != len(files) or [int(number) for number in blocks[1::3]] != list(range(len(files))):
            raise RuntimeError(f"JavaScriptCore answered {len(found)} of {len(files)} files")
        return found


_JSC_END = re.compile(r"\n\x01end of answer (\d+) (.*)\n")
_JSC_SECTIONS = re.compile(
    r"    Dependencies: (?P<request_count>\d+) modules(?P<requests>.*?)"
    r"\n    Import: (?P<import_count>\d+) entries(?P<imports>.*?)"
    r"\n    Export: (?P<export_count>\d+) entries(?P<exports>.*)",
    re.DOTALL,
)
# An entry ends before a line that begins with six spaces and a keyword; names may contain newlines themselves.
_JSC_ENTRY = re.compile(r"\n      (?=module\('|import\(|\[(?:Local|Indirect|Namespace|Star)\] )")


def _jsc_verdict(number: int, block: str, error: str | None) -> Verdict:
    if error is not None:
        return Verdict(error)
    _, _, record = block.rpartition(f"Analyzing ModuleRecord key('file {number}')\n")
    sections = _JSC_SECTIONS.fullmatch(record.rstrip("\n"))
    if sections is None:
        raise RuntimeError(f"JavaScriptCore's record is not understood: {block}")
    requests, imports, exports = (
        _JSC_ENTRY.split(sections[section])[1:] for section in ("requests", "imports", "exports")
    )
    stars = [entry for entry in exports if entry.startswith("[Star] ")]
    others = [entry for entry in exports if not entry.startswith("[Star] ")]
    counts = (len(requests), len(imports), len(others))
    if counts != tuple(int(sections[name]) for name in ("request_count", "import_count", "export_count")):
        raise RuntimeError(f"JavaScriptCore's record has other counts: {block}")
    return Verdict(
        None,
        {
            "requests": tuple(_JSC_POINTER.sub("attributes(some)", request) for request in requests),
            "imports": frozenset(imports),
            "exports": frozenset(others),
            "stars": tuple(stars),
        },
    )


_JSC_POINTER = re.compile(r"attributes\(0x[0-9a-f]+\)$")


@dataclass(frozen=True, slots=True)
class V8:
    """Node's `vm.SourceTextModule`, which gives requests and top-level await, and names when it links."""

    node: Path
    name: str = "V8"

    def verdicts(self, files: Sequence[Path]) -> list[Verdict]:
        command = [self.node, "--experimental-vm-modules", "--no-warnings", _HERE / "v8.mjs"]
        return [
            Verdict(None, {"requests": _requests(answer), "has_tla": answer["has_tla"], **_names(answer["names"])})
            if answer["error"] is None
            else Verdict(answer["error"])
            for answer in answers(command, files)
        ]


@dataclass(frozen=True, slots=True)
class Oxc:
    """oxc-parser, which gives requests with attributes, entries for imports and exports, and dynamic imports."""

    node: Path
    name: str = "oxc-parser"

    def verdicts(self, files: Sequence[Path]) -> list[Verdict]:
        command = [self.node, _HERE / "oxc.mjs", _FIXTURE / "package.json"]
        return [
            Verdict(
                None,
                {"requests": _requests(answer), "dynamic": _dynamic(answer), **_entries(answer["entries"])},
            )
            if answer["error"] is None
            else Verdict(answer["error"])
            for answer in answers(command, files)
        ]


def _requests(answer: Any) -> tuple[object, ...]:
    requests = ((one["specifier"], frozen_attributes(one["attributes"]), one["phase"]) for one in answer["requests"])
    return tuple(dict.fromkeys(requests))


def _names(names: Any) -> dict[str, Facet]:
    if names is None:
        return {}
    return {
        "imported names": frozenset(map(tuple, names["imports"])),
        "exported names": frozenset(names["exports"]),
        "star specifiers": frozenset(names["stars"]),
    }


def _entries(entries: Any) -> dict[str, Facet]:
    return {} if entries is None else {name: frozenset(map(tuple, entries[name])) for name in ("imports", "exports")}


def _dynamic(answer: Any) -> tuple[object, ...]:
    return tuple((one["specifier"], frozen_attributes(one["attributes"])) for one in answer["dynamic"])


def find_bun() -> Path:
    """Return the path of Bun's executable, which npm installed for this processor."""
    processor = "aarch64" if platform.machine() in ("aarch64", "arm64") else "x64"
    return _FIXTURE / "node_modules" / "@oven" / f"bun-linux-{processor}" / "bin" / "bun"


def references(node: Path) -> tuple[JavaScriptCore, V8, Oxc]:
    """Return the three references."""
    return JavaScriptCore(find_bun()), V8(node), Oxc(node)
