// A worker: it reads `Compile` frames from its input, answers them in order, and ends when the input ends, or
// when Node's parser of TypeScript has crashed.
// Reading and writing are synchronous, so the worker does one task at a time, and waits for a client that reads slowly.

import { compile, describeError } from './compile.mjs';
import { frameReader, writeFrame } from './messages.mjs';
import { isParserBroken } from './typescript.mjs';
import v8 from 'node:v8';

const INPUT = 0;
const OUTPUT = 1;
// Callbacks of the event loop free modules, so the loop must turn now and then.
const TASKS_PER_TURN = 256;

async function answer({ id, ...task }, source) {
  let result;
  try {
    result = await compile(task, source);
  } catch (error) {
    const { message, line, column, endLine, endColumn, isSyntaxError, code } = describeError(error);
    const place = { line, column, end_line: endLine, end_column: endColumn };
    const failure = { id, message, ...place, is_syntax_error: isSyntaxError, error_code: code };
    writeFrame(OUTPUT, { type: 'Failed', ...failure, detected_kind: error?.detectedKind ?? null });
    return;
  }
  const { codeCache, requests, detectedKind, stripped } = result;
  const texts = stripped.map((text) => Buffer.from(text));
  const sizes = texts.map((text) => text.length);
  const payload = Buffer.concat([...texts, codeCache]);
  writeFrame(OUTPUT, { type: 'Compiled', id, requests, detected_kind: detectedKind, stripped: sizes }, payload);
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
  if (isParserBroken()) break;
  if (count % TASKS_PER_TURN === 0) await new Promise(setImmediate);
}
