// Source bytes to a V8 code cache and the engine's own list of module requests. Nothing is evaluated, and nothing linked
// but to an empty module, which is how V8 gets to a module's functions.
//
// The text must be the very text that Node will compile when it loads the file: the ES module loader decodes with
// TextDecoder (which drops a byte order mark), the CommonJS loader with 'utf8' (which keeps it). Neither touches
// a hashbang, V8 skips it itself.

import { createRequire } from 'node:module';
import vm from 'node:vm';

const require = createRequire(import.meta.url);
const decoder = new TextDecoder();
const CJS_PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];
// A require('./x.cjs') compiles with a host-defined option that stands for the default loader; this is the public one.
const LONGEST_BLANKS = 1019;
const DEFAULT_LOADER = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

let emptyModule = null;

// By --expose-internals: Node's own syntax detection, and where in the text an error is (no public name for either).
const { internalBinding } = require('internal/test/binding');
const { containsModuleSyntax } = internalBinding('contextify');
const { arrow_message_private_symbol: ARROW_MESSAGE } = internalBinding('util').privateSymbols;
const { getErrorSourcePositions } = internalBinding('errors'); // not in Node 22

const NO_CODE_CACHE = Buffer.alloc(0);

// V8 warns of a source (of asm.js that is none) when it compiles it, and would not if it came out of a code cache.
let hasWarned = false;
process.emitWarning = (_, type) => {
  if (type === 'V8') hasWarned = true;
};

/**
 * Resolve to `{ codeCache, requests, detectedKind }`, the code cache empty if it would keep a warning back; throws what
 * the engine throws, with `detectedKind` set on it.
 * @param {'module' | 'commonjs' | 'detect'} kind
 * @param {number[]} functions where in the text those functions start that the code cache is to have
 */
export async function compile(kind, url, filename, functions, bytes) {
  hasWarned = false;
  const compiled = await compileAs(kind, url, filename, functions, bytes);
  // The warning comes a little later.
  if (bytes.includes('use asm')) await new Promise(setImmediate);
  if (!hasWarned) return compiled;
  return functions.length > 0 ? compile(kind, url, filename, [], bytes) : { ...compiled, codeCache: NO_CODE_CACHE };
}

async function compileAs(kind, url, filename, functions, bytes) {
  switch (kind) {
    case 'module':
      return compileModule(url, functions, bytes, null);
    case 'commonjs':
      return compileCommonJS(filename, functions, bytes, null);
    case 'detect':
      return detect(url, filename, functions, bytes);
    default:
      throw new TypeError(`no such kind: ${kind}`);
  }
}

/** Return the message, line and column (one-based, 0: unknown) of what `compile` threw. */
export function describeError(error) {
  const isSyntaxError = error instanceof SyntaxError;
  const message = String(error?.message ?? error);
  return { message, isSyntaxError, ...(isSyntaxError ? position(error) : { line: 0, column: 0 }) };
}

async function compileModule(url, functions, bytes, detectedKind) {
  const text = decoder.decode(bytes);
  const module = new vm.SourceTextModule(text, { identifier: url });
  const requests = moduleRequests(module).map(({ specifier, attributes, phase }) => [
    specifier,
    Object.entries(attributes),
    typeof phase === 'string' ? phase : 'evaluation',
  ]);
  // Instantiating fails as soon as a name is imported, which is after the engine has reported the text.
  const instantiate = () => module.link(() => emptyModule).catch(() => {});
  if (functions.length > 0) await withFunctions(text, functions, instantiate);
  const codeCache = module.createCachedData();
  // What the engine would not take back from itself, or what ends it here, is served to nobody.
  new vm.SourceTextModule(text, { identifier: url, cachedData: codeCache });
  return { codeCache, requests, detectedKind };
}

async function compileCommonJS(filename, functions, bytes, detectedKind) {
  const text = bytes.utf8Slice(0, bytes.length);
  const options = { filename, importModuleDynamically: DEFAULT_LOADER };
  const produce = () => vm.compileFunction(text, CJS_PARAMETERS, { ...options, produceCachedData: true });
  const { cachedData } = functions.length > 0 ? await withFunctions(text, functions, produce) : produce();
  const taken = vm.compileFunction(text, CJS_PARAMETERS, { ...options, cachedData });
  if (taken.cachedDataRejected) throw new Error('the engine does not take its own code cache');
  return { codeCache: cachedData, requests: [], detectedKind };
}

// The engine reports a text to whoever debugs it when it makes the function that runs it: of CommonJS before the code
// cache is taken, of a module when it is instantiated.
async function withFunctions(text, functions, run) {
  const { want, wantNothing } = await import('./functions.mjs');
  if (emptyModule === null) {
    emptyModule = new vm.SyntheticModule([], () => {});
    await emptyModule.link(() => {});
  }
  want(text, functions);
  try {
    return await run();
  } finally {
    wantNothing();
  }
}

// As Node does it: CommonJS if it compiles as such, else a module if the reason lies in module syntax.
async function detect(url, filename, functions, bytes) {
  try {
    return await compileCommonJS(filename, functions, bytes, 'commonjs');
  } catch (error) {
    const isModule = containsModuleSyntax(bytes.utf8Slice(0, bytes.length), filename, url);
    if (!isModule) throw Object.assign(error, { detectedKind: 'commonjs' });
  }
  try {
    return await compileModule(url, functions, bytes, 'module');
  } catch (error) {
    throw Object.assign(error, { detectedKind: 'module' });
  }
}

function moduleRequests(module) {
  if (module.moduleRequests !== undefined) return module.moduleRequests;
  // Node 22: the public list (dependencySpecifiers) leaves the attributes out, the wrapped module has them.
  const wrap = Object.getOwnPropertySymbols(module).find((symbol) => symbol.description === 'kWrap');
  return module[wrap].getModuleRequests();
}

function position(error) {
  if (getErrorSourcePositions === undefined) return positionFromArrow(String(error[ARROW_MESSAGE] ?? ''));
  const { lineNumber, startColumn } = getErrorSourcePositions(error);
  return lineNumber > 0 ? { line: lineNumber, column: startColumn + 1 } : { line: 0, column: 0 };
}

// An arrow is "file:line", the line itself and a line with carets. Where the token has no width there is no caret,
// only the blanks before it; beyond some thousand columns the blanks end, too.
function positionFromArrow(text) {
  const arrow = text.replace(/\n$/, '');
  const caretsStart = arrow.lastIndexOf('\n') + 1;
  const sourceStart = arrow.lastIndexOf('\n', caretsStart - 2);
  const line = /:(\d+)$/.exec(arrow.slice(0, Math.max(sourceStart, 0)));
  if (line === null) return { line: 0, column: 0 };
  const carets = arrow.indexOf('^', caretsStart);
  const blanks = (carets < 0 ? arrow.length : carets) - caretsStart;
  return { line: Number(line[1]), column: carets < 0 && blanks >= LONGEST_BLANKS ? 0 : blanks + 1 };
}
