// Node's type stripping: reads file names from stdin as JSON strings, one a line; answers each with a line of JSON that
// has the text without types, or Node's error.
import { readFileSync, writeSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const names = readFileSync(0, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
for (const name of names) {
  const source = new TextDecoder().decode(readFileSync(name));
  let answer;
  try {
    answer = { error: null, text: stripTypeScriptTypes(source) };
  } catch ({ code, message }) {
    answer = { error: `${code}: ${message}` };
  }
  writeAll(`${JSON.stringify(answer)}\n`);
}

function writeAll(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}
