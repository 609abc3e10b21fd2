"""Both ends of the pipe have the same message names, fields and kinds."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

from esmcache.engines.node import messages
from esmcache.records import Stripping

WORKER = Path(messages.__file__).with_name("worker")


def worker_definitions(node: Path) -> dict[str, object]:
    script = "const {MESSAGES, COMPILE_KINDS} = await import(process.argv[1]);"
    script += "console.log(JSON.stringify({MESSAGES, COMPILE_KINDS}))"
    command = [str(node), "--input-type=module", "-e", script, (WORKER / "messages.mjs").as_uri()]
    answer: dict[str, object] = json.loads(subprocess.check_output(command))
    return answer


def test_definitions_are_the_same_on_both_sides(node: Path) -> None:
    ours = (messages.Hello, messages.Compile, messages.Compiled, messages.Failed)
    assert worker_definitions(node) == {
        "MESSAGES": {message.__name__: [field.name for field in dataclasses.fields(message)] for message in ours},
        "COMPILE_KINDS": [kind.value for kind in messages.CompileKind],
    }


def test_compile_frame_has_the_fields_of_compile() -> None:
    url, path = "file:///a%20b.js", "/a b.js"
    task = messages.CompileTask(messages.CompileKind.MODULE, url, b"source", (3, 70), Stripping(2, path))
    frame = messages.encode_compile(7, task)
    length = int.from_bytes(frame[:4], "little")
    header = json.loads(frame[8 : 8 + length])
    assert header.pop("type") == "Compile"
    assert messages.Compile(**header) == messages.Compile(7, "module", url, path, [3, 70], 2, path)
    assert frame[8 + length :] == b"source"
