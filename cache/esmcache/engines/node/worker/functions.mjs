// Has the engine compile chosen functions together with the source text that holds them, so that its code cache has
// them as well. None is called: asking for the places where a debugger could stop within a function compiles it.

import { Session } from 'node:inspector';

let session = null;
// The functions of the text that is about to be compiled, as `{ lineNumber, columnNumber }`.
let wanted = null;

/** Have the functions that start at these offsets compiled as soon as the engine reports the next source text. */
export function want(text, starts) {
  if (session === null) {
    session = new Session();
    session.connect();
    session.on('Debugger.scriptParsed', ({ params }) => compileWanted(params));
    session.post('Debugger.enable');
  }
  wanted = positions(text, starts);
}

/** Forget what was wanted, if the engine reported no source text. */
export function wantNothing() {
  wanted = null;
}

function compileWanted({ scriptId, url }) {
  if (wanted === null || url.startsWith('node:')) return;
  const places = wanted;
  wanted = null;
  for (const place of places) {
    const start = { scriptId, ...place };
    const end = { scriptId, lineNumber: place.lineNumber, columnNumber: place.columnNumber + 1 };
    // Where there is no function, the answer is an error or says nothing.
    session.post('Debugger.getPossibleBreakpoints', { start, end, restrictToFunction: true }, () => {});
  }
}

function positions(text, starts) {
  const lineStarts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) lineStarts.push(index + end.length);
  let line = 0;
  return [...starts]
    .sort((one, other) => one - other)
    .filter((start) => start < text.length)
    .map((start) => {
      while (line + 1 < lineStarts.length && lineStarts[line + 1] <= start) line++;
      return { lineNumber: line, columnNumber: start - lineStarts[line] };
    });
}
