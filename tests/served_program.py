"""The program of the serving tests, with a cycle, a dynamic import, JSON, and a package with both kinds of modules."""

from __future__ import annotations

FILES = {
    "package.json": '{"type": "module"}',
    "app.mjs": """\
import { readFileSync } from 'node:fs';
import * as all from './lib/index.js';
import data from './data.json' with { type: 'json' };
import tool from 'tool';
import { inner } from 'tool/inner';
console.log(Object.keys(all), data, tool.name, inner, import.meta.url.endsWith('app.mjs'));
const late = await import('./lib/late.js');
console.log(late.default, process.argv.slice(2));
""",
    "lib/index.js": "export * from './a.js';\nexport { b as 'string name' } from './b.js';\n",
    "lib/a.js": "import { b } from './b.js';\nexport const a = () => b;\n",
    "lib/b.js": "import { a } from './a.js';\nexport const b = 'b';\nexport const cycle = () => a;\n",
    "lib/late.js": "export default 'late';\n",
    "data.json": '{"answer": 42}',
    "node_modules/tool/package.json": """\
{"name": "tool", "version": "1.0.0", "exports": {".": "./main.cjs", "./inner": {"import": "./inner.mjs"}}}
""",
    "node_modules/tool/main.cjs": "const part = require('./part');\nmodule.exports = { name: 'tool ' + part };\n",
    "node_modules/tool/part.js": "module.exports = 'part';\n",
    "node_modules/tool/inner.mjs": "export const inner = 'inner';\n",
}
# The modules are app, four in lib, data, and the tool's main, part and inner.
MODULES = 9
