"""The entry points that package.json names are the files that Node starts for them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from esmcache.build.targets import package_entries

PACKAGES = {
    "a file": ({"main": "./src/app.js"}, ["src/app.js"]),
    "without an extension": ({"main": "src/app"}, ["src/app.js"]),
    "a directory": ({"main": "./lib"}, ["lib/index.js"]),
    "a directory, with a slash": ({"main": "lib/"}, ["lib/index.js"]),
    "a file before a file with an extension": ({"main": "both.js"}, ["both.js"]),
    "no main": ({}, ["index.js"]),
    "an empty main": ({"main": ""}, ["index.js"]),
    "a main that is gone": ({"main": "gone.js"}, ["index.js"]),
    "a main that is no text": ({"main": 1}, ["index.js"]),
}


@pytest.mark.parametrize(("content", "expected"), PACKAGES.values(), ids=PACKAGES)
def test_main_is_the_file_that_node_starts(
    tmp_path: Path, node: Path, content: dict[str, object], expected: list[str]
) -> None:
    for name in ("src/app.js", "lib/index.js", "both.js", "both.js.js", "index.js"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"console.log({name!r});\n")
    (tmp_path / "package.json").write_text(json.dumps(content))
    started = subprocess.run([node, tmp_path], capture_output=True, text=True, check=True)
    assert started.stdout.splitlines() == expected
    assert package_entries(tmp_path) == [os.path.join(tmp_path, name) for name in expected]


def test_fields_beside_main(tmp_path: Path) -> None:
    for name in ("index.js", "cli.js", "part.mjs"):
        (tmp_path / name).write_text("")
    fields = {"bin": {"tool": "./cli.js"}, "exports": {"./part": {"import": "./part.mjs"}, "./*": "./*.js"}}
    (tmp_path / "package.json").write_text(json.dumps(fields))
    assert package_entries(tmp_path) == [f"{tmp_path}/cli.js", f"{tmp_path}/part.mjs"]
