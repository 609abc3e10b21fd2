// Strips types by Node's own function, since only that gives the very text that Node compiles.
// A text that Node refuses to strip is translated by the parser behind that function.

import * as nodeModule from 'node:module';

const require = nodeModule.createRequire(import.meta.url);
const NOT_ASCII = /[^\0-\x7f]/g;
const ERRORS_OF_TEXTS = [
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'InvalidSyntax',
  'UnsupportedSyntax',
];
// How much of this stack there is depends on V8's flags, so another process may not run out of it.
const CALL_STACK = 'call stack';

let isBroken = false;

/** Return whether the parser has crashed. Then it refuses every text, so this process has to end. */
export function isParserBroken() {
  return isBroken;
}

/**
 * Return the text without types, and with a comment at its end that names `sourceUrl`, as Node compiles it. Throws
 * Node's error, with the lines and columns (one-based) where its place begins and ends as its property `place`. If the
 * text crashes the parser, the error is a SyntaxError of its own, without a place.
 */
export function strip(text, sourceUrl) {
  try {
    return parse(() => nodeModule.stripTypeScriptTypes(text, { sourceUrl }));
  } catch (error) {
    if (!isBroken) throw Object.assign(error, { place: placeOfError(text) });
    const [cause] = String(error.message).split('\n');
    if (cause.includes(CALL_STACK)) throw error;
    const told = `Node's own parser of TypeScript crashes on this text (${cause})`;
    throw Object.assign(new SyntaxError(told), { place: { line: 0, column: 0 } });
  }
}

/**
 * Return JavaScript that means the same as the text, and its source map as JSON. Node never runs this JavaScript, but it
 * requests the same modules. Throws if the text is no TypeScript.
 */
export function translate(text) {
  const { transformSync } = require('internal/deps/amaro/dist/index');
  const options = { mode: 'transform', sourceMap: true, filename: 'source.ts' };
  const { code, map } = parse(() => transformSync(text, options));
  return [code, map];
}

// Node's error says the place in its stack only. The stripper counts columns as a terminal shows them, so each UTF-16
// code unit is replaced by one that is a column wide.
function placeOfError(text) {
  const { transformSync } = require('internal/deps/amaro/dist/index');
  const plain = text.replace(/^\ufeff/, '').replace(NOT_ASCII, (unit) => (/\s/.test(unit) ? ' ' : 'e'));
  try {
    parse(() => transformSync(plain, { mode: 'strip-only' }));
  } catch ({ startLine, startColumn, endLine, endColumn }) {
    if (startLine > 0) return { line: startLine, column: startColumn + 1, endLine, endColumn: endColumn + 1 };
  }
  return { line: 0, column: 0 };
}

function parse(run) {
  try {
    return run();
  } catch (error) {
    isBroken ||= !ERRORS_OF_TEXTS.includes(error?.code);
    throw error;
  }
}
