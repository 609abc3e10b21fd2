// Compiles source bytes into a V8 code cache, and lists the module requests as V8 sees them. Nothing is evaluated.
// Modules are linked only to an empty module, so that V8 reports their scripts to the debugger of functions.mjs.
//
// The text must be the one that Node compiles when it loads the file. The ES module loader decodes with TextDecoder,
// which drops a byte order mark; the CommonJS loader decodes with 'utf8', which keeps it. V8 itself skips a hashbang.

import { createRequire } from 'node:module';
import vm from 'node:vm';
import { strip, translate } from './typescript.mjs';

const require = createRequire(import.meta.url);
const decoder = new TextDecoder();
const CJS_PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];
// Node cuts the line with carets in an error's arrow after this many columns.
const LONGEST_BLANKS = 1019;
// Node compiles CommonJS with a host-defined option for its default loader. This is the public name of that option.
const DEFAULT_LOADER = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

let emptyModule = null;

// Node's syntax detection and the positions of errors have no public API; they need --expose-internals.
const { internalBinding } = require('internal/test/binding');
const { containsModuleSyntax } = internalBinding('contextify');
const { arrow_message_private_symbol: ARROW_MESSAGE } = internalBinding('util').privateSymbols;
const { getErrorSourcePositions } = internalBinding('errors'); // not in Node 22

const NO_CODE_CACHE = Buffer.alloc(0);

// V8 prints some warnings (of invalid asm.js) only when it compiles a source, not when it reads a code cache.
let hasWarned = false;
process.emitWarning = (_, type) => {
  if (type === 'V8') hasWarned = true;
};

/**
 * Resolve to `{ codeCache, requests, detectedKind, stripped }`; the code cache is empty if it would suppress a warning.
 * `stripped` are the texts that Node makes of TypeScript, one for each time that it strips; the last one is compiled.
 * Throws the error of V8 or of Node's type stripping, with `detectedKind` set on it for the kind 'detect'.
 * For the kind 'translate' nothing is compiled: `stripped` are a translation and its source map.
 * @param {'module' | 'commonjs' | 'detect' | 'translate'} task.kind
 * @param {number[]} task.functions offsets in the text of the functions to precompile
 * @param {0 | 1 | 2} task.strips how often Node strips the types of CommonJS; it strips those of a module once
 * @param {string} task.source_url the name that Node puts into a comment at the end of a text without types
 */
export async function compile(task, bytes) {
  hasWarned = false;
  const compiled = await compileAs(task, bytes);
  // Node emits the warning of asm.js later.
  if (bytes.includes('use asm')) await new Promise(setImmediate);
  if (!hasWarned) return compiled;
  return task.functions.length > 0
    ? compile({ ...task, functions: [] }, bytes)
    : { ...compiled, codeCache: NO_CODE_CACHE };
}

async function compileAs(task, bytes) {
  switch (task.kind) {
    case 'module':
      return compileModule(task, moduleText(task, bytes), null);
    case 'commonjs':
      return compileCommonJS(task, commonjsText(task, bytes), null);
    case 'detect':
      return detect(task, bytes);
    case 'translate':
      return { codeCache: NO_CODE_CACHE, requests: [], detectedKind: null, stripped: translate(decoder.decode(bytes)) };
    default:
      throw new TypeError(`no such kind: ${task.kind}`);
  }
}

function moduleText({ strips, source_url: sourceUrl }, bytes) {
  const text = decoder.decode(bytes);
  return strips === 0 ? [text] : [text, strip(text, sourceUrl)];
}

function commonjsText({ strips, source_url: sourceUrl }, bytes) {
  const texts = [bytes.utf8Slice(0, bytes.length)];
  for (let i = 0; i < strips; i++) texts.push(strip(texts[i], sourceUrl));
  return texts;
}

/** Return the message and place (one-based, 0: unknown) of what `compile` threw, and Node's code if it has one. */
export function describeError(error) {
  const isSyntaxError = error instanceof SyntaxError;
  const message = String(error?.message ?? error);
  const place = isSyntaxError ? (error.place ?? position(error)) : { line: 0, column: 0 };
  return { message, isSyntaxError, endLine: 0, endColumn: 0, ...place, code: String(error?.code ?? '') };
}

async function compileModule({ url, functions }, texts, detectedKind) {
  const text = texts.at(-1);
  const module = new vm.SourceTextModule(text, { identifier: url });
  const requests = moduleRequests(module).map(({ specifier, attributes, phase }) => [
    specifier,
    Object.entries(attributes),
    typeof phase === 'string' ? phase : 'evaluation',
  ]);
  // The empty module lacks imported names, so linking may fail, but only after V8 has reported the script.
  const instantiate = () => module.link(() => emptyModule).catch(() => {});
  if (functions.length > 0) await withFunctions(text, functions, instantiate);
  const codeCache = module.createCachedData();
  // If V8 rejects its own code cache, or crashes here, the code cache is never served.
  new vm.SourceTextModule(text, { identifier: url, cachedData: codeCache });
  return { codeCache, requests, detectedKind, stripped: texts.slice(1) };
}

async function compileCommonJS({ filename, functions }, texts, detectedKind) {
  const text = texts.at(-1);
  const options = { filename, importModuleDynamically: DEFAULT_LOADER };
  const produce = () => vm.compileFunction(text, CJS_PARAMETERS, { ...options, produceCachedData: true });
  const { cachedData } = functions.length > 0 ? await withFunctions(text, functions, produce) : produce();
  const taken = vm.compileFunction(text, CJS_PARAMETERS, { ...options, cachedData });
  if (taken.cachedDataRejected) throw new Error('the engine does not take its own code cache');
  return { codeCache: cachedData, requests: [], detectedKind, stripped: texts.slice(1) };
}

// V8 reports a script to debuggers when it creates the function that runs it: before the code cache is taken for
// CommonJS, at instantiation for a module.
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

// As in Node: CommonJS if it compiles as such, else a module if module syntax is the cause of the error.
async function detect(task, bytes) {
  const texts = commonjsText(task, bytes);
  try {
    return await compileCommonJS(task, texts, 'commonjs');
  } catch (error) {
    const isModule = containsModuleSyntax(texts.at(-1), task.filename, task.url);
    if (!isModule) throw Object.assign(error, { detectedKind: 'commonjs' });
  }
  try {
    return await compileModule(task, moduleText(task, bytes), 'module');
  } catch (error) {
    throw Object.assign(error, { detectedKind: 'module' });
  }
}

function moduleRequests(module) {
  if (module.moduleRequests !== undefined) return module.moduleRequests;
  // Node 22: the public list (dependencySpecifiers) lacks the attributes, but the wrapped module has them.
  const wrap = Object.getOwnPropertySymbols(module).find((symbol) => symbol.description === 'kWrap');
  return module[wrap].getModuleRequests();
}

function position(error) {
  if (getErrorSourcePositions === undefined) return positionFromArrow(String(error[ARROW_MESSAGE] ?? ''));
  const { lineNumber, startColumn } = getErrorSourcePositions(error);
  return lineNumber > 0 ? { line: lineNumber, column: startColumn + 1 } : { line: 0, column: 0 };
}

// An arrow is "file:line", the line itself and a line with carets. For a token without width, the last line has only
// the blanks before it, and they end after some thousand columns.
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
