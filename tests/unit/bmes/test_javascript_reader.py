"""The JavaScript reader accepts and rejects the same bytes as the Python decoder, and reads the same values."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import struct
import subprocess
from pathlib import Path
from typing import Any

from bmes_values import every_form
from esmcache.bmes import BmesFile, BmesRequest, Damage, decode, encode
from esmcache.records import ImportAttribute

PROJECT = Path(__file__).parents[3]
READER = PROJECT / "cache" / "esmcache" / "serving" / "runtime" / "bmes.mjs"
READ_ALL = """
import { decode, validateMetadata } from %s;
const answers = JSON.parse(await new Response(process.stdin).text()).map((text) => {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  const validation = validateMetadata(bytes);
  let file = null;
  try { file = decode(bytes); } catch {}
  return { validation, file };
});
const hex = (key, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value);
process.stdout.write(JSON.stringify(answers, hex));
"""


def read_in_node(node: Path, contents: list[bytes]) -> list[dict[str, Any]]:
    result = subprocess.run(
        [node, "--input-type=module", "--eval", READ_ALL % json.dumps(READER.as_uri())],
        input=json.dumps([base64.b64encode(content).decode() for content in contents]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    return answers


def as_javascript(file: BmesFile) -> dict[str, Any]:
    return {
        "requests": [
            {
                "specifier": request.specifier,
                "attributes": [{"key": item.key, "value": item.value} for item in request.attributes],
            }
            for request in file.requests
        ],
        "imports": [
            {
                "type": entry.type,
                "moduleRequest": entry.module_request,
                "importName": entry.import_name,
                "localName": entry.local_name,
            }
            for entry in file.imports
        ],
        "exports": [
            {
                "type": entry.type,
                "exportName": entry.export_name,
                "moduleName": entry.module_name,
                "importName": entry.import_name,
                "localName": entry.local_name,
            }
            for entry in file.exports
        ],
        "stars": list(file.stars),
        "bytecode": file.bytecode.hex(),
    }


def test_values_are_read_as_they_were_written(node: Path) -> None:
    golden = sorted((PROJECT / "tests" / "golden" / "bmes").glob("*.bin"))
    unusual = BmesFile(stars=("\ufeffa", "😀\0"), requests=(BmesRequest("", (ImportAttribute("", ""),)),))
    contents = [encode(unusual), *(path.read_bytes() for path in golden)]
    for content, answer in zip(contents, read_in_node(node, contents), strict=True):
        file = decode(content)
        assert isinstance(file, BmesFile)
        trailer = answer["file"].pop("trailer")
        assert answer["file"] == as_javascript(file)
        assert answer["validation"] == {"valid": True, "level": 2}
        if file.trailer is None:
            assert trailer is None
        else:
            assert trailer["moduleKind"] == file.trailer.module_kind
            assert trailer["engineTag"] == file.trailer.engine_tag
            assert trailer["sourceSha256"] == file.trailer.source_sha256.hex()
            assert trailer["checksum"] == content[-40:-8].hex()


def test_both_readers_reject_the_same(node: Path) -> None:
    data = encode(every_form())
    rng = random.Random(1)
    contents = [data[:size] for size in range(len(data))]
    contents += [struct.pack("<II", 0x424D4553, 2), data + b"\0", bytes(data[:8]) + b"\xff" * 12]
    # The attributes' mark of this request is neither present nor absent.
    contents.append(struct.pack("<IIIII", 0x424D4553, 1, 1, 0, 2) + bytes(20))
    for _ in range(2000):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] = rng.choice([0, 1, 2, 3, 0x80, 0xFF, rng.randrange(256)])
        contents.append(bytes(changed))
    for content, answer in zip(contents, read_in_node(node, contents), strict=True):
        file = decode(content)
        validation = answer["validation"]
        if isinstance(file, Damage):
            assert (validation["valid"], validation["level"]) == (False, file.level - 1), content
            assert validation["error"]
            assert answer["file"] is None
        else:
            assert validation == {"valid": True, "level": 2}, content
            del answer["file"]["trailer"]
            assert answer["file"] == as_javascript(dataclasses.replace(file, trailer=None))
