// A worker: reads `Compile` frames from its input, answers each in order, ends when the input ends.
// Reading and writing are synchronous: one task at a time, and whoever reads too slowly slows us down.

import { compile, describeError } from './compile.mjs';
import { frameReader, writeFrame } from './messages.mjs';
import v8 from 'node:v8';

const INPUT = 0;
const OUTPUT = 1;
// Modules are freed by callbacks of the event loop, which therefore has to turn now and then.
const TASKS_PER_TURN = 256;

async function answer({ id, kind, url, filename, functions }, source) {
  let result;
  try {
    result = await compile(kind, url, filename, functions, source);
  } catch (error) {
    const { message, line, column, isSyntaxError } = describeError(error);
    const failure = { id, message, line, column, is_syntax_error: isSyntaxError };
    writeFrame(OUTPUT, { type: 'Failed', ...failure, detected_kind: error?.detectedKind ?? null });
    return;
  }
  const { codeCache, requests, detectedKind } = result;
  writeFrame(OUTPUT, { type: 'Compiled', id, requests, detected_kind: detectedKind }, codeCache);
}

writeFrame(OUTPUT, {
  type: 'Hello',
  version: process.version,
  arch: process.arch,
  v8_version: process.versions.v8,
  v8_tag: v8.cachedDataVersionTag(),
});

const next = frameReader(INPUT);
for (let count = 1; ; count++) {
  const frame = next();
  if (frame === null) break;
  await answer(frame.header, frame.payload);
  if (count % TASKS_PER_TURN === 0) await new Promise(setImmediate);
}
