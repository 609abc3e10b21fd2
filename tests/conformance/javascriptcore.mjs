// JavaScriptCore, in Bun: run with BUN_JSC_dumpModuleRecord=1, which makes the engine write each record that it
// analyses to stderr. Reads file names from stdin as JSON strings, one a line, and ends each answer with a line
// that says the number of the file and the error, if any. Nothing is evaluated.
import { readFileSync, writeSync } from 'node:fs';
import { SourceTextModule } from 'node:vm';

const END = '\u0001end of answer ';

const names = readFileSync(0, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
names.forEach((name, number) => {
  // As Node decodes a module: without a byte order mark, and with U+FFFD for invalid UTF-8.
  const source = new TextDecoder().decode(readFileSync(name));
  let error = null;
  try {
    new SourceTextModule(source, { identifier: `file ${number}` });
  } catch (thrown) {
    error = `${thrown.name}: ${thrown.message}`;
  }
  writeSync(2, `\n${END}${number} ${JSON.stringify(error)}\n`);
});
