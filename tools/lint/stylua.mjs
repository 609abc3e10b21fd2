// Formats Lua with StyLua's WebAssembly build: `stylua.mjs check` names the files that are not formatted, and
// `stylua.mjs write` rewrites them. Without file names it takes all Lua files of the repository. StyLua's own program has
// an install script, and no package's install script is run here.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';

import {
  BlockNewlineGaps,
  Config,
  formatCode,
  IndentType,
  LuaVersion,
  OutputVerification,
  QuoteStyle,
} from '@johnnymorganz/stylua';

const ROOT = resolve(import.meta.dirname, '../..');

/** Return the style of the Lua files here; the library takes a configuration away from its caller at each use. */
function style() {
  return Object.assign(Config.new(), {
    block_newline_gaps: BlockNewlineGaps.Never,
    column_width: 120,
    indent_type: IndentType.Spaces,
    indent_width: 2,
    quote_style: QuoteStyle.AutoPreferSingle,
    syntax: LuaVersion.LuaJIT,
  });
}

function luaFiles() {
  const isInstalled = (path) => basename(path) === 'node_modules';
  return globSync('{editors,tests}/**/*.lua', { cwd: ROOT, exclude: isInstalled }).map((file) => resolve(ROOT, file));
}

const [mode, ...named] = process.argv.slice(2);
if (mode !== 'check' && mode !== 'write') {
  console.error('usage: stylua.mjs check|write [FILE…]');
  process.exit(2);
}
const files = named.length > 0 ? named : luaFiles();
let unformatted = 0;
for (const file of files.sort()) {
  const text = readFileSync(file, 'utf8');
  const formatted = formatCode(text, style(), null, OutputVerification.Full);
  if (formatted === text) continue;
  if (mode === 'write') writeFileSync(file, formatted);
  else unformatted += 1;
  console.log(`${relative(ROOT, resolve(file))}: ${mode === 'write' ? 'formatted' : 'not formatted'}`);
}
if (unformatted > 0) {
  console.error('Run `make format`.');
  process.exit(1);
}
