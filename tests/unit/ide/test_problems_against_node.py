"""The problems of imports of JSON, builtins and `data:` URLs are the errors that Node reports when it loads them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from esmcache.cache import Cache
from esmcache.ide.workspace import Workspace
from esmcache.spans import ColumnUnit

FILES = {
    "package.json": '{"type": "module", "name": "demo", "imports": {"#json": "./a.json"}, "exports": {"./*": "./*"}}',
    "a.json": '{"a": 1}',
    "mark.json": '\ufeff{"a": 1}',
    "comma.json": '{\n  "a": 1,\n}',
    "comment.json": "// none\n{}",
    "constant.json": '{"NaN": NaN}',
    "empty.json": "",
    "quotes.json": "{'a': 1}",
    "numbers.json": f"[1e9999, {'9' * 5_000}, -0, 0.5E-3]",
    "m.js": "export const a = 1;\nexport default 2;\n",
    "c.cjs": "exports.a = 1;\n",
    "star.js": "export * from './a.json' with { type: 'json' };\nexport * from 'node:path';\n",
}
# Each text is a module of its own; Node's error is compared with our diagnostic.
IMPORTS = [
    *(f"import './{name}' with {{ type: 'json' }};" for name in FILES if name != "package.json"),
    "import './a.json';",
    "import './comma.json';",
    "import './a.json' with {};",
    "import './a.json?x';",
    "export * from './a.json';",
    "export { default } from '#json';",
    "import 'demo/a.json';",
    *(
        f"import '{target}' with {{ {attributes} }};"
        for target in ("./a.json", "./m.js", "./c.cjs", "node:os", "#json", "data:text/javascript,1")
        for attributes in ("type: 'css'", "type: 'text'", "type: ''", "type: 'javascript'", "a: 'b'", "'type': 'json'")
    ),
    "import './a.json' with { type: 'json', a: 'b' };",
    "import './absent.json' with { type: 'css' };",
    "import { default as a } from './a.json' with { type: 'json' };",
    "import { a } from './a.json' with { type: 'json' };",
    "import { 'module.exports' as a } from './a.json' with { type: 'json' };",
    "import { a } from './star.js';",
    "import { join } from './star.js';",
    "import { absent } from './star.js';",
    "import fs, { readFile } from 'fs';",
    "import { absent } from 'fs';",
    "export { absent } from 'node:fs/promises';",
    "import { absent } from 'node:test';",
    "import { test } from 'node:test';",
    "import { a } from 'data:text/javascript,export const a = 1';",
    "import { a } from 'data:text/javascript,export%20const%20a%20=%201#b';",
    "import { b } from 'data:text/javascript,export const a = 1';",
    "import { a } from 'data:text/javascript;base64,ZXhwb3J0IGNvbnN0IGEgPSAxOw==';",
    "import { a } from 'data:text/javascript;base64,ZXhwb3J0IGNvbnN0IGIgPSAxOw';",
    "import { readFile } from 'data:text/javascript,export * from \"node:fs\"';",
    "import { absent } from 'data:text/javascript,export * from \"node:fs\"';",
    "import 'data:application/json,{}';",
    "import { a } from 'data:application/json,{}' with { type: 'json' };",
    "import a from 'data:application/json,{' with { type: 'json' };",
    "import a from 'data:application/json;base64,e30=' with { type: 'json' };",
    "await import('./a.json');",
    "await import('./a.json', );",
    "await import('./a.json', { with: { type: 'json' } });",
]
_CODES = {"missing-export": "SyntaxError", "invalid-json": "SyntaxError"}

_LOAD = """
const urls = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
(async () => {
  const answers = [];
  for (const url of urls) answers.push(await import(url).then(() => null, (error) => error.code ?? error.name));
  process.stdout.write(JSON.stringify(answers));
})();
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text, "utf-8")
    for number, text in enumerate(IMPORTS):
        # Each module gets its own copies of the files, since Node does not load a file again, even after a failure.
        folder = root / str(number)
        folder.mkdir()
        for name, content in FILES.items():
            (folder / name).write_text(content, "utf-8")
        (folder / "main.js").write_text(f"{text}\n", "utf-8")
    return root


def test_errors_agree_with_node(any_node: Path, project: Path, tmp_path: Path) -> None:
    node, ours = node_answers(any_node, project), our_answers(any_node, project, tmp_path / "cache")
    assert {text: answer for text, answer in ours.items() if answer != node[text]} == {}
    assert {None, "SyntaxError", "ERR_IMPORT_ATTRIBUTE_MISSING", "ERR_IMPORT_ATTRIBUTE_UNSUPPORTED"} < set(
        ours.values()
    )


def node_answers(node: Path, project: Path) -> Mapping[str, str | None]:
    urls = [(project / str(number) / "main.js").as_uri() for number in range(len(IMPORTS))]
    result = subprocess.run(
        [node, "--no-warnings", "--eval", _LOAD],
        input=json.dumps(urls).encode(),
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return dict(zip(IMPORTS, json.loads(result.stdout), strict=True))


def our_answers(node: Path, project: Path, cache_path: Path) -> Mapping[str, str | None]:
    answers: dict[str, str | None] = {}
    with Cache.open(cache_dir=str(cache_path), node=str(node), environment={}) as cache:
        workspace = Workspace(cache, ColumnUnit.UTF16)
        for number, text in enumerate(IMPORTS):
            found = workspace.findings(str(project / str(number) / "main.js"), with_cache=False)
            said = [_CODES.get(one.code) or one.message.partition(":")[0] for one in found]
            answers[text] = said[0] if said else None
    return answers
