// Node's type stripping: reads file names from stdin as JSON strings, one a line; answers each with a line of JSON that
// has the text without types, or Node's error.
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { readLines, writeLine } from './lines.mjs';

for (const name of readLines()) {
  const source = new TextDecoder().decode(readFileSync(name));
  let answer;
  try {
    answer = { error: null, text: stripTypeScriptTypes(source) };
  } catch ({ code, message }) {
    answer = { error: `${code}: ${message}` };
  }
  writeLine(answer);
}
