// Makes V8 compile chosen functions of a source, so that its code cache has them. No function is called: V8 compiles a
// function when a debugger asks for the places where it could stop in it.

import { Session } from 'node:inspector';

let session = null;
// The chosen functions of the next source, as `{ lineNumber, columnNumber }`.
let wanted = null;

/** Make V8 compile the functions that start at these offsets when it reports the next script. */
export function want(text, starts) {
  if (session === null) {
    session = new Session();
    session.connect();
    session.on('Debugger.scriptParsed', ({ params }) => compileWanted(params));
    session.post('Debugger.enable');
  }
  wanted = positions(text, starts);
}

/** Forget the chosen functions, in case V8 reported no script. */
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
    // If no function starts there, the answer is an error or an empty list.
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
