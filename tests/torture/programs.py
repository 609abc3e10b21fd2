"""The programs that the campaign starts; each prints the contents of all its modules."""

from __future__ import annotations

from dataclasses import dataclass

from served_program import FILES


@dataclass(frozen=True)
class SmallProgram:
    """Files by name, the entry point, and the edited file, in which `@` is the number of the edit."""

    name: str
    files: dict[str, str]
    entry: str
    edited: str


_MODULES = SmallProgram(
    "modules",
    {
        **FILES,
        "app.mjs": FILES["app.mjs"] + "import { edit } from './lib/edit.js';\nconsole.log('edit', edit);\n",
        "lib/edit.js": "export const edit = '@';\n",
    },
    "app.mjs",
    "lib/edit.js",
)
_WORKER = SmallProgram(
    "worker",
    {
        "package.json": '{"type": "module"}',
        "app.mjs": """\
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { square } from './square.mjs';
import { edit } from './edit.mjs';
const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: 7 });
const [answer] = await once(worker, 'message');
console.log(answer, square(answer), 'edit', edit);
console.error('told on stderr');
process.exitCode = 3;
""",
        "worker.mjs": """\
import { parentPort, workerData } from 'node:worker_threads';
import { square } from './square.mjs';
const { cube } = await import('./cube.mjs');
parentPort.postMessage(square(workerData) + cube(workerData));
""",
        "square.mjs": "export const square = (n) => n * n;\n",
        "cube.mjs": "import { square } from './square.mjs';\nexport const cube = (n) => n * square(n); // \u2026\n",
        "edit.mjs": "export const edit = '@';\n",
    },
    "app.mjs",
    "edit.mjs",
)
_COMMONJS = SmallProgram(
    "commonjs",
    {
        "package.json": '{"imports": {"#late": "./late.mjs"}}',
        "app.cjs": """\
const { edit } = require('./edit.cjs');
const data = require('./data.json');
const list = require('list');
import('#late').then(({ default: late, names }) => console.log(late, names, data.answer, list, 'edit', edit));
""",
        "edit.cjs": "exports.edit = '@';\n",
        "data.json": '{"answer": 42}',
        "late.mjs": "import * as list from 'list';\nexport default 'late';\nexport const names = Object.keys(list);\n",
        "node_modules/list/package.json": '{"name": "list", "version": "2.0.0", "main": "lib"}',
        "node_modules/list/lib/index.js": "exports.first = require('./first');\nexports.second = 'second';\n",
        "node_modules/list/lib/first.js": "module.exports = 'first';\n",
    },
    "app.cjs",
    "edit.cjs",
)
PROGRAMS = (_MODULES, _WORKER, _COMMONJS)
EDITED = (_MODULES, _WORKER)
