// Strips types by Node's own function, since only that gives the very text that Node compiles.
// A text that Node refuses to strip is translated by the parser behind that function.

import * as nodeModule from 'node:module';

const require = nodeModule.createRequire(import.meta.url);
const NOT_ASCII = /[^\0-\x7f]/g;

/**
 * Return the text without types, and with a comment at its end that names `sourceUrl`, as Node compiles it. Throws
 * Node's error, with the lines and columns (one-based) where its place begins and ends as its property `place`.
 */
export function strip(text, sourceUrl) {
  try {
    return nodeModule.stripTypeScriptTypes(text, { sourceUrl });
  } catch (error) {
    throw Object.assign(error, { place: placeOfError(text) });
  }
}

/**
 * Return JavaScript that means the same as the text, and its source map as JSON. Node never runs this JavaScript, but it
 * requests the same modules. Throws if the text is no TypeScript.
 */
export function translate(text) {
  const { transformSync } = require('internal/deps/amaro/dist/index');
  const { code, map } = transformSync(text, { mode: 'transform', sourceMap: true, filename: 'source.ts' });
  return [code, map];
}

// Node's error says the place in its stack only. The stripper counts columns as a terminal shows them, so each UTF-16
// code unit is replaced by one that is a column wide.
function placeOfError(text) {
  const { transformSync } = require('internal/deps/amaro/dist/index');
  const plain = text.replace(/^\ufeff/, '').replace(NOT_ASCII, (unit) => (/\s/.test(unit) ? ' ' : 'e'));
  try {
    transformSync(plain, { mode: 'strip-only' });
  } catch ({ startLine, startColumn, endLine, endColumn }) {
    if (startLine > 0) return { line: startLine, column: startColumn + 1, endLine, endColumn: endColumn + 1 };
  }
  return { line: 0, column: 0 };
}
